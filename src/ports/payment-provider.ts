/**
 * Who takes the money of the organizations. It is asked for a page to pay on, told what is to change, and
 * read from; that something was paid or has ended it says by its own messages alone. Every call has a
 * bounded time, and no failure names the seller's account or a key.
 */
export interface PaymentProvider {
  /** As operators call it. */
  readonly name: string
  /** Makes what can be paid. Not idempotent: an unknown outcome is looked for with `findCheckout`. */
  openCheckout(wish: CheckoutWish): Promise<OpenedCheckout>
  /** What was made for this checkout of ours, however its answer was lost. */
  findCheckout(checkoutId: string, requestedAt: string): Promise<OpenedCheckout | undefined>
  /** How a subscription stands there now, whatever its messages have said so far. */
  subscriptionNow(subscriptionId: string): Promise<SubscriptionNow>
  /** Whether something would be charged now for another price, beyond what is paid. Changes nothing. */
  isDearer(change: PriceChange): Promise<boolean>
  /** Another price at once: the rest of the period is paid for now, or nothing before the next one. */
  changePrice(change: PriceChange, charge: 'difference' | 'nothing'): Promise<void>
  /** Asking again for what is agreed already is no failure. */
  cancelSubscription(subscriptionId: string, when: CancelTime): Promise<void>
  /** Takes back a cancellation that is still to come. */
  keepSubscription(subscriptionId: string): Promise<void>
  /** The address that the customer is known by; undefined: there is none. Personal: compared, not kept. */
  customerEmail(customerId: string): Promise<string | undefined>
  /** A page of the provider for this customer, good for a short time. */
  portalLink(customerId: string, subscriptionIds: readonly string[]): Promise<string>
  /** The provider's document for a payment, good for a short time; undefined: there is none. */
  invoiceLink(paymentId: string): Promise<string | undefined>
  /** The provider's present state of a thing; undefined: there is none with this id. */
  readEntity(id: string): Promise<ProviderEntity | undefined>
  /** Its own list of what happened, oldest first, after an event's id. */
  eventsAfter(cursor: string | undefined): Promise<ProviderEvents>
  price(priceId: string): Promise<ProviderPrice | undefined>
  /** Where it sends its messages to. */
  destinations(): Promise<readonly Destination[]>
}

export interface CheckoutWish {
  readonly checkoutId: string
  readonly orgId: string
  readonly priceId: string
  readonly quantity: number
}
export interface OpenedCheckout {
  readonly paymentId: string
  readonly url: string
}

export interface PriceChange {
  readonly subscriptionId: string
  readonly priceId: string
  readonly quantity: number
}
/** How often something is paid. */
export interface Cycle {
  /** `1 month`. */
  readonly text: string
  /** About so many days: of two the longer is longer. */
  readonly days: number
}
export interface SubscriptionNow {
  /** Of the plan: what is paid again and again. */
  readonly priceId: string
  readonly cycle: Cycle
  /** Nothing is paid for yet. */
  readonly onTrial: boolean
  /** Of the time that is paid for, or tried; undefined: none runs. */
  readonly periodEnd: string | undefined
  /** Still to come. */
  readonly leaving: 'cancel' | 'pause' | undefined
}
export type CancelTime = 'period_end' | 'now'

export interface ProviderEntity {
  readonly id: string
  /** What it calls the thing: the first part of its messages' types. */
  readonly kind: string
  readonly updatedAt: string
  readonly data: Readonly<Record<string, unknown>>
}

/** A message as its webhook would have brought it. */
export interface ProviderEvent {
  readonly eventId: string
  readonly occurredAt: string
  /** JSON. */
  readonly body: string
}
export interface ProviderEvents {
  readonly events: readonly ProviderEvent[]
  readonly more: boolean
}

export interface ProviderPrice {
  readonly priceId: string
  readonly active: boolean
  /** The currencies that it has an amount in. */
  readonly currencies: readonly string[]
  /** Paid again and again; else once. */
  readonly recurring: boolean
  readonly cycle: Cycle | undefined
  /** `30.00 USD a month`, for a person. */
  readonly shown: string
}

export interface Destination {
  readonly url: string
  readonly active: boolean
  /** Sends simulated messages too, with valid signatures. */
  readonly simulated: boolean
  /** The types of message that it gets. */
  readonly types: readonly string[]
  /** Compared with ours, never shown. */
  readonly secret: string | undefined
}

/**
 * away: no answer, or one that says nothing · busy: asked too often · refused: it understood and will not
 * · denied: our key may not.
 */
export type PaymentProviderReason = 'away' | 'busy' | 'refused' | 'denied'

export class PaymentProviderFailure extends Error {
  readonly reason: PaymentProviderReason
  /** It may have done what it was asked. */
  readonly unknown: boolean
  readonly retryAfterMs: number
  /** For the operator's log: status and code, never a text of the provider. */
  readonly detail: string
  constructor(
    reason: PaymentProviderReason,
    so: { unknown?: boolean; retryAfterMs?: number; detail?: string } = {},
  ) {
    super(`payment provider: ${reason}`)
    this.name = 'PaymentProviderFailure'
    this.reason = reason
    this.unknown = so.unknown ?? false
    this.retryAfterMs = so.retryAfterMs ?? 5_000
    this.detail = so.detail ?? ''
  }
}
