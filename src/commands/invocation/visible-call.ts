/**
 * Whose calls somebody may see: their own (a key those that were made with it); the organization's with the role for it. Everybody else's
 * answers exactly as one that does not exist.
 */
import type { Invocation } from '../../domain/invocation/invocation.ts'
import { Refusal } from '../../domain/refusal.ts'
import { atLeast, type OrganizationActor } from '../access.ts'
import type { Deps } from '../deps.ts'
import { loadCall } from './flow.ts'

/** @throws Refusal invocation_not_found */
export async function visibleCall(
  deps: Pick<Deps, 'streams'>,
  actor: OrganizationActor,
  invocationId: string,
  action: 'read' | 'change',
): Promise<Invocation> {
  const invocation = await loadCall(deps, invocationId)
  const { accepted } = invocation
  const own =
    actor.kind === 'key' ? accepted?.keyId === actor.keyId : accepted?.userId === actor.userId
  const role = actor.kind === 'key' ? undefined : actor.role
  const byRole = atLeast(role, 'admin') || (action === 'read' && role === 'auditor')
  if (!accepted || accepted.orgId !== actor.orgId || !(own || byRole))
    throw new Refusal('invocation_not_found')
  return invocation
}
