/**
 * What an account's calls hold and were charged, by UTC period and by whom they were for: the sums that
 * budgets are decided by. Kept whether a budget exists or not, so that one made in the middle of a
 * period counts what was spent before. A call counts in the period of its hold, whenever it settles;
 * corrections of charges change no sum. No sum outlives its period by more than one and the open holds.
 */
import { Refusal } from '../refusal.ts'
import type { PlaceHold } from './commands.ts'
import type { AccountEvent, KeptBudget } from './events.ts'
import { PersistentMap } from './persistent-map.ts'

type Dimension = KeptBudget['per']
type Period = KeptBudget['period']

export interface Spent {
  /** Upper bounds of calls that have not ended. */
  readonly heldNanos: bigint
  readonly chargedNanos: bigint
}

/** One day (`2030-01-31`) or month (`2030-01`). */
export interface PeriodSums {
  readonly start: string
  /** Holds of this period that have not ended. */
  readonly open: number
  readonly sums: PersistentMap<Spent>
  /** The highest percent that was told, of each budget and subject. */
  readonly told: PersistentMap<number>
}

/** The oldest first. */
export type Budgets = readonly PeriodSums[]
export const noBudgets: Budgets = []

/** Whom a call is for. */
export type Spender = Pick<PlaceHold, 'userId' | 'keyId' | 'endUser' | 'agentId'>

const NOTHING: Spent = { heldNanos: 0n, chargedNanos: 0n }
const periods = ['day', 'month'] as const satisfies readonly Period[]
const LENGTH: Readonly<Record<Period, number>> = { day: 10, month: 7 }
/** Two clocks may disagree about midnight: the period before is kept. */
const KEPT_OF_EACH_LENGTH = 2

const startOf = (period: Period, at: string): string => at.slice(0, LENGTH[period])

/** When the period of `at` began, and when the next one does. */
export function periodOf(period: Period, at: string): { from: string; to: string } {
  const from = new Date(`${startOf('day', at)}T00:00:00.000Z`)
  if (period === 'month') from.setUTCDate(1)
  const to = new Date(from)
  if (period === 'day') to.setUTCDate(from.getUTCDate() + 1)
  else to.setUTCMonth(from.getUTCMonth() + 1)
  return { from: from.toISOString(), to: to.toISOString() }
}

/** '' is the organization: one account knows only one. undefined: the call is for nobody of the kind. */
function subjectOf(per: Dimension, spender: Spender): string | undefined {
  switch (per) {
    case 'organization':
      return ''
    case 'user':
      return spender.userId
    case 'key':
      return spender.keyId
    case 'end_user':
      return spender.endUser
    case 'agent':
      return spender.agentId
  }
}

const sumKey = (per: Dimension, subject: string): string => `${per} ${subject}`
function keysOf({ userId, keyId, endUser, agentId }: Spender): readonly string[] {
  const keys = [sumKey('organization', ''), sumKey('agent', agentId)]
  if (userId !== undefined) keys.push(sumKey('user', userId))
  if (keyId !== undefined) keys.push(sumKey('key', keyId))
  if (endUser !== undefined) keys.push(sumKey('end_user', endUser))
  return keys
}

/** A hold is placed: its whole bound is held in the day and the month of `at`. */
export function holdIn(budgets: Budgets, hold: Spender & { at: string }, bound: bigint): Budgets {
  const change = { heldNanos: bound, chargedNanos: 0n }
  return periods.reduce(
    (all, period) => inPeriod(all, startOf(period, hold.at), keysOf(hold), change, 1),
    budgets,
  )
}

/** A hold has ended: nothing of it is held any more, and so much was charged. */
export function endIn(
  budgets: Budgets,
  hold: Spender & { at: string; amountNanos: string },
  chargedNanos: bigint,
): Budgets {
  const change = { heldNanos: -BigInt(hold.amountNanos), chargedNanos }
  return periods.reduce(
    (all, period) => inPeriod(all, startOf(period, hold.at), keysOf(hold), change, -1),
    budgets,
  )
}

function inPeriod(
  budgets: Budgets,
  start: string,
  keys: readonly string[],
  { heldNanos, chargedNanos }: Spent,
  holds: 1 | -1,
): Budgets {
  const known = budgets.some((one) => one.start === start) ? budgets : withPeriod(budgets, start)
  return known.map((one) => {
    if (one.start !== start) return one
    let { sums } = one
    for (const key of keys)
      sums = sums.update(key, (before = NOTHING) => {
        const held = before.heldNanos + heldNanos
        const charged = before.chargedNanos + chargedNanos
        return held === 0n && charged === 0n
          ? undefined
          : { heldNanos: held, chargedNanos: charged }
      })
    return { ...one, open: one.open + holds, sums }
  })
}

/** A period begins: older ones of its length go, unless a hold can still end in them. */
function withPeriod(budgets: Budgets, start: string): Budgets {
  const fresh = { start, open: 0, sums: PersistentMap.empty<Spent>(), told: noneTold }
  const all = [...budgets, fresh].sort((a, b) => (a.start < b.start ? -1 : 1))
  const alike = all.filter((one) => one.start.length === start.length)
  const kept = new Set(alike.slice(-KEPT_OF_EACH_LENGTH)).add(fresh)
  return all.filter((one) => one.start.length !== start.length || one.open > 0 || kept.has(one))
}
const noneTold = PersistentMap.empty<number>()

