/**
 * The credit that each payment stands for now: a function of the set of payments and returns alone, so
 * that whatever order they came in, and however often, it is the same. Whole numbers only; every
 * rounding is down.
 */
import type { CreditKind } from '../account/events.ts'
import type { returnKinds } from './events.ts'
import { compareSource, type Payment, type Payments, type ReturnMessage } from './payments.ts'

const WHOLE_SHARE = 1_000_000n

export interface PaymentCredit {
  readonly paymentId: string
  readonly kind: CreditKind
  readonly nanos: bigint
  /** End of the time that is paid for; undefined: the credit does not lapse. */
  readonly expiresAt: string | undefined
}

const kinds = { period: 'included', top_up: 'paid', trial: 'trial' } as const

/** In the order of the payments at their source. */
export function creditOf(state: Payments): readonly PaymentCredit[] {
  const sorted = [...state.payments.values()].sort((a, b) => compareSource(a.first, b.first))
  const returns = Map.groupBy(state.returns.values(), ({ paymentId }) => paymentId)
  /** Of each period: the most that a payment of before was worth alone. */
  const largest = new Map<string, bigint>()
  return sorted.map((payment) => {
    const { paymentId, purpose } = payment
    const total = BigInt(payment.totalMinor)
    const returned = returnedOf(returns.get(paymentId))
    const isPaid = total === 0n || returned < total
    const earned = creditEarned(payment, largest, isPaid)
    return {
      paymentId,
      kind: kinds[purpose],
      nanos: leftOf(earned, total, returned),
      expiresAt: purpose === 'top_up' ? undefined : payment.periodEnd,
    }
  })
}

/**
 * The first payment of a period brings its plan's credit; one for a larger plan what that has more. Of
 * either only the share that it pays for, should it say one. One whose money all went back takes nothing
 * from those that come after it.
 */
function creditEarned(payment: Payment, largest: Map<string, bigint>, isPaid: boolean): bigint {
  const full = BigInt(payment.creditNanos)
  const period = periodOf(payment)
  const before = (period !== undefined && largest.get(period)) || 0n
  if (isPaid && period !== undefined && full > before) largest.set(period, full)
  const more = full > before ? full - before : 0n
  return (more * BigInt(payment.shareMillionths ?? WHOLE_SHARE)) / WHOLE_SHARE
}

/**
 * The end names the period: a change of plan within it pays for the time from the change to that same
 * end. All trials of an organization are one, whichever plans are tried. Undefined: the payment stands
 * alone.
 */
function periodOf({ purpose, subscriptionId, periodEnd }: Payment): string | undefined {
  if (purpose === 'trial') return 'trial'
  if (purpose !== 'period' || subscriptionId === undefined || periodEnd === undefined)
    return undefined
  return `${periodEnd} ${subscriptionId}`
}

/** Where nothing was paid (a trial, a discount of all) nothing can go back. */
function leftOf(earned: bigint, total: bigint, returned: bigint): bigint {
  if (total === 0n) return earned
  return returned >= total ? 0n : (earned * (total - returned)) / total
}

/** What of a payment's total went back, in minor units. */
export function paidBack(state: Payments, { paymentId, totalMinor }: Payment): bigint {
  const returns = [...state.returns.values()].filter((one) => one.paymentId === paymentId)
  const total = BigInt(totalMinor)
  const returned = returnedOf(returns)
  return returned > total ? total : returned
}

type ReturnKind = (typeof returnKinds)[number]

/**
 * What went back of a payment, kind by kind. That a return is undone is said twice: its own status
 * becomes `reversed`, and another one undoes it. Whichever has come, or both, it counts once.
 */
function returnedOf(returns: readonly ReturnMessage[] = []): bigint {
  const sums = new Map<ReturnKind, { approved: bigint; reversed: bigint; undone: bigint }>()
  for (const { kind, status, undoes, totalMinor } of returns) {
    const sum = sums.get(kind) ?? { approved: 0n, reversed: 0n, undone: 0n }
    const amount = BigInt(totalMinor)
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
