/**
 * B1, B2: budgets by plain sums over holds and their ends. Of each account only the periods are kept in
 * which a hold can still be placed or end.
 */
import type { AccountData, AccountEvent } from '../../domain/account/events.ts'
import { type Checker, type Place, type Placed, placed, type Say } from './checker.ts'

type Budget = NonNullable<AccountData<'HoldPlaced'>['budgets']>[number]
type Hold = Pick<
  AccountData<'HoldPlaced'>,
  'at' | 'amountNanos' | 'userId' | 'keyId' | 'endUser' | 'agentId' | 'budgets'
>

/** What was taken of a period by whom: charged, and charged or held. */
interface Taken {
  charged: bigint
  all: bigint
}
interface Account {
  readonly holds: Map<string, Hold>
  /** By period, then by spender. */
  readonly periods: Map<string, Map<string, Taken>>
  readonly told: Set<string>
  newestDay: string
}

const spendersOf = (hold: Hold): readonly string[] =>
  [
    'organization',
    `agent ${hold.agentId}`,
    hold.userId && `user ${hold.userId}`,
    hold.keyId && `key ${hold.keyId}`,
    hold.endUser && `end_user ${hold.endUser}`,
  ].filter((one): one is string => typeof one === 'string' && one !== '')

const periodsOf = (at: string): readonly string[] => [at.slice(0, 10), at.slice(0, 7)]
const startOf = ({ period }: Pick<Budget, 'period'>, at: string): string =>
  period === 'day' ? at.slice(0, 10) : at.slice(0, 7)

/** Whose sums a budget looks at. */
function spendersUnder(budget: Pick<Budget, 'per' | 'agents'>, hold: Hold): readonly string[] {
  const { per, agents } = budget
  if (per === 'organization')
    return agents ? agents.map((agentId) => `agent ${agentId}`) : ['organization']
  return spendersOf(hold).filter((one) => one.startsWith(`${per} `))
}

export function budgetsChecker(say: Say): Checker {
  const accounts = new Map<string, Account>()

  function accountOf(stream: string): Account {
    let account = accounts.get(stream)
    if (!account)
      accounts.set(
        stream,
        (account = { holds: new Map(), periods: new Map(), told: new Set(), newestDay: '' }),
      )
    return account
  }

  return {
    read(event) {
      if (!event.stream.startsWith('account-')) return
      apply(accountOf(event.stream), event, placed<AccountEvent>(event), say)
    },
  }
}

function taken({ periods }: Account, period: string, spender: string): Taken {
  let bySpender = periods.get(period)
  if (!bySpender) periods.set(period, (bySpender = new Map()))
  let sums = bySpender.get(spender)
  if (!sums) bySpender.set(spender, (sums = { charged: 0n, all: 0n }))
  return sums
}

function move(account: Account, hold: Hold, all: bigint, charged: bigint): void {
  for (const period of periodsOf(hold.at))
    for (const spender of spendersOf(hold)) {
      const sums = taken(account, period, spender)
      sums.all += all
      sums.charged += charged
    }
}

function sumOf(account: Account, budget: Budget, hold: Hold, field: keyof Taken): bigint {
  const period = startOf(budget, hold.at)
  const sum = (total: bigint, spender: string) => total + taken(account, period, spender)[field]
  return spendersUnder(budget, hold).reduce(sum, 0n)
}

function apply(
  account: Account,
  place: Place,
  { type, data }: Placed<AccountEvent>,
  say: Say,
): void {
  if (type === 'BudgetThresholdReached') return reached(account, place, data, say)
  if (type === 'HoldPlaced') return held(account, place, data, say)
  if (type !== 'HoldSettled' && type !== 'HoldReleased') return
  const hold = account.holds.get(data.invocationId)
  if (!hold) return
  const charge = type === 'HoldSettled' ? BigInt(data.chargeNanos) : 0n
  move(account, hold, charge - BigInt(hold.amountNanos), charge)
  account.holds.delete(data.invocationId)
}

function held(account: Account, place: Place, data: AccountData<'HoldPlaced'>, say: Say): void {
  const { invocationId, amountNanos, at, budgets = [] } = data
  forget(account, at)
  account.holds.set(invocationId, data)
  move(account, data, BigInt(amountNanos), 0n)
  for (const budget of budgets) {
    const all = sumOf(account, budget, data, 'all')
    if (budget.hard && all > BigInt(budget.amountNanos))
      say(
        'B1',
        place,
        `with the hold of ${invocationId} the budget ${budget.ruling.policyId} of ` +
          `${budget.amountNanos} nano-USD has ${all} spent and held`,
      )
  }
}

function reached(
  account: Account,
  place: Place,
  data: AccountData<'BudgetThresholdReached'>,
  say: Say,
): void {
  const { ruling, per, subject = '', period, periodStart, percent, amountNanos, agents } = data
  const what = `${percent} % of ${ruling.policyId}`
  const key = [
    ruling.policyId,
    ruling.rule,
    per,
    subject,
    period,
    periodStart,
    percent,
    amountNanos,
  ]
  const once = [...key, ...(agents ?? [])].join(' ')
  if (account.told.has(once)) say('B2', place, `${what} is told a second time`)
  account.told.add(once)
  const spender = per === 'organization' ? 'organization' : `${per} ${subject}`
  const whose = per === 'organization' && agents ? agents.map((id) => `agent ${id}`) : [spender]
  const sum = (total: bigint, one: string) =>
    total + taken(account, startOf(data, periodStart), one).charged
  const charged = whose.reduce(sum, 0n)
  if (charged !== BigInt(data.spentNanos))
    say('B2', place, `${what}: ${data.spentNanos} nano-USD are told, ${charged} were charged`)
  if (charged * 100n < BigInt(amountNanos) * BigInt(percent))
    say('B2', place, `${what} is told before it was reached`)
}

const WEEK_MS = 7 * 24 * 3_600_000

/** A call lives for minutes; a week is time for every end. A month is kept as long as its last day. */
function forget(account: Account, at: string): void {
  const day = at.slice(0, 10)
  if (day <= account.newestDay) return
  account.newestDay = day
  const oldest = new Date(Date.parse(day) - WEEK_MS).toISOString()
  for (const period of account.periods.keys())
    if (period < oldest.slice(0, period.length)) account.periods.delete(period)
  for (const told of account.told) {
    const start = /\d{4}-\d\d-\d\dT[\d:.]+Z/.exec(told)?.[0]
    if (start !== undefined && start.slice(0, 7) < oldest.slice(0, 7)) account.told.delete(told)
  }
}
