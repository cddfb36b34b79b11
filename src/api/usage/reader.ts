/**
 * Whose usage somebody may read: a member their own, an auditor, admin or owner the organization's. The
 * organization always comes from the actor, never from the request's parameters.
 */
import type { AccessRule, Actor } from '../../commands/access.ts'
import type { Deps } from '../../commands/deps.ts'
import type { Sealed } from '../../domain/personal.ts'
import { Refusal } from '../../domain/refusal.ts'
import { openText as openSealedText } from '../../projections/open.ts'

export interface Reader {
  readonly orgId: string
  /** Only what this person did; undefined: everything of the organization. */
  readonly userId: string | undefined
}

export const readAccess = (resource: string, action = 'read'): AccessRule => ({
  actor: 'user',
  role: 'auditor',
  resource,
  action,
  limits: [],
})

/** @throws Refusal forbidden when a member asks for somebody else's. */
export function readerOf(actor: Actor, wanted?: string): Reader {
  if (actor.kind !== 'user' || actor.orgId === undefined) throw new Refusal('unauthenticated')
  const { orgId, userId, role } = actor
  if (role !== 'member') return { orgId, userId: wanted }
  if (wanted !== undefined && wanted !== userId) throw new Refusal('forbidden', { needed: 'admin' })
  return { orgId, userId }
}

/** For what concerns everybody's money. @throws Refusal forbidden for a member. */
export function wholeOrganization(actor: Actor): string {
  const { orgId, userId } = readerOf(actor)
  if (userId !== undefined) throw new Refusal('forbidden', { needed: 'admin' })
  return orgId
}

/** A sealed text; undefined where there is none or it was erased. */
export const openText = async (
  { sealer }: Pick<Deps, 'sealer'>,
  sealed: Sealed | undefined,
): Promise<string | undefined> => (await openSealedText(sealer, sealed)) ?? undefined
