/**
 * The books of a seller's account at a practice Paddle, in memory: its transactions, subscriptions and
 * adjustments, each step of theirs, and the notifications that are made of it. What steps belong together
 * is in account.ts. Wrong wishes throw PracticeRefusal with Paddle's code.
 */
import {
  addCycle,
  type Adjustment,
  captured,
  declined,
  detailsOf,
  idMaker,
  type Item,
  type Period,
  type PracticePrice,
  priceOf,
  type Subscription,
  subscriptionItem,
  type Transaction,
} from './entities.ts'

export interface Notification {
  readonly event_id: string
  readonly event_type: string
  readonly occurred_at: string
  readonly notification_id: string
  readonly data: Readonly<Record<string, unknown>>
}

export class PracticeRefusal extends Error {
  readonly status: number
  readonly code: string
  constructor(status: number, code: string) {
    super(code)
    this.status = status
    this.code = code
  }
}

export interface BooksOptions {
  readonly prices: readonly PracticePrice[]
  readonly now: () => Date
  /** A fifth where left out. */
  readonly taxMillionths?: bigint
  /** The default payment link; null: the account has none. */
  readonly payPage?: () => string | null
  readonly onNotification?: (notification: Notification) => void
}

export interface NewTransaction {
  readonly items: readonly { readonly price_id: string; readonly quantity: number }[]
  readonly customer_id?: string | undefined
  readonly currency_code?: string | undefined
  readonly custom_data?: Readonly<Record<string, unknown>> | null | undefined
}

export class Books {
  readonly events: Notification[] = []
  readonly prices = new Map<string, PracticePrice>()
  readonly transactions = new Map<string, Transaction>()
  readonly subscriptions = new Map<string, Subscription>()
  readonly adjustments = new Map<string, Adjustment>()
  readonly customers = new Map<string, Readonly<Record<string, unknown>>>()
  readonly taxMillionths: bigint
  readonly newId: (prefix: string) => string
  readonly now: () => Date
  readonly #options: BooksOptions
  #invoices = 10_000
  #lastNanos = 0n

  constructor(options: BooksOptions) {
    this.#options = options
    this.now = options.now
    this.taxMillionths = options.taxMillionths ?? 200_000n
    this.newId = idMaker(options.now)
    for (const one of options.prices) this.prices.set(one.id, one)
  }

