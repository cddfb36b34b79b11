/**
 * Paddle Billing as our payment provider: the few calls of its API that we need, in our words. Nothing is
 * retried here and nothing is logged; what Paddle answers is never taken for what happened, which its
 * notifications alone say.
 */
import type { z } from 'zod'
import {
  type CheckoutWish,
  type Cycle,
  type OpenedCheckout,
  PaymentProviderFailure,
  type PaymentProvider,
  type PriceChange,
  type ProviderEntity,
  type ProviderEvents,
  type ProviderPrice,
  type SubscriptionNow,
} from '../../ports/payment-provider.ts'
import { instantOf, preciseInstant } from '../../domain/paddle-event/instant.ts'
import { decimalOfMinor } from '../../domain/payment/minor.ts'
import { createPaddleCalls, type PaddleAccess, type PaddleCalls, TOO_LARGE } from './call.ts'
import * as shapes from './shapes.ts'

export interface Paddle extends PaymentProvider {
  close(): Promise<void>
}

export const paddleUrl = (environment: 'sandbox' | 'live'): string =>
  environment === 'live' ? 'https://api.paddle.com' : 'https://sandbox-api.paddle.com'

/** Paddle's own most for transactions. */
const TRANSACTIONS_A_PAGE = 30
const EVENTS_A_PAGE = 200
/** Six hundred transactions: far more than an installation makes between a wish and its repeat. */
const MAX_PAGES = 20
/** Paddle's clock and ours. */
const CLOCKS_MS = 5 * 60_000
const FOUND_BY = 'checkout_id'
const TERMINAL = new Set(['canceled'])

export function createPaddle(access: PaddleAccess): Paddle {
  const calls = createPaddleCalls(access)
  return {
    name: 'Paddle',
    openCheckout: (wish) => openCheckout(calls, wish),
    findCheckout: (checkoutId, requestedAt) => findCheckout(calls, checkoutId, requestedAt),
    subscriptionNow: (subscriptionId) => subscriptionNow(calls, subscriptionId),
    isDearer: (change) => isDearer(calls, change),
    async changePrice(change, charge) {
      const path = `/subscriptions/${encodeURIComponent(change.subscriptionId)}`
      const items = itemsOf(change)
      const body =
        charge === 'difference'
          ? { items, proration_billing_mode: PRORATED, on_payment_failure: 'prevent_change' }
          : { items, proration_billing_mode: 'do_not_bill' }
      await calls.call({ method: 'PATCH', path, body, answer: shapes.anything })
    },
    async cancelSubscription(subscriptionId, when) {
      const from = when === 'now' ? 'immediately' : 'next_billing_period'
      const path = `/subscriptions/${encodeURIComponent(subscriptionId)}`
      try {
        const body = { effective_from: from }
        await calls.call({ method: 'POST', path: `${path}/cancel`, body, answer: shapes.anything })
      } catch (error) {
        if (!isRefused(error) || !(await isCanceled(calls, path, when))) throw error
      }
    },
    async keepSubscription(subscriptionId) {
      const path = `/subscriptions/${encodeURIComponent(subscriptionId)}`
      const body = { scheduled_change: null }
      await calls.call({ method: 'PATCH', path, body, answer: shapes.anything })
    },
    async customerEmail(customerId) {
      const path = `/customers/${encodeURIComponent(customerId)}`
      const found = await calls.call({ method: 'GET', path, answer: shapes.customer, none: [404] })
      return found?.data.email
    },
    async portalLink(customerId, subscriptionIds) {
      const path = `/customers/${encodeURIComponent(customerId)}/portal-sessions`
      const body = { subscription_ids: subscriptionIds }
      const made = await calls.call({ method: 'POST', path, body, answer: shapes.portal })
      return needed(made).data.urls.general.overview
    },
    async invoiceLink(paymentId) {
      const path = `/transactions/${encodeURIComponent(paymentId)}/invoice`
      const found = await calls.call({
        method: 'GET',
        path,
        query: { disposition: 'inline' },
        answer: shapes.link,
        none: [400, 404, 409],
      })
      return found?.data.url
    },
    readEntity: (id) => readEntity(calls, id),
    eventsAfter: (cursor) => eventsAfter(calls, cursor),
    async price(priceId) {
      const path = `/prices/${encodeURIComponent(priceId)}`
      const found = await calls.call({ method: 'GET', path, answer: shapes.onePrice, none: [404] })
      return found && shownPrice(found.data)
    },
    async destinations() {
      const path = '/notification-settings'
      const found = await calls.call({ method: 'GET', path, answer: shapes.destinations })
      return needed(found)
        .data.filter(({ type }) => type === 'url')
        .map((one) => ({
          url: one.destination,
          active: one.active,
          simulated: one.traffic_source !== 'platform',
          types: (one.subscribed_events ?? []).map(({ name }) => name),
          secret: one.endpoint_secret_key ?? undefined,
        }))
    },
    close: () => calls.close(),
  }
}

