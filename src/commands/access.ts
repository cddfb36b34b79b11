/**
 * Who acts and whether they may. Every door (HTTP, the bot, the command line) asks here with the rule
 * that stands beside its route. Roles are read from the streams at each request, never from a token.
 */
import type { OrganizationRole } from '../domain/organization/events.ts'
import type { ActorRef } from '../domain/metadata.ts'
import type { LimitedAction } from '../domain/policy/events.ts'
import type { KeyScope } from '../domain/api-key/events.ts'
import { Refusal } from '../domain/refusal.ts'

export interface UserActor {
  readonly kind: 'user'
  readonly userId: string
  readonly sessionId: string
  readonly locale: string
  readonly administrator: boolean
  /** The organization of the request and the role in it, where the rule asks for one. */
  readonly orgId?: string
  readonly role?: OrganizationRole
}
/** A program with a key of an organization: it may do what its scopes name, and nothing more. */
export interface KeyActor {
  readonly kind: 'key'
  readonly keyId: string
  readonly orgId: string
  readonly scopes: readonly KeyScope[]
  /** Agents and models that it is bound to; all of the organization where left out. */
  readonly agents?: readonly string[]
  readonly models?: readonly string[]
  readonly locale: string
}
/** Whoever acts in an organization. */
export type OrganizationActor = UserActor | KeyActor
export type Actor = { readonly kind: 'anonymous'; readonly locale: string } | OrganizationActor

/** Declared beside each route; a route without one does not compile. */
export interface AccessRule {
  /** anyone: no token needed · user: a signed-in, active person · administrator: of the platform. */
  readonly actor: 'anyone' | 'user' | 'administrator'
  /**
   * Least role in the request's organization. Roles in order: auditor (reads everything), member, admin,
   * owner. undefined: no organization is needed.
   */
  readonly role?: 'auditor' | 'member' | 'admin' | 'owner'
  /** Concerns everybody in the organization: not for a member, who sees only what is their own. */
  readonly wholeOrganization?: true
  /** An administrator of the platform may too, and then acts in no organization. Only beside a role. */
  readonly orAdministrator?: true
  /** What a key needs for it, or one of several; keys are refused where there is none. Only beside a role. */
  readonly scope?: KeyScope | readonly KeyScope[]
  readonly resource: string
  readonly action: string
  /**
   * What the request counts as. `invoke` is decided inside the command, which knows agent and tokens; all
   * others at the door. None: health and documents, which anybody may ask for at any time.
   */
  readonly limits: readonly LimitedAction[]
}

/**
 * A process that has not seen the end of the log for so long may know rights that were taken away, and
 * prices and balances that have changed.
 */
export const END_UNSEEN_MS = 5_000

/**
 * Whether a request needs a process that knows the end of the log: administration, and what changes
 * anything; not what is only taken down, which asks for no right, and whose stream alone decides.
 */
export const needsEndOfLog = (rule: AccessRule, changes: boolean): boolean =>
  (changes && rule.resource !== 'webhook') ||
  rule.actor === 'administrator' ||
  rule.role === 'admin' ||
  rule.role === 'owner'

/** What a role may do: an auditor reads, a member also invokes, an admin also manages, an owner everything. */
const RANK: Readonly<Record<OrganizationRole, number>> = {
  auditor: 0,
  member: 1,
  admin: 2,
  owner: 3,
}

/** @throws Refusal unauthenticated, forbidden. */
export function authorize(actor: Actor, rule: AccessRule): void {
  if (rule.actor === 'anyone') return
  if (actor.kind === 'anonymous') throw new Refusal('unauthenticated')
  if (rule.actor === 'administrator') {
    if (actor.kind !== 'user' || !actor.administrator)
      throw new Refusal('forbidden', { needed: 'administrator' })
    return
  }
  if (actor.kind === 'key') {
    const scopes = [rule.scope ?? []].flat()
    if (!scopes.some((scope) => actor.scopes.includes(scope)))
      throw new Refusal('forbidden', { needed: scopes[0] ?? 'user' })
    return
  }
  if (rule.role === undefined) return
  if (rule.orAdministrator && actor.administrator && actor.orgId === undefined) return
  if (rule.wholeOrganization && actor.role === 'member')
    throw new Refusal('forbidden', { needed: rule.role })
  if (actor.role === undefined || RANK[actor.role] < RANK[rule.role])
    throw new Refusal('forbidden', { needed: rule.role })
}

export const atLeast = (role: OrganizationRole | undefined, least: OrganizationRole): boolean =>
  role !== undefined && RANK[role] >= RANK[least]

/** The actor as events store it. */
export function actorRef(actor: Actor): ActorRef {
  switch (actor.kind) {
    case 'anonymous':
      return { kind: 'anonymous' }
    case 'user':
      return { kind: 'user', id: actor.userId, sessionId: actor.sessionId }
    case 'key':
      return { kind: 'apiKey', id: actor.keyId, orgId: actor.orgId }
  }
}
