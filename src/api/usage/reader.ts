/**
 * Whose usage somebody may read: a member their own, a key what was made with it, an auditor, admin or
 * owner the organization's. The organization always comes from the actor, never from the request's parameters.
 */
import type { AccessRule, Actor } from '../../commands/access.ts'
import type { Deps } from '../../commands/deps.ts'
import type { KeyScope } from '../../domain/api-key/events.ts'
import type { Sealed } from '../../domain/personal.ts'
import { Refusal } from '../../domain/refusal.ts'
import { openText as openSealedText } from '../../projections/open.ts'
import { organizationOf, signedIn } from '../actor.ts'

export interface Reader {
  readonly orgId: string
  /** Only what this person did, or this key; neither: everything of the organization. */
  readonly userId?: string
  readonly keyId?: string
}

const scopes = {
  usage: 'usage:read',
  invocation: 'invocations:read',
  ledger: 'billing:read',
  hold: 'billing:read',
} as const satisfies Readonly<Record<string, KeyScope>>

export const readAccess = (resource: keyof typeof scopes, action = 'read'): AccessRule => ({
  actor: 'user',
  role: 'auditor',
  scope: scopes[resource],
  resource,
  action,
  limits: ['request'],
})

/** @throws Refusal forbidden when a member asks for somebody else's. */
export function readerOf(actor: Actor, wanted?: string): Reader {
  const orgId = organizationOf(actor)
  if (actor.kind === 'key') {
    if (wanted !== undefined) throw new Refusal('forbidden', { needed: 'user' })
    return { orgId, keyId: actor.keyId }
  }
  const { userId, role } = signedIn(actor)
  if (role !== 'member') return wanted === undefined ? { orgId } : { orgId, userId: wanted }
  if (wanted !== undefined && wanted !== userId) throw new Refusal('forbidden', { needed: 'admin' })
  return { orgId, userId }
}

/** For what concerns everybody's money: a key's scope says so. @throws Refusal forbidden for a member. */
export function wholeOrganization(actor: Actor): string {
  if (actor.kind === 'key') return actor.orgId
  const { orgId, userId } = readerOf(actor)
  if (userId !== undefined) throw new Refusal('forbidden', { needed: 'admin' })
  return orgId
}

/** A sealed text; undefined where there is none or it was erased. */
export const openText = async (
  { sealer }: Pick<Deps, 'sealer'>,
  sealed: Sealed | undefined,
): Promise<string | undefined> => (await openSealedText(sealer, sealed)) ?? undefined