const isRefused = (error: unknown): boolean =>
  error instanceof PaymentProviderFailure && error.reason === 'refused'

/** Calls without `none` answer or throw. */
function needed<T>(answer: T | undefined): T {
  if (answer === undefined) throw new PaymentProviderFailure('away', { detail: 'no answer' })
  return answer
}

async function openCheckout(calls: PaddleCalls, wish: CheckoutWish): Promise<OpenedCheckout> {
  const made = await calls.call({
    method: 'POST',
    path: '/transactions',
    body: {
      items: [{ price_id: wish.priceId, quantity: wish.quantity }],
      collection_mode: 'automatic',
      custom_data: { organization_id: wish.orgId, [FOUND_BY]: wish.checkoutId },
    },
    answer: shapes.oneTransaction,
  })
  return openedOf(needed(made).data)
}

function openedOf({ id, checkout }: shapes.Transaction): OpenedCheckout {
  const url = checkout?.url
  // Without a default payment link in Paddle's settings there is no page to pay on.
  if (!url) throw new PaymentProviderFailure('denied', { detail: 'no checkout url' })
  return { paymentId: id, url }
}

/** Paddle cannot look by custom data: all since the wish are looked through, oldest first. */
async function findCheckout(
  calls: PaddleCalls,
  checkoutId: string,
  requestedAt: string,
): Promise<OpenedCheckout | undefined> {
  const since = new Date(Date.parse(requestedAt) - CLOCKS_MS).toISOString()
  let after: string | undefined
  for (let page = 0; page < MAX_PAGES; page++) {
    const query = {
      'created_at[GTE]': since,
      origin: 'api',
      order_by: 'id[ASC]',
      per_page: String(TRANSACTIONS_A_PAGE),
      ...(after === undefined ? {} : { after }),
    }
    const path = '/transactions'
    const { data, meta } = needed(
      await calls.call({ method: 'GET', path, query, answer: shapes.transactions }),
    )
    const found = data.find(
      ({ custom_data: own, status }) => own?.[FOUND_BY] === checkoutId && !TERMINAL.has(status),
    )
    if (found) return openedOf(found)
    after = data.at(-1)?.id
    if (!meta.pagination.has_more || after === undefined) return undefined
  }
  // Whether there is one stays unknown, so nothing may be made.
  throw new PaymentProviderFailure('away', { detail: 'too many transactions to look through' })
}

const PRORATED = 'prorated_immediately'
const itemsOf = ({ priceId, quantity }: PriceChange) => [{ price_id: priceId, quantity }]

/** Paddle itself reckons what the rest of the period would cost. */
async function isDearer(calls: PaddleCalls, change: PriceChange): Promise<boolean> {
  const path = `/subscriptions/${encodeURIComponent(change.subscriptionId)}/preview`
  const body = { items: itemsOf(change), proration_billing_mode: PRORATED }
  const preview = await calls.call({ method: 'PATCH', path, body, answer: shapes.preview })
  return needed(preview).data.update_summary.result.action === 'charge'
}

async function subscriptionNow(calls: PaddleCalls, id: string): Promise<SubscriptionNow> {
  const path = `/subscriptions/${encodeURIComponent(id)}`
  const found = await calls.call({ method: 'GET', path, answer: shapes.subscriptionNow })
  const { items, billing_cycle, current_billing_period: period, ...one } = needed(found).data
  const item = items.find(({ recurring }) => recurring === true) ?? items[0]
  const action = one.scheduled_change?.action
  return {
    priceId: item?.price.id ?? '',
    cycle: cycleOf(billing_cycle),
    onTrial: one.status === 'trialing',
    periodEnd: period ? instantOf(preciseInstant(period.ends_at) ?? period.ends_at) : undefined,
    leaving: action === 'cancel' || action === 'pause' ? action : undefined,
  }
}

