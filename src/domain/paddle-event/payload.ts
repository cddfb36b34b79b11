/**
 * What we read of Paddle's subscriptions, transactions and adjustments: the least, and every enum open,
 * so that what Paddle adds changes nothing here. What does not fit is parked, never guessed.
 */
import { z } from 'zod'
import { paddleIdText } from './events.ts'
import { preciseInstant } from './instant.ts'

const maybeId = z.nullish(paddleIdText)
const time = z.string().transform((text, context) => {
  const precise = preciseInstant(text)
  if (precise !== undefined) return precise
  context.addIssue({ code: 'custom' })
  return z.NEVER
})
const maybeTime = z.nullish(time)
const period = z.nullish(z.looseObject({ starts_at: time, ends_at: time }))
/** Minor units of a currency: never a fraction, never less than nothing. */
const minor = z.string().regex(/^(0|[1-9]\d{0,17})$/)
const currency = z.string().regex(/^[A-Z]{3}$/)
const quantity = z.int().positive().max(1_000_000)

export const subscriptionPayload = z.looseObject({
  id: paddleIdText,
  status: z.enum(['trialing', 'active', 'past_due', 'paused', 'canceled']),
  customer_id: maybeId,
  /** Only where it was created. */
  transaction_id: maybeId,
  started_at: maybeTime,
  first_billed_at: maybeTime,
  created_at: maybeTime,
  canceled_at: maybeTime,
  current_billing_period: period,
  scheduled_change: z.nullish(z.looseObject({ action: z.string(), effective_at: time })),
  items: z
    .array(
      z.looseObject({
        recurring: z.nullish(z.boolean()),
        price: z.looseObject({ id: paddleIdText }),
      }),
    )
    .min(1),
})
export type SubscriptionPayload = z.output<typeof subscriptionPayload>

/** Of a transaction in any state, also a draft. */
export const transactionHead = z.looseObject({
  id: paddleIdText,
  status: z.string(),
  origin: z.nullish(z.string()),
  customer_id: maybeId,
  subscription_id: maybeId,
})
export type TransactionHead = z.output<typeof transactionHead>

/** Of one that is completed. */
export const transactionPayload = transactionHead.extend({
  currency_code: currency,
  invoice_number: z.nullish(z.string().min(1).max(128)),
  billing_period: period,
  items: z
    .array(
      z.looseObject({
        price: z.looseObject({ id: paddleIdText, trial_period: z.nullish(z.looseObject({})) }),
        quantity,
        proration: z.nullish(z.looseObject({ rate: z.string().regex(/^\d{1,9}(\.\d{1,18})?$/) })),
      }),
    )
    .min(1),
  details: z.looseObject({
    totals: z.looseObject({ subtotal: minor, discount: minor, tax: minor, total: minor }),
    line_items: z.array(
      z.looseObject({
        price_id: maybeId,
        totals: z.looseObject({ subtotal: minor, discount: minor }),
      }),
    ),
  }),
})
export type TransactionPayload = z.output<typeof transactionPayload>

export const adjustmentPayload = z.looseObject({
  id: paddleIdText,
  action: z.enum([
    'refund',
    'credit',
    'chargeback',
    'chargeback_warning',
    'credit_reverse',
    'chargeback_reverse',
    'chargeback_warning_reverse',
  ]),
  status: z.enum(['pending_approval', 'approved', 'rejected', 'reversed']),
  transaction_id: paddleIdText,
  subscription_id: maybeId,
  customer_id: maybeId,
  currency_code: currency,
  items: z.nullish(
    z.array(
      z.looseObject({
        type: z.nullish(z.string()),
        totals: z.nullish(z.looseObject({ total: minor, tax: z.nullish(minor) })),
      }),
    ),
  ),
  totals: z.looseObject({ total: minor, tax: z.nullish(minor) }),
})
export type AdjustmentPayload = z.output<typeof adjustmentPayload>

