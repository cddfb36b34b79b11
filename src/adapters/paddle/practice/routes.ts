/** The practice Paddle's API: from what was asked to what is answered, in Paddle's envelopes. */
import { z } from 'zod'
import type { PracticeAccount, ProrationMode } from './account.ts'
import { PracticeRefusal } from './books.ts'
import { control } from './controls.ts'
import { priceOf } from './entities.ts'
import type { Receiver } from './delivery.ts'

export interface Asked {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly text: string
}
export interface Reply {
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

const wantedItems = z
  .array(z.looseObject({ price_id: z.string(), quantity: z.int().positive() }))
  .min(1)
const newTransaction = z.looseObject({
  items: wantedItems,
  customer_id: z.exactOptional(z.string()),
  currency_code: z.exactOptional(z.string()),
  custom_data: z.nullish(z.looseObject({})),
})
const patch = z.looseObject({
  items: z.exactOptional(wantedItems),
  scheduled_change: z.exactOptional(z.null()),
  proration_billing_mode: z.exactOptional(z.string()),
})
const from = z.looseObject({
  effective_from: z.enum(['next_billing_period', 'immediately']).default('next_billing_period'),
})

type Handler = (
  account: PracticeAccount,
  asked: Asked,
  id: string,
  receiver: Receiver | undefined,
) => unknown

const parsed = <T>(schema: z.ZodType<T>, { text }: Asked): T => {
  const given = schema.safeParse(text === '' ? {} : JSON.parse(text))
  if (!given.success) throw new PracticeRefusal(400, 'bad_request')
  return given.data
}

export function replyTo(
  account: PracticeAccount,
  asked: Asked,
  receiver: Receiver | undefined,
): Reply {
  const meta = { request_id: 'practice' }
  if (asked.method === 'POST' && asked.path.startsWith('/practice/'))
    return { status: 200, body: { data: control(account, asked.path), meta } }
  const [, noun = '', id = '', verb = ''] = asked.path.split('/')
  const key = [asked.method, noun, id === '' ? '' : '{id}', verb].filter(Boolean).join(' ')
  const handler = Object.hasOwn(handlers, key) ? handlers[key] : undefined
  if (!handler) throw new PracticeRefusal(404, 'invalid_url')
  const data = handler(account, asked, decodeURIComponent(id), receiver)
  if (data instanceof Page) {
    const pagination = { per_page: data.size, next: '', has_more: data.more, estimated_total: 0 }
    return { status: 200, body: { data: data.items, meta: { ...meta, pagination } } }
  }
  return { status: key === 'POST transactions' ? 201 : 200, body: { data, meta } }
}

class Page {
  readonly items: readonly unknown[]
  readonly size: number
  readonly more: boolean
  constructor(items: readonly unknown[], size: number, more: boolean) {
    this.items = items
    this.size = size
    this.more = more
  }
}

/** In the order of ids, after the one that `after` names. */
function pageOf<T>(
  all: Iterable<T>,
  idOf: (one: T) => string,
  { query }: Asked,
  most: number,
): Page {
  const size = Math.min(Number(query.get('per_page') ?? 50), most)
  const after = query.get('after')
  const ids = query.get('id')?.split(',')
  const sorted = [...all]
    .filter((one) => ids === undefined || ids.includes(idOf(one)))
    .sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1))
    .filter((one) => after === null || idOf(one) > after)
  return new Page(sorted.slice(0, size), size, sorted.length > size)
}