const DAYS: Readonly<Record<string, number>> = { day: 1, week: 7, month: 30, year: 365 }

const cycleOf = ({ frequency, interval }: { frequency: number; interval: string }): Cycle => ({
  text: `${frequency} ${interval}`,
  days: frequency * (DAYS[interval] ?? 0),
})

async function isCanceled(calls: PaddleCalls, path: string, when: 'period_end' | 'now') {
  const found = await calls.call({ method: 'GET', path, answer: shapes.oneSubscription })
  const { status, scheduled_change: scheduled } = needed(found).data
  return status === 'canceled' || (when === 'period_end' && scheduled?.action === 'cancel')
}

/** Where a page is too large to be taken, half as many are asked for. */
async function eventsAfter(
  calls: PaddleCalls,
  cursor: string | undefined,
): Promise<ProviderEvents> {
  for (let size = EVENTS_A_PAGE; ; size = Math.floor(size / 2)) {
    const query = {
      order_by: 'id[ASC]',
      per_page: String(size),
      ...(cursor === undefined ? {} : { after: cursor }),
    }
    const path = '/events'
    try {
      const page = needed(await calls.call({ method: 'GET', path, query, answer: shapes.events }))
      const events = page.data.map((event) => ({
        eventId: event.event_id,
        occurredAt: event.occurred_at,
        body: JSON.stringify(event),
      }))
      return { events, more: page.meta.pagination.has_more }
    } catch (error) {
      if (size === 1 || !isTooLarge(error)) throw error
    }
  }
}

const isTooLarge = (error: unknown): boolean =>
  error instanceof PaymentProviderFailure && error.detail === TOO_LARGE

const KINDS: Readonly<Record<string, { kind: string; path: string }>> = {
  sub: { kind: 'subscription', path: '/subscriptions' },
  txn: { kind: 'transaction', path: '/transactions' },
  adj: { kind: 'adjustment', path: '/adjustments' },
}

async function readEntity(calls: PaddleCalls, id: string): Promise<ProviderEntity | undefined> {
  const found = KINDS[id.split('_', 1)[0] ?? '']
  if (!found) return undefined
  const { kind, path } = found
  const data =
    kind === 'adjustment'
      ? await oneOfList(calls, path, id)
      : await readOne(calls, `${path}/${encodeURIComponent(id)}`)
  return data && { id: data.id, kind, updatedAt: data.updated_at, data }
}

type Entity = z.output<typeof shapes.oneEntity>['data']

async function readOne(calls: PaddleCalls, path: string): Promise<Entity | undefined> {
  const found = await calls.call({ method: 'GET', path, answer: shapes.oneEntity, none: [404] })
  return found?.data
}

/** Adjustments have a list only. */
async function oneOfList(
  calls: PaddleCalls,
  path: string,
  id: string,
): Promise<Entity | undefined> {
  const query = { id }
  const found = await calls.call({ method: 'GET', path, query, answer: shapes.entities })
  return needed(found).data.find((one) => one.id === id)
}

function shownPrice(price: shapes.Price): ProviderPrice {
  const { amount, currency_code: currency } = price.unit_price
  const cycle = price.billing_cycle
  const every = cycle ? everyOf(cycle.frequency, cycle.interval) : 'once'
  const others = (price.unit_price_overrides ?? []).map((one) => one.unit_price.currency_code)
  return {
    priceId: price.id,
    active: price.status === 'active',
    currencies: [...new Set([currency, ...others])],
    recurring: cycle !== null && cycle !== undefined,
    cycle: cycle ? cycleOf(cycle) : undefined,
    shown: `${decimalOfMinor(amount, currency)} ${currency} ${every}`,
  }
}

const everyOf = (times: number, interval: string): string =>
  times === 1 ? `every ${interval}` : `every ${times} ${interval}s`