/** A notification as far as it is read, with whose it may be: by what, in this order. */
export type Notice =
  | { readonly kind: 'subscription'; readonly data: SubscriptionPayload; readonly links: Links }
  | { readonly kind: 'transaction'; readonly data: TransactionPayload; readonly links: Links }
  | { readonly kind: 'adjustment'; readonly data: AdjustmentPayload; readonly links: Links }
  | { readonly kind: 'nothing'; readonly reason: 'type_not_used' | 'not_completed' | 'no_effect' }
  | { readonly kind: 'unreadable' }

/** Keys of payment links: `subscription:…`, `payment:…`, `customer:…`. */
export type Links = readonly string[]

/** Those that say something of money or status. What each says is read from its state, not its name. */
const used = {
  subscription: [
    'created',
    'activated',
    'trialing',
    'updated',
    'past_due',
    'paused',
    'resumed',
    'canceled',
    'imported',
  ],
  transaction: [
    'created',
    'ready',
    'billed',
    'paid',
    'completed',
    'payment_failed',
    'past_due',
    'canceled',
    'updated',
    'revised',
  ],
  adjustment: ['created', 'updated'],
} as const satisfies Readonly<Record<string, readonly string[]>>

const UNREADABLE: Notice = { kind: 'unreadable' }

/** Whether notifications of this type are read at all. */
export const isUsedType = (eventType: string): boolean =>
  readNotice(eventType, undefined).kind !== 'nothing'

/** Every type that is read. */
export const usedTypes: readonly string[] = Object.entries(used).flatMap(([noun, names]) =>
  names.map((name) => `${noun}.${name}`),
)

/** @param data of the body */
export function readNotice(eventType: string, data: unknown): Notice {
  const [noun = '', name = ''] = eventType.split('.', 2)
  const known = Object.hasOwn(used, noun) ? used[noun as keyof typeof used] : []
  if (eventType === 'unreadable') return UNREADABLE
  if (!(known as readonly string[]).includes(name) || eventType !== `${noun}.${name}`)
    return { kind: 'nothing', reason: 'type_not_used' }
  if (noun === 'subscription') return readSubscription(data)
  return noun === 'transaction' ? readTransaction(data) : readAdjustment(data)
}

const keys = (...given: readonly (readonly [string, string | null | undefined])[]): Links =>
  given.flatMap(([noun, id]) => (id === null || id === undefined ? [] : [`${noun}:${id}`]))

function readSubscription(given: unknown): Notice {
  const { success, data } = subscriptionPayload.safeParse(given)
  if (!success) return UNREADABLE
  // Only where it begins may the customer tell whose it is: one customer pays for several organizations,
  // and what comes later is found by its beginning.
  const begins = data.transaction_id !== null && data.transaction_id !== undefined
  const links = keys(
    ['subscription', data.id],
    ['payment', data.transaction_id],
    ['customer', begins || isRecord(data['import_meta']) ? data.customer_id : undefined],
  )
  return { kind: 'subscription', data, links }
}

const isRecord = (value: unknown): boolean => typeof value === 'object' && value !== null

function readTransaction(given: unknown): Notice {
  const head = transactionHead.safeParse(given)
  if (!head.success) return UNREADABLE
  if (head.data.status === 'canceled') return { kind: 'nothing', reason: 'no_effect' }
  if (head.data.status !== 'completed') return { kind: 'nothing', reason: 'not_completed' }
  const { success, data } = transactionPayload.safeParse(given)
  if (!success) return UNREADABLE
  const links = keys(
    ['subscription', data.subscription_id],
    ['payment', data.id],
    ['customer', followsSubscription(data) ? undefined : data.customer_id],
  )
  return { kind: 'transaction', data, links }
}

/** Paddle made it for a subscription that had begun before. */
export const followsSubscription = ({ origin }: Pick<TransactionHead, 'origin'>): boolean =>
  origin?.startsWith('subscription_') === true

function readAdjustment(given: unknown): Notice {
  const { success, data } = adjustmentPayload.safeParse(given)
  if (!success) return UNREADABLE
  const links = keys(['payment', data.transaction_id], ['subscription', data.subscription_id])
  return { kind: 'adjustment', data, links }
}
