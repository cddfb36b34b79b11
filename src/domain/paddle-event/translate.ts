/**
 * From Paddle's words to those of subscription and payment, which know nothing of Paddle. Pure and whole:
 * each message alone says all that it says, so the order in which they come is nobody's concern. Money is
 * BigInt from minor units, never a float; where a part is not known nothing is guessed.
 */
import { MAX_NANOS, maxNanos } from '../money.ts'
import type { PaymentMessage, ReturnMessage } from '../payment/payments.ts'
import type { PlanInput } from '../plan/events.ts'
import { addDays } from '../subscription/period.ts'
import type { SubscriptionMessage } from '../subscription/subscription.ts'
import type { IgnoredReason, ParkedReason } from './events.ts'
import { instantOf } from './instant.ts'
import {
  type AdjustmentPayload,
  followsSubscription,
  type SubscriptionPayload,
  type TransactionPayload,
} from './payload.ts'

/** What a price of Paddle is for here. */
export interface PriceUse {
  readonly planId: string
  readonly version: number
  readonly terms: PlanInput
  /** `plan`: so often the included credit for one of its periods. */
  readonly sells: { readonly what: 'plan'; readonly times: bigint } | { readonly what: 'top_up' }
}
/** By price, as far as any published plan names it. */
export type PriceUses = ReadonlyMap<string, PriceUse>

export interface Source {
  readonly occurredAt: string
  readonly eventId: string
}

export type Translated<Message> =
  | { readonly kind: 'message'; readonly message: Message }
  | { readonly kind: 'ignored'; readonly reason: Exclude<IgnoredReason, 'dismissed'> }
  | {
      readonly kind: 'parked'
      readonly reason: ParkedReason
      readonly waitsFor: readonly string[]
    }

const parked = (reason: ParkedReason, waitsFor: readonly string[] = []) =>
  ({ kind: 'parked', reason, waitsFor }) as const
const NO_EFFECT = { kind: 'ignored', reason: 'no_effect' } as const
const unknownPrices = (ids: readonly string[]) =>
  parked(
    'unknown_price',
    [...new Set(ids)].map((id) => `price:${id}`),
  )

/** What a price of a plan is for, by the newest version that names it. */
export function useOf(planId: string, versions: readonly PlanInput[], priceId: string) {
  for (const [index, terms] of [...versions.entries()].toReversed()) {
    const price = terms.payment?.prices.find((one) => one.priceId === priceId)
    const version = index + 1
    if (price) {
      const sells = { what: 'plan', times: BigInt(price.times ?? 1) } as const
      return { planId, version, terms, sells } satisfies PriceUse
    }
    if (terms.payment?.topUpPrices.includes(priceId))
      return { planId, version, terms, sells: { what: 'top_up' } } satisfies PriceUse
  }
  return undefined
}

const CHANGES: Readonly<Record<string, 'cancel' | 'pause' | 'resume'>> = {
  cancel: 'cancel',
  pause: 'pause',
  resume: 'resume',
}

/** The price of a subscription that says which plan it is. */
export function planPriceOf(data: SubscriptionPayload, uses: PriceUses): PriceUse | undefined {
  const known = data.items
    .toSorted((a, b) => Number(b.recurring ?? false) - Number(a.recurring ?? false))
    .map(({ price }) => uses.get(price.id))
  return known.find((use) => use?.sells.what === 'plan')
}

export function subscriptionMessage(
  data: SubscriptionPayload,
  uses: PriceUses,
  { occurredAt, eventId }: Source,
): Translated<SubscriptionMessage> {
  const use = planPriceOf(data, uses)
  if (!use) return unknownPrices(data.items.map(({ price }) => price.id))
  const { customer_id: customerId, current_billing_period: period, scheduled_change: next } = data
  const change = next && CHANGES[next.action]
  const began = data.started_at ?? data.first_billed_at ?? data.created_at ?? occurredAt
  const message = {
    subscriptionId: data.id,
    status: data.status,
    ...(data.status === 'canceled' ? { endsAt: instantOf(data.canceled_at ?? occurredAt) } : {}),
    planId: use.planId,
    planVersion: use.version,
    graceDays: use.terms.graceDays,
    startedAt: instantOf(began),
    ...(customerId ? { customerId } : {}),
    ...(period
      ? { periodStart: instantOf(period.starts_at), periodEnd: instantOf(period.ends_at) }
      : {}),
    ...(next && change ? { scheduled: { change, at: instantOf(next.effective_at) } } : {}),
    occurredAt,
    eventId,
  }
  return { kind: 'message', message }
}

interface UsedItem {
  readonly item: TransactionPayload['items'][number]
  readonly use: PriceUse
}

export function paymentMessage(
  data: TransactionPayload,
  uses: PriceUses,
  source: Source,
): Translated<PaymentMessage> {
  const used: UsedItem[] = data.items.flatMap((item) => {
    const use = uses.get(item.price.id)
    return use ? [{ item, use }] : []
  })
  // What no plan names beside what one names is an extra without credit: a fee, a delivery.
  if (used.length === 0) return unknownPrices(data.items.map(({ price }) => price.id))
  const sold = new Set(used.map(({ use }) => use.sells.what))
  if (sold.size > 1) return parked('refused')
  return sold.has('plan') ? planPayment(data, used, source) : topUpPayment(data, used, source)
}

