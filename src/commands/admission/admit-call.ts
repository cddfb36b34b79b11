/**
 * The one decision about a call: policies, key and plan, then one reservation of all its limits, and the
 * budgets that its hold is placed under. What it took is given back when the hold is refused, and by
 * whoever ends the call.
 */
import type { KeptBudget } from '../../domain/account/events.ts'
import type { OrganizationRole } from '../../domain/organization/events.ts'
import type { Admission } from '../../domain/invocation/events.ts'
import { decide } from '../../domain/policy/decide.ts'
import type { BudgetToKeep, Decision } from '../../domain/policy/decision.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { Deps } from '../deps.ts'
import { type Rate, reservationsOf, reserve, takenOf } from './limiter.ts'
import { rulesFor } from './rules-for.ts'

/** So much longer than a call can last is its place kept where nobody gives it back. */
const MARGIN_MS = 60_000
/** So many budgets a hold can carry, so many rulings an acceptance. */
const MAX_BUDGETS = 100
const MAX_RULINGS = 200

export interface CallToAdmit {
  readonly invocationId: string
  readonly orgId: string
  readonly userId?: string
  readonly keyId?: string
  readonly role?: OrganizationRole | 'key' | undefined
  /** HMAC of the caller's own end user. */
  readonly endUser?: string | undefined
  /** Keyed digest of the network address. */
  readonly origin?: string | undefined
  readonly agentId: string
  readonly sharedAgent: boolean
  readonly models: readonly string[]
  /** Other names of these models. */
  readonly aliases: ReadonlyMap<string, readonly string[]>
  readonly expectedTokens: number
  readonly at: string
}

export interface CallAdmission {
  readonly admission: Admission
  readonly budgets: readonly KeptBudget[]
  readonly rate: Rate | undefined
  /**
   * The call does not come to be: it has taken nothing. `units`: it is there already, and keeps its
   * place. Never rejects.
   */
  readonly undo: (what: 'all' | 'units') => Promise<void>
}

type AdmitDeps = Pick<Deps, 'streams' | 'ids' | 'limits' | 'settings' | 'logger'>

/** @throws Refusal policy_denied, rate_limited, too_many_policies */
export async function admitCall(deps: AdmitDeps, call: CallToAdmit): Promise<CallAdmission> {
  const { limits, budgets } = await decideCall(deps, call)
  const wanted = reservationsOf(limits, leaseOf(deps, call))
  const rate = await reserve(deps.limits, wanted)
  const taken = takenOf(wanted)
  const kept = keptBudgets(budgets)
  return {
    admission: { rulings: rulingsOf(limits, kept), taken },
    budgets: kept,
    rate,
    async undo(what) {
      const back = wanted.reservations.filter(({ kind }) => what === 'all' || kind === 'window')
      if (back.length === 0) return
      try {
        await deps.limits.release(back)
      } catch (error) {
        deps.logger.warn({ error }, 'limits not given back')
      }
    },
  }
}

/**
 * Of a call whose hold stands already: its first try has taken what it needed. Whoever ends it gives
 * back its place all the same.
 */
export async function admissionAgain(deps: AdmitDeps, call: CallToAdmit): Promise<Admission> {
  let decision: Decision & { effect: 'allow' }
  try {
    decision = await decideCall(deps, call)
  } catch (error) {
    // Forbidden since: the hold was placed while it was allowed.
    if (error instanceof Refusal) return { rulings: [], taken: [] }
    throw error
  }
  const { limits, budgets } = decision
  const taken = takenOf(reservationsOf(limits, leaseOf(deps, call)))
  return {
    rulings: rulingsOf(limits, budgets),
    taken: taken.filter(({ measure }) => measure === 'concurrency'),
  }
}

const leaseOf = ({ settings }: AdmitDeps, { invocationId }: CallToAdmit) => ({
  holder: invocationId,
  ttlMs: settings.callLimitMs + MARGIN_MS,
})

async function decideCall(
  deps: AdmitDeps,
  call: CallToAdmit,
): Promise<Decision & { effect: 'allow' }> {
  const { orgId, userId, keyId, role, endUser, origin, agentId, sharedAgent, at } = call
  const rules = await rulesFor(deps, call, at)
  const decision = decide(
    {
      action: 'invoke',
      resource: 'agent',
      act: 'invoke',
      orgId,
      agentId,
      sharedAgent,
      models: call.models,
      aliases: call.aliases,
      expectedTokens: call.expectedTokens,
      ...(userId === undefined ? {} : { userId }),
      ...(keyId === undefined ? {} : { keyId }),
      ...(role === undefined ? {} : { role }),
      ...(endUser === undefined ? {} : { endUser }),
      ...(origin === undefined ? {} : { ip: origin }),
    },
    rules,
  )
  if (decision.effect === 'deny') throw new Refusal('policy_denied', { ...decision.ruling })
  return decision
}

const rulingsOf = (
  limits: (Decision & { effect: 'allow' })['limits'],
  budgets: readonly Pick<KeptBudget, 'ruling'>[],
): Admission['rulings'] =>
  [...limits, ...budgets].map(({ ruling }) => ({ ...ruling })).slice(0, MAX_RULINGS)

/**
 * As the hold carries them. Of hard budgets for the same the smallest binds, so the others are left out;
 * where even so there are too many, nothing is spent rather than one forgotten.
 */
export function keptBudgets(budgets: readonly BudgetToKeep[]): readonly KeptBudget[] {
  if (budgets.length <= 1) return budgets
  const hard = new Map<string, BudgetToKeep>()
  const soft: BudgetToKeep[] = []
  for (const one of budgets) {
    if (!one.hard) {
      soft.push(one)
      continue
    }
    const key = JSON.stringify([one.per, one.period, one.agents, one.thresholds])
    const before = hard.get(key)
    if (!before || BigInt(one.amountNanos) < BigInt(before.amountNanos)) hard.set(key, one)
  }
  if (hard.size > MAX_BUDGETS)
    throw new Refusal('too_many_policies', { limit: MAX_BUDGETS, of: 'budgets' })
  return [...hard.values(), ...soft].slice(0, MAX_BUDGETS)
}