type Scope = Pick<KeptBudget, 'per' | 'period' | 'agents'>

/** What counts against a budget in the period of `at`. */
export function spentOf(budgets: Budgets, scope: Scope, subject: string, at: string): Spent {
  const found = budgets.find((one) => one.start === startOf(scope.period, at))
  if (!found) return NOTHING
  if (scope.per !== 'organization' || !scope.agents)
    return found.sums.get(sumKey(scope.per, subject)) ?? NOTHING
  return scope.agents.reduce((sum, agentId) => {
    const { heldNanos, chargedNanos } = found.sums.get(sumKey('agent', agentId)) ?? NOTHING
    return {
      heldNanos: sum.heldNanos + heldNanos,
      chargedNanos: sum.chargedNanos + chargedNanos,
    }
  }, NOTHING)
}

/** Everybody for whom something was held or charged in the period of `at`, in order of id. */
export function spenders(
  budgets: Budgets,
  { per, period }: Pick<Scope, 'per' | 'period'>,
  at: string,
): readonly { readonly subject: string; readonly spent: Spent }[] {
  const found = budgets.find((one) => one.start === startOf(period, at))
  const prefix = sumKey(per, '')
  return [...(found?.sums ?? [])]
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, spent]) => ({ subject: key.slice(prefix.length), spent }))
    .sort((a, b) => (a.subject < b.subject ? -1 : 1))
}

/** The subject of a budget that a call of this spender counts against. */
export function subjectUnder(scope: Scope, spender: Spender): string | undefined {
  if (scope.agents && !scope.agents.includes(spender.agentId)) return undefined
  return subjectOf(scope.per, spender)
}

/**
 * The budgets that bind this hold.
 * @throws Refusal budget_exceeded where a hard one has no room for all that the call can cost
 */
export function bindingBudgets(budgets: Budgets, hold: PlaceHold): readonly KeptBudget[] {
  const binding: KeptBudget[] = []
  for (const budget of hold.budgets ?? []) {
    const subject = subjectUnder(budget, hold)
    if (subject === undefined) continue
    binding.push(budget)
    if (!budget.hard) continue
    const { heldNanos, chargedNanos } = spentOf(budgets, budget, subject, hold.at)
    const limit = BigInt(budget.amountNanos)
    if (heldNanos + chargedNanos + hold.amountNanos <= limit) continue
    throw new Refusal('budget_exceeded', {
      policyId: budget.ruling.policyId,
      policy: budget.ruling.rule,
      per: budget.per,
      period: budget.period,
      amountNanos: budget.amountNanos,
      spentNanos: chargedNanos.toString(),
      heldNanos: heldNanos.toString(),
      neededNanos: hold.amountNanos.toString(),
      resetsAt: periodOf(budget.period, hold.at).to,
      // Running calls are held at the most that they can cost.
      helpsToWait: chargedNanos + hold.amountNanos <= limit,
    })
  }
  return binding
}

type ThresholdReached = Extract<AccountEvent, { type: 'BudgetThresholdReached' }>

/** A changed amount or another choice of agents is another budget: its thresholds are told anew. */
const toldKey = (
  { ruling, per, period, amountNanos, agents = [] }: Omit<KeptBudget, 'hard' | 'thresholds'>,
  subject: string,
): string => [ruling.policyId, ruling.rule, per, period, amountNanos, subject, ...agents].join(' ')

/** @param budgets with the charge of this call in them */
export function thresholdsReached(
  budgets: Budgets,
  hold: Spender & {
    readonly invocationId: string
    readonly at: string
    readonly budgets?: readonly KeptBudget[]
  },
  at: string,
): readonly ThresholdReached[] {
  const reached: ThresholdReached[] = []
  for (const budget of hold.budgets ?? []) {
    const subject = subjectUnder(budget, hold)
    if (subject === undefined || budget.thresholds.length === 0) continue
    const { ruling, per, period, amountNanos, hard, agents } = budget
    const start = startOf(period, hold.at)
    const told = budgets.find((one) => one.start === start)?.told.get(toldKey(budget, subject)) ?? 0
    const { chargedNanos } = spentOf(budgets, budget, subject, hold.at)
    for (const percent of budget.thresholds.toSorted((a, b) => a - b)) {
      if (percent <= told || chargedNanos * 100n < BigInt(amountNanos) * BigInt(percent)) continue
      const whose = { ...(subject === '' ? {} : { subject }), ...(agents ? { agents } : {}) }
      const { from: periodStart } = periodOf(period, hold.at)
      const sums = { percent, spentNanos: chargedNanos.toString(), amountNanos, hard }
      const { invocationId } = hold
      const data = { ruling, per, ...whose, period, periodStart, ...sums, invocationId, at }
      reached.push({ type: 'BudgetThresholdReached', data })
    }
  }
  return reached
}

/** It is told: not again in this period, and none below it. */
export function rememberTold(budgets: Budgets, data: ThresholdReached['data']): Budgets {
  const start = startOf(data.period, data.periodStart)
  const key = toldKey(data, data.subject ?? '')
  return budgets.map((one) =>
    one.start === start ? { ...one, told: one.told.set(key, data.percent) } : one,
  )
}
