/** What a route's access rule has made sure of, as types. */
import type { Actor, OrganizationActor, UserActor } from '../commands/access.ts'
import { Refusal } from '../domain/refusal.ts'

export function signedIn(actor: Actor): UserActor {
  if (actor.kind !== 'user') throw new Refusal('unauthenticated')
  return actor
}

/** The organization of the request, where the rule asks for a role in it. */
/** A person or a key. */
export function acting(actor: Actor): OrganizationActor {
  if (actor.kind === 'anonymous') throw new Refusal('unauthenticated')
  return actor
}

export function organizationOf(actor: Actor): string {
  const { orgId } = acting(actor)
  if (orgId === undefined) throw new Refusal('organization_required')
  return orgId
}
