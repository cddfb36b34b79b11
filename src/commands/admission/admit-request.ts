/**
 * The one decision about a request at the door: policies, then one reservation of all its limits. Routes
 * that invoke are decided inside the command, where agent, models and expected tokens are known.
 */
import { decide } from '../../domain/policy/decide.ts'
import type { LimitToReserve, Subject } from '../../domain/policy/decision.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { AccessRule, Actor } from '../access.ts'
import type { Deps } from '../deps.ts'
import { type Rate, reservationsOf, reserve } from './limiter.ts'
import { originOf } from './origin.ts'
import { rulesFor } from './rules-for.ts'

export interface RequestAtDoor {
  readonly requestId: string
  readonly actor: Actor
  readonly access: AccessRule
  readonly ip: string
  /** HMAC of the address that the request names. */
  readonly address?: string | undefined
}

type AdmitDeps = Pick<Deps, 'streams' | 'ids' | 'limits' | 'clock'> & {
  readonly sealer: Pick<Deps['sealer'], 'hmac'>
}

/** No request at the door is at work for longer. Leases of calls have their own time. */
const LEASE_MS = 60_000

/**
 * The tightest limit after it, for the answer's headers; undefined where none binds.
 * @throws Refusal policy_denied, rate_limited
 */
export async function admitRequest(
  deps: AdmitDeps,
  { requestId, actor, access, ip, address }: RequestAtDoor,
): Promise<Rate | undefined> {
  const actions = access.limits.filter((action) => action !== 'invoke')
  if (actions.length === 0) return undefined
  const rules = await rulesFor(deps, whoseOf(actor), deps.clock.now().toISOString())
  const subject = {
    ...subjectOf(actor, access),
    ip: originOf(deps.sealer, ip),
    ...(address === undefined ? {} : { address }),
  }
  const limits: LimitToReserve[] = []
  for (const action of actions) {
    const decision = decide({ ...subject, action }, rules)
    if (decision.effect === 'deny') throw new Refusal('policy_denied', { ...decision.ruling })
    limits.push(...decision.limits)
  }
  const wanted = reservationsOf(limits, { holder: requestId, ttlMs: LEASE_MS })
  return reserve(deps.limits, wanted)
}

const whoseOf = (actor: Actor): { readonly orgId?: string; readonly keyId?: string } =>
  actor.kind === 'anonymous' ? {} : actor

export function subjectOf(actor: Actor, access: AccessRule): Omit<Subject, 'action'> {
  const { resource, action: act } = access
  const exempt = exemptionOf(actor, access)
  return { resource, act, ...(exempt === undefined ? {} : { exempt }), ...whoActs(actor) }
}

function exemptionOf(actor: Actor, access: AccessRule): Subject['exempt'] {
  const forPlatform =
    access.orAdministrator === true && actor.kind === 'user' && actor.orgId === undefined
  if (access.actor === 'administrator' || forPlatform) return 'access'
  return access.resource === 'policy' ? 'own' : undefined
}

function whoActs(actor: Actor): Pick<Subject, 'orgId' | 'userId' | 'keyId' | 'role'> {
  switch (actor.kind) {
    case 'anonymous':
      return {}
    case 'key':
      return { orgId: actor.orgId, keyId: actor.keyId, role: 'key' }
    case 'user':
      return {
        userId: actor.userId,
        ...(actor.orgId === undefined ? {} : { orgId: actor.orgId }),
        ...(actor.role === undefined ? {} : { role: actor.role }),
      }
  }
}
