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

interface DaySpent extends Spent {
  /** `2030-01-31` */
  readonly day: string
}
/** What counts for one spender in a month, and in those of its days that are still looked at. */
export interface MonthSpent extends Spent {
  readonly days: readonly DaySpent[]
}

export interface MonthSums {
  /** `2030-01` */
  readonly month: string
  /** With the holds of each that have not ended; the oldest first. */
  readonly days: readonly { readonly day: string; readonly open: number }[]
  readonly sums: PersistentMap<MonthSpent>
  /** The highest percent that was told, of each budget, subject and period. */
  readonly told: PersistentMap<number>
}

/** The oldest first. */
export type Budgets = readonly MonthSums[]
export const noBudgets: Budgets = []

/** Whom a call is for. */
export type Spender = Pick<PlaceHold, 'userId' | 'keyId' | 'endUser' | 'agentId'>

const NOTHING: Spent = { heldNanos: 0n, chargedNanos: 0n }
const NO_MONTH: MonthSpent = { ...NOTHING, days: [] }
/** Two clocks may disagree about midnight: the day and the month before are kept. */
const KEPT = 2

const dayOf = (at: string): string => at.slice(0, 10)
const monthOf = (at: string): string => at.slice(0, 7)

/** When the period of `at` began, and when the next one does. */
export function periodOf(period: Period, at: string): { from: string; to: string } {
  const from = new Date(`${dayOf(at)}T00:00:00.000Z`)
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
export const holdIn = (
  budgets: Budgets,
  hold: Spender & { readonly at: string },
  bound: bigint,
): Budgets => changed(budgets, hold, { heldNanos: bound, chargedNanos: 0n }, 1)

/** A hold has ended: nothing of it is held any more, and so much was charged. */
export const endIn = (
  budgets: Budgets,
  hold: Spender & { readonly at: string; readonly amountNanos: string },
  chargedNanos: bigint,
): Budgets => changed(budgets, hold, { heldNanos: -BigInt(hold.amountNanos), chargedNanos }, -1)

function changed(
  budgets: Budgets,
  hold: Spender & { readonly at: string },
  by: Spent,
  holds: 1 | -1,
): Budgets {
  const month = monthOf(hold.at)
  const day = dayOf(hold.at)
  const known = budgets.some((one) => one.month === month) ? budgets : withMonth(budgets, month)
  return known.map((one) => {
    if (one.month !== month) return one
    const days = daysAfter(one.days, day, holds)
    let { sums } = one
    for (const key of keysOf(hold))
      sums = sums.update(key, (before = NO_MONTH) => {
        const after = { ...plus(before, by), days: spentByDay(before.days, day, by, days) }
        return after.heldNanos === 0n && after.chargedNanos === 0n ? undefined : after
      })
    return { ...one, days, sums }
  })
}

const plus = (a: Spent, b: Spent): Spent => ({
  heldNanos: a.heldNanos + b.heldNanos,
  chargedNanos: a.chargedNanos + b.chargedNanos,
})

/** Of days in which no hold can end any more the newest are kept, and nothing of the others. */
function spentByDay(
  before: readonly DaySpent[],
  day: string,
  by: Spent,
  kept: MonthSums['days'],
): readonly DaySpent[] {
  const [only] = before
  // Nearly always the spender has spent on this day alone, or on none.
  if (before.length === 0) return [{ day, ...by }]
  if (before.length === 1 && only?.day === day) return [{ day, ...plus(only, by) }]
  const others = before.filter(
    (one) => one.day !== day && kept.some((other) => other.day === one.day),
  )
  const own = before.find((one) => one.day === day)
  return [...others, { day, ...(own ? plus(own, by) : by) }]
}

function daysAfter(days: MonthSums['days'], day: string, holds: 1 | -1): MonthSums['days'] {
  if (days.some((one) => one.day === day))
    return days.map((one) => (one.day === day ? { day, open: one.open + holds } : one))
  const all = [...days, { day, open: 1 }].sort((a, b) => (a.day < b.day ? -1 : 1))
  const newest = all.slice(-KEPT)
  return all.filter((one) => one.open > 0 || newest.includes(one))
}

/** A month begins: older ones go, unless a hold can still end in them. */
function withMonth(budgets: Budgets, month: string): Budgets {
  const fresh: MonthSums = {
    month,
    days: [],
    sums: PersistentMap.empty(),
    told: PersistentMap.empty(),
  }
  const all = [...budgets, fresh].sort((a, b) => (a.month < b.month ? -1 : 1))
  const kept = [...all.slice(-KEPT), fresh]
  return all.filter((one) => kept.includes(one) || one.days.some(({ open }) => open > 0))
}

type Scope = Pick<KeptBudget, 'per' | 'period' | 'agents'>

/** What counts against a budget in the period of `at`. */
export function spentOf(budgets: Budgets, scope: Scope, subject: string, at: string): Spent {
  const found = monthAt(budgets, at)
  if (!found) return NOTHING
  const keys =
    scope.per === 'organization' && scope.agents
      ? scope.agents.map((agentId) => sumKey('agent', agentId))
      : [sumKey(scope.per, subject)]
  const [first = NOTHING, ...others] = keys.map((key) =>
    inPeriod(found.sums.get(key), scope.period, at),
  )
  return others.reduce(plus, first)
}

const monthAt = (budgets: Budgets, at: string): MonthSums | undefined =>
  budgets.find(({ month }) => month === monthOf(at))

function inPeriod(spent: MonthSpent | undefined, period: Period, at: string): Spent {
  const found = period === 'month' ? spent : spent?.days.find((one) => one.day === dayOf(at))
  const { heldNanos, chargedNanos } = found ?? NOTHING
  return { heldNanos, chargedNanos }
}

/** Everybody for whom something was held or charged in the period of `at`, in order of id. */
export function spenders(
  budgets: Budgets,
  { per, period }: Pick<Scope, 'per' | 'period'>,
  at: string,
): readonly { readonly subject: string; readonly spent: Spent }[] {
  const prefix = sumKey(per, '')
  return [...(monthAt(budgets, at)?.sums ?? [])]
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, spent]) => ({
      subject: key.slice(prefix.length),
      spent: inPeriod(spent, period, at),
    }))
    .filter(({ spent }) => spent.heldNanos > 0n || spent.chargedNanos > 0n)
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
  at: string,
): string => {
  const start = period === 'day' ? dayOf(at) : monthOf(at)
  return [start, ruling.policyId, ruling.rule, per, amountNanos, subject, ...agents].join(' ')
}

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
    const told = monthAt(budgets, hold.at)?.told.get(toldKey(budget, subject, hold.at)) ?? 0
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
  const month = monthOf(data.periodStart)
  const key = toldKey(data, data.subject ?? '', data.periodStart)
  return budgets.map((one) =>
    one.month === month ? { ...one, told: one.told.set(key, data.percent) } : one,
  )
}
