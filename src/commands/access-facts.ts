/**
 * Who somebody is right now: key, or session, person, organization and role, from their streams (kept folded
 * and current by streams.ts). A revoked session, a deactivated person or a lowered role bites on the
 * next request. The view of memberships only proposes which organization is meant; its stream decides.
 */
import { organization } from '../domain/organization/organization.ts'
import { Refusal } from '../domain/refusal.ts'
import { isLive, session } from '../domain/session/session.ts'
import { isFromBefore, type User, user } from '../domain/user/user.ts'
import type { Clock } from '../ports/clock.ts'
import type { Ids } from '../ports/ids.ts'
import type { AccessClaims } from '../ports/tokens.ts'
import { organizationsOf } from '../projections/memberships.ts'
import type { Views } from '../projections/views.ts'
import type { KeyActor, UserActor } from './access.ts'
import { createKeyActors } from './api-key/key-actor.ts'
import type { Streams } from './streams.ts'

export interface OrganizationWish {
  readonly wanted: string | undefined
  /** An administrator of the platform who named none acts in none. */
  readonly orAdministrator?: true | undefined
}

export interface AccessFacts {
  /**
   * @param organization which one is wanted (the header), when the rule needs one at all
   * @throws Refusal unauthenticated, session_ended, user_deactivated, organization_required,
   *   organization_not_found (also for one that exists without this person)
   */
  actorOf(
    claims: Pick<AccessClaims, 'userId' | 'sessionId'>,
    organization?: OrganizationWish,
  ): Promise<UserActor>
  /**
   * Who comes with an API key; it has its own organization.
   * @throws Refusal unauthenticated, api_key_revoked, api_key_expired, organization_not_found
   */
  keyActorOf(
    token: string,
    request: { wanted: string | undefined; locale: string },
  ): Promise<KeyActor>
  /** The language of the person of a token, whether they may act or not. */
  localeOf(claims: Pick<AccessClaims, 'userId'>): Promise<UserActor['locale'] | undefined>
}

export function createAccessFacts(deps: {
  streams: Streams
  views: Views
  clock: Clock
  ids: Pick<Ids, 'sha256'>
}): AccessFacts {
  const { streams, views, clock } = deps

  async function actorOf(
    claims: Pick<AccessClaims, 'userId' | 'sessionId'>,
    wish?: OrganizationWish,
  ): Promise<UserActor> {
    const { state: live } = await streams.load(session, claims.sessionId)
    if (live?.userId !== claims.userId) throw new Refusal('unauthenticated')
    const { state: person } = await streams.load(user, claims.userId)
    if (!person) throw new Refusal('unauthenticated')
    // Before the session, which a deactivation ends too: the person is told the reason.
    if (!person.active) throw new Refusal('user_deactivated')
    const isOver = !isLive(live, clock.now().toISOString()) || isFromBefore(person, live.startedAt)
    if (isOver) throw new Refusal('session_ended')
    const actor: UserActor = {
      kind: 'user',
      userId: claims.userId,
      sessionId: claims.sessionId,
      locale: person.locale,
      administrator: person.roles.includes('administrator'),
    }
    const forPlatform = actor.administrator && wish?.orAdministrator && wish.wanted === undefined
    if (!wish || forPlatform) return actor
    const orgId = wish.wanted ?? live.orgId ?? (await onlyOrganization(person))
    return { ...actor, orgId, role: await roleIn(orgId, claims.userId) }
  }

  async function onlyOrganization({ userId, personalOrgId }: User): Promise<string> {
    const organizations = await organizationsOf(views, userId)
    // Just registered, perhaps: the view is a moment behind, and the own organization is known without it.
    const [only = personalOrgId] = organizations
    if (organizations.length > 1) throw new Refusal('organization_required', { organizations })
    return only
  }

  async function roleIn(orgId: string, userId: string) {
    const { state } = await streams.load(organization, orgId)
    const role = state?.members.get(userId)
    if (role === undefined) throw new Refusal('organization_not_found')
    return role
  }

  return {
    actorOf,
    keyActorOf: createKeyActors(deps),
    localeOf: async ({ userId }) => (await streams.load(user, userId)).state?.locale,
  }
}
