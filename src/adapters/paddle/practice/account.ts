/**
 * What a practice Paddle does when a customer, the seller or time asks for it: each method is one thing
 * that happens, with all its notifications in Paddle's order (facts: a checkout, a renewal, a failed
 * payment and so on).
 */
import {
  amountOf,
  type Item,
  type Period,
  subscriptionItem,
  type Subscription,
} from './entities.ts'
import {
  Books,
  type BooksOptions,
  itemsIn,
  type NewTransaction,
  periodFrom,
  PracticeRefusal,
} from './books.ts'

export type ProrationMode = 'prorated_immediately' | 'do_not_bill'
const MILLION = 1_000_000n
const LIVE = new Set(['trialing', 'active', 'past_due'])

export class PracticeAccount {
  readonly books: Books

  constructor(options: BooksOptions) {
    this.books = new Books(options)
  }

  open(given: NewTransaction, transactionId?: string) {
    const made = this.books.add(given, { origin: 'api', id: transactionId })
    this.books.tellOf(made, 'transaction.created')
    if (made.status === 'ready') this.books.tellOf(made, 'transaction.ready')
    return made
  }

  /** The customer pays at the checkout. A second time changes nothing. */
  pay(transactionId: string, email?: string): void {
    const { books } = this
    const one = books.transaction(transactionId)
    if (!['draft', 'ready'].includes(one.status)) return
    const customerId = books.customerOf(one, email)
    if (one.status === 'draft') {
      one.status = 'ready'
      books.tellOf(one, 'transaction.updated', 'transaction.ready')
    }
    const trial = one.items.some(({ price }) => price.trial_period)
    books.settle(one, trial ? { shares: one.items.map(() => 0n) } : {})
    if (one.items.some(({ price }) => price.billing_cycle)) books.begin(one, customerId)
    books.complete(one)
  }

  /** The checkout's card was declined; it stays open. */
  declineCheckout(transactionId: string): void {
    this.books.fail(this.books.transaction(transactionId))
  }

  cancelTransaction(transactionId: string): void {
    const one = this.books.transaction(transactionId)
    if (one.status === 'completed') throw new PracticeRefusal(400, 'transaction_immutable')
    one.status = 'canceled'
    this.books.tellOf(one, 'transaction.updated', 'transaction.canceled')
  }

  /** The next period begins, and is paid or not. What was scheduled for its beginning happens instead. */
  renew(subscriptionId: string, so: { fails?: boolean } = {}): void {
    const { books } = this
    const sub = books.subscription(subscriptionId)
    if (sub.scheduled_change) return this.#carryOut(sub)
    if (!LIVE.has(sub.status)) throw new PracticeRefusal(400, 'subscription_not_active')
    this.#startNextPeriod(sub)
    const wasTrial = sub.status === 'trialing'
    if (wasTrial) {
      sub.status = 'active'
      sub.first_billed_at = sub.current_billing_period?.starts_at ?? null
    }
    books.tellOf(sub, 'subscription.updated')
    if (wasTrial) books.tellOf(sub, 'subscription.activated')
    const charge = books.chargeOf(sub, 'subscription_recurring')
    books.tellOf(charge, 'transaction.created', 'transaction.billed')
    if (!so.fails) {
      books.settle(charge)
      return books.complete(charge)
    }
    books.fail(charge)
    charge.status = 'past_due'
    books.tellOf(charge, 'transaction.updated', 'transaction.past_due')
    sub.status = 'past_due'
    books.tellOf(sub, 'subscription.updated', 'subscription.past_due')
  }