  /** Nine digits, and never the same twice. */
  instant(): string {
    const nanos = BigInt(this.now().getTime()) * 1_000_000n
    this.#lastNanos = nanos > this.#lastNanos ? nanos : this.#lastNanos + 1_000n
    const text = new Date(Number(this.#lastNanos / 1_000_000n)).toISOString()
    return `${text.slice(0, 19)}.${String(this.#lastNanos % 1_000_000_000n).padStart(9, '0')}Z`
  }

  tell(type: string, data: Readonly<Record<string, unknown>>): void {
    const notification = {
      event_id: this.newId('evt'),
      event_type: type,
      occurred_at: this.instant(),
      notification_id: this.newId('ntf'),
      data: structuredClone(data),
    }
    this.events.push(notification)
    this.#options.onNotification?.(notification)
  }

  tellOf(thing: Transaction | Subscription | Adjustment, ...types: string[]): void {
    thing.updated_at = this.instant()
    for (const type of types) this.tell(type, thing)
  }

  itemsOf(given: NewTransaction['items'], currency?: string): Item[] {
    return given.map(({ price_id: priceId, quantity }) => {
      const price = this.prices.get(priceId)
      if (!price) throw new PracticeRefusal(404, 'not_found')
      if (price.active === false) throw new PracticeRefusal(400, 'transaction_price_archived')
      const amount = currency === undefined ? undefined : price.overrides?.[currency]
      const own = amount === undefined || currency === undefined ? {} : { amount, currency }
      return { price: priceOf({ ...price, ...own }), quantity, proration: null }
    })
  }

  add(given: NewTransaction, so: { origin: string; id?: string | undefined }): Transaction {
    const items = this.itemsOf(given.items, given.currency_code)
    const page = this.#options.payPage?.()
    if (page === null) throw new PracticeRefusal(400, 'transaction_default_checkout_url_not_set')
    const at = this.instant()
    const own = so.id ?? this.newId('txn')
    const currency = items[0]?.price.unit_price.currency_code ?? 'USD'
    const trial = items.some(({ price }) => price.trial_period)
    const made: Transaction = {
      id: own,
      status: given.customer_id === undefined ? 'draft' : 'ready',
      origin: so.origin,
      customer_id: given.customer_id ?? null,
      address_id: null,
      business_id: null,
      subscription_id: null,
      invoice_id: null,
      invoice_number: null,
      discount_id: null,
      currency_code: currency,
      collection_mode: 'automatic',
      billing_details: null,
      billing_period: null,
      custom_data: given.custom_data ?? null,
      checkout: { url: `${page ?? 'https://example.test/pay'}?_ptxn=${own}` },
      created_at: at,
      updated_at: at,
      billed_at: null,
      items,
      details: this.#details(
        items,
        currency,
        so.origin === 'api' && trial ? { shares: items.map(() => 0n) } : {},
      ),
      payments: [],
    }
    this.transactions.set(own, made)
    return made
  }

  #details(
    items: readonly Item[],
    currency: string,
    so: { settled?: boolean; credit?: bigint; shares?: readonly bigint[] },
  ) {
    return detailsOf(items, { taxMillionths: this.taxMillionths, currency, id: this.newId, ...so })
  }

  transaction(id: string): Transaction {
    return found(this.transactions.get(id))
  }
  subscription(id: string): Subscription {
    return found(this.subscriptions.get(id))
  }
  adjustment(id: string): Adjustment {
    return found(this.adjustments.get(id))
  }

  /** Whoever pays types an address: the customer is who has it. */
  customerOf(one: Transaction, email = `${one.id}@example.test`): string {
    if (one.customer_id !== null) return one.customer_id
    const known = [...this.customers].find(([, has]) => has['email'] === email)
    if (known) return (one.customer_id = known[0])
    const at = this.instant()
    const customer = {
      id: this.newId('ctm'),
      name: 'Practice Customer',
      email,
      locale: 'en',
      status: 'active',
      marketing_consent: false,
      custom_data: null,
      import_meta: null,
      created_at: at,
      updated_at: at,
    }
    this.customers.set(customer.id, customer)
    this.tell('customer.created', customer)
    one.customer_id = customer.id
    return customer.id
  }

  /** What is due is taken: all of it, or a share, or what an earlier payment leaves. */
  settle(one: Transaction, so: { credit?: bigint; shares?: readonly bigint[] } = {}): void {
    one.billed_at = this.instant()
    one.details = this.#details(one.items, one.currency_code, { settled: true, ...so })
    const paid = one.details.totals.grand_total
    const attempt = captured(paid, one.billed_at, this.newId('pay'))
    one.payments = paid === '0' ? one.payments : [attempt, ...one.payments]
    one.status = 'paid'
    this.tellOf(one, 'transaction.updated', 'transaction.paid')
  }

  complete(one: Transaction): void {
    one.invoice_id = this.newId('inv')
    one.invoice_number = `325-${++this.#invoices}`
    one.status = 'completed'
    this.tellOf(one, 'transaction.updated', 'transaction.completed')
  }

  fail(one: Transaction): void {
    const attempt = declined(one.details.totals.grand_total, this.instant(), this.newId('pay'))
    one.payments = [attempt, ...one.payments]
    this.tellOf(one, 'transaction.payment_failed')
  }

