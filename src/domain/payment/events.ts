/**
 * What an organization has paid, and what of it was returned: the stored contract. Neutral about who
 * takes the money: `paymentId`, `returnId` and `subscriptionId` are the provider's own ids. Amounts of
 * money that people pay are whole minor units of the currency (cents; yen), as decimal texts.
 */
import { z } from 'zod'
import { event, type EventsOf } from '../event.ts'
import { idField, instant, instantText } from '../ids.ts'
import { nanosText } from '../money.ts'
import { clear } from '../personal.ts'

const providerId = z.string().min(1).max(128)
const optionalProviderId = clear(z.exactOptional(providerId))
const minorText = z
  .string()
  .regex(/^(0|[1-9]\d{0,17})$/)
  .meta({ description: 'minor units of the currency' })
const currency = clear(z.string().regex(/^[A-Z]{3}$/))
const credit = nanosText.refine((text) => !text.startsWith('-'), 'never negative')

/** A time of the provider with nine digits of a second, so that texts sort as times do. */
export const preciseInstantText = z.string().regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{9}Z$/)
/** When and by which message it happened at its source: of two the later counts, whatever came first. */
const source = {
  occurredAt: clear(preciseInstantText),
  eventId: clear(providerId),
  at: instant,
}

/** `plan`: a subscription. `top_up`: credit once. */
export const checkoutPurposes = ['plan', 'top_up'] as const
/** What a payment is for; `trial`: nothing was paid, and the plan gives credit to try with. */
export const paymentPurposes = ['period', 'top_up', 'trial'] as const
export const returnKinds = ['refund', 'credit', 'chargeback', 'chargeback_warning'] as const
/** Only `approved` counts; `reversed`: it was, and no longer is. */
export const returnStatuses = ['pending', 'approved', 'rejected', 'reversed'] as const

export const paymentEvents = {
  CheckoutRequested: event(
    'Somebody wants to pay. Written before the provider is asked, so that nothing is opened unknown.',
    {
      checkoutId: idField('checkout'),
      purpose: clear(z.enum(checkoutPurposes)),
      planId: idField('plan'),
      planVersion: clear(z.int().positive()),
      /** The provider's price. */
      priceId: clear(providerId),
      quantity: clear(z.int().positive()),
      at: instant,
    },
  ),
  CheckoutOpened: event('The provider has a page where it can be paid.', {
    checkoutId: idField('checkout'),
    /** What is paid there; how the provider's messages find the organization. */
    paymentId: clear(providerId),
    url: clear(z.string().min(1).max(2_000)),
    at: instant,
  }),
  PaymentReceived: event(
    'The provider has taken a payment; the credit of the organization follows.',
    {
      paymentId: clear(providerId),
      purpose: clear(z.enum(paymentPurposes)),
      subscriptionId: optionalProviderId,
      customerId: optionalProviderId,
      planId: idField('plan'),
      planVersion: clear(z.int().positive()),
      /** The time that is paid for; absent for a top-up. */
      periodStart: clear(z.exactOptional(instantText)),
      periodEnd: clear(z.exactOptional(instantText)),
      /** What it is worth alone and unreduced: the plan's credit for a whole period, or the top-up. */
      creditNanos: clear(credit),
      /** A trial without credit: its customer has tried in another organization. */
      trialUsed: clear(z.exactOptional(z.literal(true))),
      /** Millionths of the period that a change of plan within it pays for; absent: all of it. */
      shareMillionths: clear(z.exactOptional(z.int().min(0).max(1_000_000))),
      currency,
      /** What was paid, tax included, and the tax in it. */
      totalMinor: clear(minorText),
      taxMinor: clear(minorText),
      /** Of the provider's document, where it has one. */
      invoiceNumber: clear(z.exactOptional(z.string().min(1).max(128))),
      ...source,
    },
  ),
  PaymentReturned: event(
    'The provider says that money of a payment goes back, or no longer does. Each message says the whole of one return.',
    {
      returnId: clear(providerId),
      paymentId: clear(providerId),
      kind: clear(z.enum(returnKinds)),
      /** It undoes a return of this kind. */
      undoes: clear(z.exactOptional(z.literal(true))),
      status: clear(z.enum(returnStatuses)),
      currency,
      /** Tax included. */
      totalMinor: clear(minorText),
      /** The tax in it; absent: the payment's share of it. */
      taxMinor: clear(z.exactOptional(minorText)),
      /** Beside it, tax included: what was paid back for unused time into another plan. */
      exchangedMinor: clear(z.exactOptional(minorText)),
      ...source,
    },
  ),
}
export const trialClaimEvents = {
  TrialClaimed: event(
    'A customer of the provider tries for the first time: no other organization of theirs gets credit to try with.',
    { customerId: clear(providerId), orgId: idField('organization'), at: instant },
  ),
}
export type TrialClaimEvent = EventsOf<typeof trialClaimEvents>
export type PaymentEvent = EventsOf<typeof paymentEvents>
export type PaymentData<T extends PaymentEvent['type']> = Extract<PaymentEvent, { type: T }>['data']
