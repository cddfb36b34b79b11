/**
 * Where the money of each payment came from and went to: what was paid, what went back, and what a change
 * of plan has brought from one payment into the next. A function of the set of payments and returns.
 */
import { maxNanos } from '../money.ts'
import type { returnKinds } from './events.ts'
import type { Payment, Payments, ReturnMessage } from './payments.ts'

/** A payment's money, and where it came from and went to. */
export interface Flow {
  readonly money: Money
  /** The payment before it in the same period. */
  readonly before: string | undefined
  /** What was brought into the next payment and went back as well, as a chargeback takes all: tax included. */
  readonly lostMinor: bigint
}

export function flowsOf(
  sorted: readonly Payment[],
  all: Payments['returns'],
): ReadonlyMap<string, Flow> {
  const returns = Map.groupBy(all.values(), ({ paymentId }) => paymentId)
  const nextOf = nextOfSubscription(sorted)
  const flows = new Map<string, Flow>()
  const last = new Map<string, string>()
  /** By payment: what the one before it has lost of what it brought in, and whether within its period. */
  const lostInto = new Map<string, { readonly minor: bigint; readonly isWithin: boolean }>()
  for (const payment of sorted) {
    const { paymentId } = payment
    const period = periodOf(payment)
    const before = period === undefined ? undefined : last.get(period)
    if (period !== undefined) last.set(period, paymentId)
    const broughtIn = before === undefined ? 0n : exchangedMinorOf(returns.get(before))
    const lost = lostInto.get(paymentId) ?? { minor: 0n, isWithin: true }
    const paid = moneyOf(payment, broughtIn, returns.get(paymentId))
    const next = nextOf.get(paymentId)
    const isWithin = next !== undefined && period !== undefined && periodOf(next) === period
    const leaves = isExchanged(payment, next)
    const lostMinor = isWithin || leaves ? lostOf(payment, paid, lost.minor) : 0n
    if (next && lostMinor > 0n) lostInto.set(next.paymentId, { minor: lostMinor, isWithin })
    const net = netOf(payment)
    const money = {
      ...paid,
      // Within the period the earlier payment's own credit goes instead.
      returned: paid.returned + (lost.isWithin ? 0n : lost.minor * net),
      exchanged: leaves ? paid.exchanged - lostMinor * net : 0n,
    }
    flows.set(paymentId, { money, before, lostMinor })
  }
  return flows
}

/** More went out of a payment than was in it: so much of what it brought into the next was not there. */
function lostOf(
  payment: Payment,
  { whole, returned, exchanged }: Money,
  lostBefore: bigint,
): bigint {
  const net = netOf(payment)
  if (net === 0n) return 0n
  const lost = returned + lostBefore * net + exchanged - whole
  return maxNanos(lost < exchanged ? lost : exchanged, 0n) / net
}

/** By payment of a period: the next one of its subscription. */
function nextOfSubscription(sorted: readonly Payment[]): ReadonlyMap<string, Payment> {
  const next = new Map<string, Payment>()
  const newest = new Map<string, Payment>()
  for (const payment of sorted) {
    const { purpose, subscriptionId } = payment
    if (purpose !== 'period' || subscriptionId === undefined) continue
    const before = newest.get(subscriptionId)
    if (before) next.set(before.paymentId, payment)
    newest.set(subscriptionId, payment)
  }
  return next
}

/**
 * A later payment of the subscription begins another period before this one's end, as a change from a
 * month to a year does. What is paid back then for the unused time takes its credit along. Within one
 * period it takes none: there the new plan's payment brings only what that has more.
 */
function isExchanged(payment: Payment, next: Payment | undefined): boolean {
  const { periodStart: start, periodEnd: end } = payment
  if (start === undefined || end === undefined) return false
  if (next?.periodStart === undefined || next.periodEnd === end) return false
  return next.periodStart >= start && next.periodStart < end
}

/**
 * The end names the period: a change of plan within it pays for the time from the change to that same
 * end. All trials of an organization are one, whichever plans are tried. Undefined: the payment stands
 * alone.
 */
export function periodOf({ purpose, subscriptionId, periodEnd }: Payment): string | undefined {
  if (purpose === 'trial') return 'trial'
  if (purpose !== 'period' || subscriptionId === undefined || periodEnd === undefined)
    return undefined
  return `${periodEnd} ${subscriptionId}`
}

/** Money of a payment without its tax, for which there is no credit. All in one unit, whichever. */
export interface Money {
  readonly whole: bigint
  /** Less than the whole where the unused time of an earlier payment was brought in. */
  readonly paid: bigint
  readonly returned: bigint
  /** What was paid back, or into another plan, for the unused time. */
  readonly exchanged: bigint
}

const exchangedMinorOf = (returns: readonly ReturnMessage[] = []): bigint =>
  returnedOf(returns, ({ exchangedMinor = '0' }) => BigInt(exchangedMinor))

/**
 * Where a return does not say its tax it has the payment's share of it. What an earlier payment of the
 * period has brought in stands for that one's credit, and can go back with that one alone.
 */
function moneyOf(
  payment: Payment,
  broughtIn: bigint,
  returns: readonly ReturnMessage[] = [],
): Money {
  const total = BigInt(payment.totalMinor)
  const net = netOf(payment)
  const atShare = (minor: bigint) => minor * net
  return {
    whole: atShare(total),
    paid: atShare(broughtIn < total ? total - broughtIn : total),
    returned: returnedOf(returns, ({ totalMinor, taxMinor }) =>
      taxMinor === undefined
        ? atShare(BigInt(totalMinor))
        : total * maxNanos(BigInt(totalMinor) - BigInt(taxMinor), 0n),
    ),
    exchanged: atShare(exchangedMinorOf(returns)),
  }
}

function netOf({ totalMinor, taxMinor }: Payment): bigint {
  const [total, tax] = [BigInt(totalMinor), BigInt(taxMinor)]
  return total > tax ? total - tax : total
}

/** What of a payment's total went back, in minor units. */
export function paidBack(state: Payments, { paymentId, totalMinor }: Payment): bigint {
  const returns = [...state.returns.values()].filter((one) => one.paymentId === paymentId)
  const total = BigInt(totalMinor)
  const returned = returnedOf(returns, (one) => BigInt(one.totalMinor))
  return returned > total ? total : returned
}

type ReturnKind = (typeof returnKinds)[number]

/**
 * What went back of a payment, kind by kind. That a return is undone is said twice: its own status
 * becomes `reversed`, and another one undoes it. Whichever has come, or both, it counts once.
 */
function returnedOf(
  returns: readonly ReturnMessage[],
  amountOf: (one: ReturnMessage) => bigint,
): bigint {
  const sums = new Map<ReturnKind, { approved: bigint; reversed: bigint; undone: bigint }>()
  for (const one of returns) {
    const { kind, status, undoes } = one
    const sum = sums.get(kind) ?? { approved: 0n, reversed: 0n, undone: 0n }
    const amount = amountOf(one)
    if (undoes) sum.undone += status === 'approved' ? amount : 0n
    else if (status === 'approved') sum.approved += amount
    else if (status === 'reversed') sum.reversed += amount
    sums.set(kind, sum)
  }
  let returned = 0n
  for (const { approved, reversed, undone } of sums.values()) {
    const back = approved + reversed - (undone > reversed ? undone : reversed)
    if (back > 0n) returned += back
  }
  return returned
}