/** By method, noun, id and verb. */
const handlers: Readonly<Record<string, Handler>> = {
  'POST transactions': (account, asked) => account.open(parsed(newTransaction, asked)),
  'GET transactions': ({ books }, asked) => {
    const since = asked.query.get('created_at[GTE]') ?? ''
    const origin = asked.query.get('origin')
    const shown = [...books.transactions.values()].filter(
      (one) =>
        Date.parse(one.created_at) >= (since === '' ? 0 : Date.parse(since)) &&
        (origin === null || one.origin === origin),
    )
    return pageOf(shown, ({ id }) => id, asked, 30)
  },
  'GET transactions {id}': ({ books }, _asked, id) => books.transaction(id),
  'PATCH transactions {id}': (account, _asked, id) => {
    account.cancelTransaction(id)
    return account.books.transaction(id)
  },
  'GET transactions {id} invoice': ({ books }, _asked, id) => {
    const { invoice_number: number } = books.transaction(id)
    if (number === null) throw new PracticeRefusal(404, 'transaction_invoice_not_found')
    return { url: `https://invoices.example.test/${number}.pdf` }
  },
  'GET subscriptions {id}': ({ books }, _asked, id) => books.subscription(id),
  'PATCH subscriptions {id}': (account, asked, id) => {
    const wish = parsed(patch, asked)
    if (wish.scheduled_change === null) account.keep(id)
    if (wish.items) account.change(id, wish.items, wish.proration_billing_mode as ProrationMode)
    return account.books.subscription(id)
  },
  'PATCH subscriptions {id} preview': (account, asked, id) => {
    const { items = [], proration_billing_mode: mode } = parsed(patch, asked)
    account.refuseOnTrial(id, mode as ProrationMode)
    const action = account.changeOf(id, items)
    return { update_summary: { result: { action, amount: '0', currency_code: 'USD' } } }
  },
  'POST subscriptions {id} cancel': (account, asked, id) => {
    account.cancel(id, parsed(from, asked).effective_from)
    return account.books.subscription(id)
  },
  'POST subscriptions {id} pause': (account, asked, id) => {
    account.pause(id, parsed(from, asked).effective_from)
    return account.books.subscription(id)
  },
  'POST subscriptions {id} resume': (account, _asked, id) => {
    account.resume(id)
    return account.books.subscription(id)
  },
  'GET adjustments': ({ books }, asked) =>
    pageOf(books.adjustments.values(), ({ id }) => id, asked, 50),
  'GET customers {id}': ({ books }, _asked, id) => {
    const customer = books.customers.get(id)
    if (!customer) throw new PracticeRefusal(404, 'not_found')
    return customer
  },
  'POST customers {id} portal-sessions': ({ books }, _asked, id) => {
    if (!books.customers.has(id)) throw new PracticeRefusal(404, 'not_found')
    return {
      id: books.newId('cpls'),
      customer_id: id,
      urls: { general: { overview: `https://portal.example.test/${id}` }, subscriptions: [] },
    }
  },
  'GET prices {id}': ({ books }, _asked, id) => {
    const price = books.prices.get(id)
    if (!price) throw new PracticeRefusal(404, 'not_found')
    return priceOf(price)
  },
  'GET events': ({ books }, asked) => {
    const listed = books.events.map(({ notification_id: _delivery, ...event }) => event)
    return pageOf(listed, ({ event_id: id }) => id, asked, 200)
  },
  'GET notification-settings': (_account, _asked, _id, receiver) =>
    receiver
      ? [
          {
            id: 'ntfset_practice',
            type: 'url',
            description: 'practice',
            destination: receiver.url,
            active: true,
            api_version: 1,
            include_sensitive_fields: false,
            traffic_source: 'platform',
            subscribed_events: SUBSCRIBED.map((name) => ({ name })),
            endpoint_secret_key: receiver.secrets[0],
          },
        ]
      : [],
}

const SUBSCRIBED = [
  ...['created', 'activated', 'updated', 'trialing', 'past_due', 'paused', 'resumed', 'canceled']
    .concat('imported')
    .map((name) => `subscription.${name}`),
  ...['created', 'ready', 'billed', 'paid', 'completed', 'payment_failed', 'past_due', 'canceled']
    .concat('updated', 'revised')
    .map((name) => `transaction.${name}`),
  'adjustment.created',
  'adjustment.updated',
]