  #startNextPeriod(sub: Subscription): void {
    const from = sub.current_billing_period?.ends_at ?? this.books.now().toISOString()
    const period = periodFrom(new Date(from), sub.billing_cycle)
    sub.current_billing_period = period
    sub.next_billed_at = period.ends_at
  }

  /** The payment that had failed is made after all. */
  recover(subscriptionId: string): void {
    const { books } = this
    const sub = books.subscription(subscriptionId)
    const due = [...books.transactions.values()]
      .filter((one) => one.subscription_id === sub.id && one.status === 'past_due')
      .at(-1)
    if (!due) throw new PracticeRefusal(400, 'nothing_past_due')
    books.settle(due)
    books.complete(due)
    sub.status = 'active'
    books.tellOf(sub, 'subscription.updated', 'subscription.activated')
  }

  /** What the customer would pay now, and whether at all. */
  changeOf(subscriptionId: string, given: NewTransaction['items']): 'charge' | 'credit' {
    const sub = this.books.subscription(subscriptionId)
    const after = this.books.itemsOf(given, sub.currency_code)
    return this.#worth(after) > this.#worth(itemsIn(sub)) ? 'charge' : 'credit'
  }

  #worth(items: readonly Item[]): bigint {
    const { taxMillionths } = this.books
    return items.reduce((sum, item) => sum + amountOf(item, { taxMillionths }).total, 0n)
  }

  /** Proration is of what is paid for: on trial there is none. */
  refuseOnTrial(subscriptionId: string, mode: ProrationMode): void {
    const { status } = this.books.subscription(subscriptionId)
    if (status === 'trialing' && mode !== 'do_not_bill')
      throw new PracticeRefusal(400, 'subscription_trialing_items_update_invalid_options')
  }

  /**
   * Other items from now on; the dearer ones are charged for what is left of the period, and those of
   * another cycle for a whole one that begins now.
   */
  change(subscriptionId: string, given: NewTransaction['items'], mode: ProrationMode): void {
    const { books } = this
    const sub = books.subscription(subscriptionId)
    if (sub.status !== 'active' && sub.status !== 'trialing')
      throw new PracticeRefusal(400, 'subscription_update_when_not_active')
    if (sub.scheduled_change) throw new PracticeRefusal(400, 'subscription_locked_pending_changes')
    this.refuseOnTrial(subscriptionId, mode)
    const before = {
      items: itemsIn(sub),
      period: sub.current_billing_period ?? periodFrom(books.now(), sub.billing_cycle),
    }
    const after = books.itemsOf(given, sub.currency_code)
    const cycle = after[0]?.price.billing_cycle ?? sub.billing_cycle
    const isOther =
      cycle.interval !== sub.billing_cycle.interval ||
      cycle.frequency !== sub.billing_cycle.frequency
    if (isOther && sub.status === 'active') {
      // What Paddle makes of the period then is not documented.
      if (mode === 'do_not_bill') throw new PracticeRefusal(400, 'practice_cannot_tell')
      sub.current_billing_period = periodFrom(books.now(), cycle)
      sub.next_billed_at = sub.current_billing_period.ends_at
    }
    sub.billing_cycle = cycle
    const at = books.instant()
    sub.items = after.map((item) => subscriptionItem(item, at, sub.next_billed_at, sub.status))
    books.tellOf(sub, 'subscription.updated')
    if (mode === 'prorated_immediately') this.#prorate(sub, before, isOther)
  }

  #prorate(
    sub: Subscription,
    before: { readonly items: readonly Item[]; readonly period: Period },
    isWhole: boolean,
  ): void {
    const { books } = this
    const { starts_at: start, ends_at: end } = before.period
    const [from, until, at] = [Date.parse(start), Date.parse(end), books.now().getTime()]
    const left = BigInt(Math.max(0, until - at))
    const unusedShare = (left * MILLION) / BigInt(until - from)
    const unused = (this.#worth(before.items) * unusedShare) / MILLION
    const earlier = [...books.transactions.values()]
      .filter((one) => one.subscription_id === sub.id && one.status === 'completed')
      .at(-1)
    if (earlier) books.adjust(earlier, 'credit', { total: unused, itemType: 'proration' })
    const share = isWhole ? MILLION : unusedShare
    const charge = books.chargeOf(sub, 'subscription_update')
    const ends = isWhole ? (sub.current_billing_period?.ends_at ?? end) : end
    const period = { starts_at: new Date(at).toISOString(), ends_at: ends }
    charge.billing_period = period
    const rate = `0.${String(share).padStart(6, '0')}`
    Object.assign(charge, {
      items: charge.items.map((item) => ({
        ...item,
        proration: { rate: share === MILLION ? '1' : rate, billing_period: period },
      })),
    })
    books.tellOf(charge, 'transaction.created', 'transaction.billed')
    books.settle(charge, { credit: unused, shares: charge.items.map(() => share) })
    books.complete(charge)
  }

  cancel(subscriptionId: string, when: 'next_billing_period' | 'immediately'): void {
    const sub = this.books.subscription(subscriptionId)
    if (sub.status === 'canceled') throw new PracticeRefusal(400, 'subscription_is_canceled')
    if (when === 'immediately') return this.#end(sub)
    this.#schedule(sub, 'cancel')
  }

  pause(subscriptionId: string, when: 'next_billing_period' | 'immediately'): void {
    const sub = this.books.subscription(subscriptionId)
    if (!LIVE.has(sub.status)) throw new PracticeRefusal(400, 'subscription_not_active')
    if (when === 'immediately') return this.#rest(sub)
    this.#schedule(sub, 'pause')
  }

  #schedule(sub: Subscription, action: 'cancel' | 'pause'): void {
    if (sub.scheduled_change) throw new PracticeRefusal(400, 'subscription_locked_pending_changes')
    const effective = sub.current_billing_period?.ends_at ?? this.books.now().toISOString()
    sub.scheduled_change = { action, effective_at: effective, resume_at: null }
    sub.next_billed_at = null
    this.books.tellOf(sub, 'subscription.updated')
  }

  /** Takes back what was scheduled. */
  keep(subscriptionId: string): void {
    const sub = this.books.subscription(subscriptionId)
    sub.scheduled_change = null
    sub.next_billed_at = sub.current_billing_period?.ends_at ?? null
    this.books.tellOf(sub, 'subscription.updated')
  }

  #carryOut(sub: Subscription): void {
    if (sub.scheduled_change?.action === 'pause') return this.#rest(sub)
    this.#end(sub)
  }

  #end(sub: Subscription): void {
    sub.status = 'canceled'
    sub.canceled_at = this.books.instant()
    Object.assign(sub, ENDED)
    this.books.tellOf(sub, 'subscription.updated', 'subscription.canceled')
  }

  #rest(sub: Subscription): void {
    sub.status = 'paused'
    sub.paused_at = this.books.instant()
    Object.assign(sub, ENDED)
    this.books.tellOf(sub, 'subscription.updated', 'subscription.paused')
  }

  /** A paused one goes on: a period begins and is paid. */
  resume(subscriptionId: string): void {
    const { books } = this
    const sub = books.subscription(subscriptionId)
    if (sub.status !== 'paused') throw new PracticeRefusal(400, 'subscription_is_not_paused')
    sub.status = 'active'
    sub.paused_at = null
    this.#startNextPeriod(sub)
    books.tellOf(sub, 'subscription.updated', 'subscription.resumed')
    const charge = books.chargeOf(sub, 'subscription_recurring')
    books.tellOf(charge, 'transaction.created', 'transaction.billed')
    books.settle(charge)
    books.complete(charge)
  }

  /** Waits for Paddle's approval, as on live accounts. */
  refund(transactionId: string, total?: bigint): string {
    const of = this.books.transaction(transactionId)
    return this.books.adjust(of, 'refund', { total, status: 'pending_approval' }).id
  }
  decide(adjustmentId: string, status: 'approved' | 'rejected'): void {
    const one = this.books.adjustment(adjustmentId)
    one.status = status
    this.books.tellOf(one, 'adjustment.updated')
  }

  chargeback(transactionId: string, action = 'chargeback'): string {
    return this.books.adjust(this.books.transaction(transactionId), action).id
  }
  /** The seller has won: the money comes back. */
  reverseChargeback(adjustmentId: string): string {
    const one = this.books.adjustment(adjustmentId)
    const reverse = this.books.adjust(
      this.books.transaction(one.transaction_id),
      `${one.action}_reverse`,
    )
    one.status = 'reversed'
    this.books.tellOf(one, 'adjustment.updated')
    return reverse.id
  }
}

const ENDED = { scheduled_change: null, next_billed_at: null, current_billing_period: null }
