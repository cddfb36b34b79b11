/**
 * The credit that each payment stands for now: a function of the set of payments and returns alone, so
 * that whatever order they came in, and however often, it is the same. Whole numbers only; every
 * rounding is down.
 */
import type { CreditKind } from '../account/events.ts'
import { maxNanos } from '../money.ts'
import { type Flow, flowsOf, type Money, periodOf } from './money-flow.ts'
import { compareSource, type Payment, type Payments } from './payments.ts'

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
  const flows = flowsOf(sorted, state.returns)
  /** Of each period: the most that a payment of before was worth alone. */
  const largest = new Map<string, bigint>()
  const left = new Map<string, bigint>()
  for (const payment of sorted) {
    const flow = flows.get(payment.paymentId)
    if (!flow) continue
    const { money } = flow
    // Money that is in a later payment too stands for this one's credit there: it still counts.
    const isPaid = money.paid === 0n || money.returned < money.paid || flow.lostMinor > 0n
    const { nanos, owed } = leftOf(creditEarned(payment, largest, isPaid), money)
    left.set(payment.paymentId, nanos)
    takeEarlier(flow, { flows, left, owed })
  }
  return sorted.map(({ paymentId, purpose, periodEnd }) => ({
    paymentId,
    kind: kinds[purpose],
    nanos: left.get(paymentId) ?? 0n,
    expiresAt: purpose === 'top_up' ? undefined : periodEnd,
  }))
}

/** What a payment has paid into another period beyond its own credit, those before it had brought in. */
function takeEarlier(
  { before }: Flow,
  so: { flows: ReadonlyMap<string, Flow>; left: Map<string, bigint>; owed: bigint },
): void {
  let { owed } = so
  for (let id = before; id !== undefined && owed > 0n; id = so.flows.get(id)?.before) {
    const has = so.left.get(id) ?? 0n
    so.left.set(id, maxNanos(has - owed, 0n))
    owed -= has
  }
}

interface Earned {
  /** What the payment brings beside those of before. */
  readonly more: bigint
  /** What its time is worth, whatever was there before. */
  readonly worth: bigint
}

/**
 * The first payment of a period brings its plan's credit; one for a larger plan what that has more. Of
 * either only the share that it pays for, should it say one. One whose money all went back takes nothing
 * from those that come after it.
 */
function creditEarned(payment: Payment, largest: Map<string, bigint>, isPaid: boolean): Earned {
  const full = BigInt(payment.creditNanos)
  const period = periodOf(payment)
  const before = (period !== undefined && largest.get(period)) || 0n
  if (isPaid && period !== undefined && full > before) largest.set(period, full)
  const share = (nanos: bigint): bigint =>
    (nanos * BigInt(payment.shareMillionths ?? WHOLE_SHARE)) / WHOLE_SHARE
  return { more: full > before ? share(full - before) : 0n, worth: share(full) }
}

/**
 * Where nothing was paid (a trial, a discount of all) nothing can go back. `owed`: so much more than its
 * own credit was paid into another period.
 */
function leftOf({ more, worth }: Earned, { whole, paid, returned, exchanged }: Money) {
  if (paid === 0n) return { nanos: more, owed: 0n }
  const kept = more * maxNanos(paid - returned, 0n) * whole
  const left = kept - worth * exchanged * paid
  const unit = paid * whole
  return left > 0n
    ? { nanos: left / unit, owed: 0n }
    : { nanos: 0n, owed: (unit - 1n - left) / unit }
}
