/** An organization for somebody who belongs to it. To everybody else it does not exist. */
import type { Organization } from '../../domain/organization/organization.ts'
import { organization } from '../../domain/organization/organization.ts'
import type { OrganizationRole } from '../../domain/organization/events.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { CommandContext } from '../context.ts'
import type { Deps } from '../deps.ts'

export interface FoundOrganization {
  readonly organization: Organization
  readonly role: OrganizationRole
  readonly revision: number
}

/** @throws Refusal organization_not_found */
export async function organizationFor(
  { streams }: Pick<Deps, 'streams'>,
  orgId: string,
  userId: string,
): Promise<FoundOrganization> {
  const { state, revision } = await streams.load(organization, orgId)
  const role = state?.members.get(userId)
  if (!state || !role) throw new Refusal('organization_not_found')
  return { organization: state, role, revision }
}

/**
 * Whoever does not belong to it learns nothing of who does, not even that it is there. Somebody who has
 * left by this very command still gets its answer.
 * @throws Refusal organization_not_found
 */
export async function assertBelongs(
  { streams }: Pick<Deps, 'streams'>,
  orgId: string,
  by: string,
  { commandId, digest }: CommandContext,
): Promise<void> {
  const { state, keyed } = await streams.load(organization, orgId)
  const repeated = digest !== undefined && keyed.has(commandId)
  if (!repeated && !state?.members.has(by)) throw new Refusal('organization_not_found')
}
