/**
 * Whose a payment provider's things are, by key: `payment:…`, `subscription:…`, `customer:…` of
 * organizations; `price:…` and `currency:…` of the plan that names it. It says where to look; the stream
 * decides.
 */
import { parseStreamName } from '../domain/decider.ts'
import { paymentEvents } from '../domain/payment/events.ts'
import { planEvents } from '../domain/plan/events.ts'
import { subscriptionEvents } from '../domain/subscription/events.ts'
import { isManual } from '../domain/subscription/state.ts'
import type { StoredEvent } from '../ports/event-store.ts'
import { type Handler, type ProjectedEvent, projection } from './projection.ts'
import type { Views } from './views.ts'

export interface PaymentLink {
  /** Organizations in order of their first event, or of a price its plan. One, but for a customer. */
  readonly ids: readonly string[]
  readonly key: string
  readonly all: 1
  /** Of the newest event that made it, as a text that sorts as positions do. */
  readonly position: string
}

/** One customer pays for few organizations; beyond that nobody could say for which. */
const MAX_IDS = 20

const events = { ...paymentEvents, ...subscriptionEvents, ...planEvents }

const key = (noun: string, id: unknown): readonly string[] =>
  typeof id === 'string' ? [`${noun}:${id}`] : []

/** The links that an event makes. */
export function linksOf({ type, data }: Pick<StoredEvent, 'type' | 'data'>): readonly string[] {
  const { subscriptionId, customerId, paymentId } = data
  switch (type) {
    case 'CheckoutOpened':
      return key('payment', paymentId)
    case 'PaymentReceived':
      return [
        ...key('payment', paymentId),
        ...key('subscription', subscriptionId),
        ...key('customer', customerId),
      ]
    case 'SubscriptionStarted':
    case 'SubscriptionStatusChanged':
      if (isManual(String(subscriptionId))) return []
      return [...key('subscription', subscriptionId), ...key('customer', customerId)]
    case 'PlanPublished':
      return pricesOf(data).map((priceId) => `price:${priceId}`)
    default:
      return []
  }
}

/** What may be applied at last because of an event: its links, and the currencies of a plan. */
export const wakesOf = (event: Pick<StoredEvent, 'type' | 'data'>): readonly string[] => [
  ...linksOf(event),
  ...(event.type === 'PlanPublished' ? currenciesOf(event.data) : []),
]

export const linkingEvents = [
  'CheckoutOpened',
  'PaymentReceived',
  'SubscriptionStarted',
  'SubscriptionStatusChanged',
  'PlanPublished',
] as const

type Payment = {
  readonly prices: readonly { readonly priceId: string }[]
  readonly topUpPrices: readonly string[]
  readonly creditPerMinorUnit: Readonly<Record<string, string>>
}

// Written by planEvents' own schema.
const paymentOf = (data: StoredEvent['data']) => data['payment'] as Payment | undefined

function pricesOf(data: StoredEvent['data']): readonly string[] {
  const payment = paymentOf(data)
  if (!payment) return []
  return [...payment.prices.map(({ priceId }) => priceId), ...payment.topUpPrices]
}

const currenciesOf = (data: StoredEvent['data']): readonly string[] =>
  Object.keys(paymentOf(data)?.creditPerMinorUnit ?? {}).map((currency) => `currency:${currency}`)

const textOf = (position: bigint): string => position.toString().padStart(20, '0')

const linked: Handler<PaymentLink, unknown> = {
  keys: (event) => wakesOf(event as ProjectedEvent),
  project(view, { type, stream, position }, own) {
    const { id } = parseStreamName(stream)
    const made = { key: own, all: 1, position: textOf(position) } as const
    // A price belongs to the plan that named it last.
    if (type === 'PlanPublished') return { ids: [id], ...made }
    const ids = view?.ids ?? []
    const isKnown = ids.includes(id) || ids.length >= MAX_IDS
    return { ids: isKnown ? ids : [...ids, id], ...made }
  },
}

export const paymentLinks = projection<PaymentLink, typeof events>(events, {
  name: 'payment-links',
  version: 2,
  indexes: { made: { equals: ['all'], orderBy: 'position' } },
  on: Object.fromEntries(linkingEvents.map((type) => [type, linked])),
})

export const findLinks = (
  views: Views,
  keys: readonly string[],
): Promise<Map<string, PaymentLink>> =>
  keys.length === 0 ? Promise.resolve(new Map()) : views.getMany(paymentLinks, keys)

/** Where the newest link was made; undefined: there is none. */
export async function newestLink(views: Views): Promise<bigint | undefined> {
  const newest = { index: 'made', equals: { all: 1 }, descending: true, limit: 1 } as const
  const [found] = (await views.find(paymentLinks, newest)).items
  return found && BigInt(found.position)
}

/** Those that were made, or made again, later than at this position; in order. */
export async function* linksMadeAfter(views: Views, position: bigint): AsyncIterable<string> {
  for (let after: string | undefined; ;) {
    const { items, next } = await views.find(paymentLinks, {
      index: 'made',
      equals: { all: 1 },
      from: textOf(position + 1n),
      limit: 200,
      ...(after === undefined ? {} : { after }),
    })
    for (const one of items) yield one.key
    if (next === undefined) return
    after = next
  }
}