  /** The subscription that a transaction's payment begins. */
  begin(one: Transaction, customerId: string): Subscription {
    const items = one.items.filter(({ price }) => price.billing_cycle)
    const [first] = items
    if (!first?.price.billing_cycle) throw new PracticeRefusal(400, 'no_recurring_items')
    const trial = first.price.trial_period
    const period = periodFrom(
      this.now(),
      trial ? { interval: 'day', frequency: trial.frequency } : first.price.billing_cycle,
    )
    const at = this.instant()
    const status = trial ? 'trialing' : 'active'
    const made: Subscription = {
      id: this.newId('sub'),
      status,
      transaction_id: one.id,
      customer_id: customerId,
      address_id: null,
      business_id: null,
      currency_code: one.currency_code,
      collection_mode: 'automatic',
      billing_details: null,
      created_at: at,
      updated_at: at,
      started_at: period.starts_at,
      first_billed_at: trial ? null : period.starts_at,
      next_billed_at: period.ends_at,
      paused_at: null,
      canceled_at: null,
      discount: null,
      scheduled_change: null,
      billing_cycle: first.price.billing_cycle,
      current_billing_period: period,
      items: items.map((item) => subscriptionItem(item, at, period.ends_at, status)),
      custom_data: one.custom_data,
      import_meta: null,
    }
    this.subscriptions.set(made.id, made)
    one.subscription_id = made.id
    one.billing_period = period
    this.tellOf(made, 'subscription.created')
    // Only the first message says which transaction it came from.
    delete made['transaction_id']
    this.tellOf(made, trial ? 'subscription.trialing' : 'subscription.activated')
    return made
  }

  /** What the subscription's items cost, as a transaction of its own. */
  chargeOf(sub: Subscription, origin: string): Transaction {
    const { customer_id, custom_data, currency_code } = sub
    const items = itemsIn(sub).map(({ price, quantity }) => ({ price_id: price.id, quantity }))
    const made = this.add({ items, customer_id, custom_data, currency_code }, { origin })
    made.subscription_id = sub.id
    made.status = 'billed'
    made.billing_period = sub.current_billing_period
    return made
  }

  adjust(
    of: Transaction,
    action: string,
    so: { total?: bigint | undefined; status?: string; itemType?: string } = {},
  ): Adjustment {
    const paid = BigInt(of.details.totals.total)
    const total = so.total ?? BigInt(of.details.totals.grand_total)
    const tax = paid === 0n ? 0n : (BigInt(of.details.totals.tax) * total) / paid
    const at = this.instant()
    const type = total === paid ? 'full' : 'partial'
    const totals = { subtotal: String(total - tax), tax: String(tax), total: String(total) }
    const shown = { ...totals, fee: '0', earnings: '0', currency_code: of.currency_code }
    const item = {
      id: this.newId('adjitm'),
      item_id: of.details.line_items[0]?.id ?? '',
      type: so.itemType ?? type,
      amount: String(total),
      proration: null,
      totals,
    }
    const made: Adjustment = {
      id: this.newId('adj'),
      action,
      type,
      transaction_id: of.id,
      subscription_id: of.subscription_id,
      customer_id: of.customer_id,
      reason: 'practice',
      status: so.status ?? 'approved',
      currency_code: of.currency_code,
      credit_applied_to_balance: null,
      items: [item],
      totals: { ...shown, retained_fee: '0' },
      payout_totals: shown,
      created_at: at,
      updated_at: at,
    }
    this.adjustments.set(made.id, made)
    this.tell('adjustment.created', made)
    return made
  }
}

function found<T>(thing: T | undefined): T {
  if (thing === undefined) throw new PracticeRefusal(404, 'not_found')
  return thing
}

/** A subscription's items are a transaction's with dates. */
export const itemsIn = (sub: Subscription): readonly Item[] => sub.items as readonly Item[]

export const periodFrom = (from: Date, cycle: Parameters<typeof addCycle>[1]): Period => ({
  starts_at: from.toISOString(),
  ends_at: addCycle(from, cycle).toISOString(),
})