function planPayment(
  data: TransactionPayload,
  used: readonly UsedItem[],
  source: Source,
): Translated<PaymentMessage> {
  const { total, discount } = data.details.totals
  const worth = used.map((one) => ({ ...one, nanos: periodCredit(one) }))
  const [main] = worth.toSorted((a, b) => (a.nanos === b.nanos ? 0 : a.nanos < b.nanos ? 1 : -1))
  if (!main) return NO_EFFECT
  const { billing_period: period } = data
  const within = period
    ? { periodStart: instantOf(period.starts_at), periodEnd: instantOf(period.ends_at) }
    : {}
  const begun = { ...within, ...common(data, main.use, source) }
  if (total === '0' && discount === '0') {
    const { trial } = main.use.terms
    const tries = main.item.price.trial_period && !followsSubscription(data)
    if (!tries || !trial) return NO_EFFECT
    const start = instantOf(source.occurredAt)
    const days = { periodStart: start, periodEnd: addDays(start, trial.days) }
    const creditNanos = trial.amountNanos
    return { kind: 'message', message: { ...days, ...begun, purpose: 'trial', creditNanos } }
  }
  const nanos = worth.reduce((sum, one) => sum + one.nanos, 0n)
  if (nanos > MAX_NANOS) return parked('refused')
  const { proration } = main.item
  const share = proration ? { shareMillionths: millionthsOf(proration.rate) } : {}
  const creditNanos = nanos.toString()
  return { kind: 'message', message: { ...begun, ...share, purpose: 'period', creditNanos } }
}

function periodCredit({ item, use: { terms, sells } }: UsedItem): bigint {
  const times = sells.what === 'plan' ? sells.times : 0n
  return BigInt(terms.includedCredit?.amountNanos ?? '0') * times * BigInt(item.quantity)
}

function topUpPayment(
  data: TransactionPayload,
  used: readonly UsedItem[],
  source: Source,
): Translated<PaymentMessage> {
  const { currency_code: currency, details } = data
  if (details.totals.total === '0' && details.totals.discount === '0') return NO_EFFECT
  let nanos = 0n
  for (const [priceId, one] of new Map(used.map(({ item, use }) => [item.price.id, use]))) {
    const rate = one.terms.payment?.creditPerMinorUnit[currency]
    if (rate === undefined)
      return parked('unknown_currency', [`currency:${currency}`, `price:${priceId}`])
    for (const { price_id, totals } of details.line_items)
      if (price_id === priceId)
        nanos += (BigInt(totals.subtotal) - BigInt(totals.discount)) * BigInt(rate)
  }
  const [first] = used
  if (nanos < 0n || nanos > MAX_NANOS || !first) return parked('refused')
  const creditNanos = nanos.toString()
  const message = { ...common(data, first.use, source), purpose: 'top_up', creditNanos } as const
  return { kind: 'message', message }
}

function common(data: TransactionPayload, use: PriceUse, source: Source) {
  const { subscription_id: subscriptionId, customer_id: customerId, invoice_number } = data
  return {
    paymentId: data.id,
    ...(subscriptionId ? { subscriptionId } : {}),
    ...(customerId ? { customerId } : {}),
    planId: use.planId,
    planVersion: use.version,
    currency: data.currency_code,
    totalMinor: data.details.totals.total,
    taxMinor: data.details.totals.tax,
    ...(invoice_number ? { invoiceNumber: invoice_number } : {}),
    occurredAt: source.occurredAt,
    eventId: source.eventId,
  }
}

/** `0.5` → 500000, rounded down; never more than the whole. */
function millionthsOf(rate: string): number {
  const [whole = '0', fraction = ''] = rate.split('.')
  const millionths = BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(6, '0').slice(0, 6))
  return Number(millionths > 1_000_000n ? 1_000_000n : millionths)
}

const returns = {
  refund: { kind: 'refund' },
  credit: { kind: 'credit' },
  chargeback: { kind: 'chargeback' },
  chargeback_warning: { kind: 'chargeback_warning' },
  credit_reverse: { kind: 'credit', undoes: true },
  chargeback_reverse: { kind: 'chargeback', undoes: true },
  chargeback_warning_reverse: { kind: 'chargeback_warning', undoes: true },
} as const
const statuses = {
  pending_approval: 'pending',
  approved: 'approved',
  rejected: 'rejected',
  reversed: 'reversed',
} as const

export function returnMessage(
  data: AdjustmentPayload,
  { occurredAt, eventId }: Source,
): Translated<ReturnMessage> {
  // A change of plan pays the unused time of the old one back into the new one.
  const unused = (data.items ?? []).filter(({ type }) => type === 'proration')
  const sum = (of: 'total' | 'tax') =>
    unused.reduce((all, { totals }) => all + BigInt(totals?.[of] ?? '0'), 0n)
  const less = (minor: string, part: bigint) => maxNanos(BigInt(minor) - part, 0n).toString()
  const exchanged = sum('total')
  const { total, tax } = data.totals
  const knowsTax = typeof tax === 'string' && unused.every(({ totals }) => totals?.tax)
  const message = {
    returnId: data.id,
    paymentId: data.transaction_id,
    ...returns[data.action],
    status: statuses[data.status],
    currency: data.currency_code,
    totalMinor: less(total, exchanged),
    ...(knowsTax ? { taxMinor: less(tax, sum('tax')) } : {}),
    ...(exchanged > 0n ? { exchangedMinor: exchanged.toString() } : {}),
    occurredAt,
    eventId,
  }
  return { kind: 'message', message }
}
