/**
 * Which plan an organization has had, when: the stored contract. `occurredAt` and `eventId` say when and
 * by which message a thing happened at its source; of two the later counts, whatever came first to us.
 */
import { z } from 'zod'
import { event, type EventsOf } from '../event.ts'
import { idField, idSchema, instant, instantText } from '../ids.ts'
import { preciseInstantText } from '../payment/events.ts'
import { clear } from '../personal.ts'

export const subscriptionStatuses = [
  'pending',
  'trialing',
  'active',
  'past_due',
  'paused',
  'canceled',
] as const
export const subscriptionStatus = z.enum(subscriptionStatuses)
export type SubscriptionStatus = z.output<typeof subscriptionStatus>
export const liveStatus = subscriptionStatus.exclude(['canceled'])
export type LiveStatus = z.output<typeof liveStatus>

/** The provider's own id, or `manual:…` where we keep it ourselves. */
const subscriptionId = clear(z.string().min(1).max(128))
const planId = idField('plan')
const planVersion = clear(z.int().positive())
const providerPrice = clear(z.string().min(1).max(128))
/** The plan as of a message, where it says so. */
const plan = {
  planId: clear(z.exactOptional(idSchema('plan'))),
  planVersion: clear(z.exactOptional(z.int().positive())),
  graceDays: clear(z.exactOptional(z.int().nonnegative())),
  startedAt: clear(z.exactOptional(instantText)),
}
/** What only a provider's message says: where the customer stands at the provider, and what comes next. */
const told = {
  customerId: clear(z.exactOptional(z.string().min(1).max(128))),
  /** The time that is paid for, or tried. */
  periodStart: clear(z.exactOptional(instantText)),
  periodEnd: clear(z.exactOptional(instantText)),
  /** A change that is agreed and still to come. */
  scheduled: clear(
    z.exactOptional(
      z.strictObject({ change: z.enum(['cancel', 'pause', 'resume']), at: instantText }),
    ),
  ),
}
const source = {
  /** Ours with three digits of a second, a provider's with nine: compared only with its own kind. */
  occurredAt: clear(z.union([instantText, preciseInstantText])),
  /** Breaks ties of `occurredAt`: the provider's event id, or the command's. */
  eventId: clear(z.string().min(1).max(128)),
  at: instant,
}

export const subscriptionEvents = {
  SubscriptionStarted: event('The organization took a plan.', {
    subscriptionId,
    planId,
    planVersion,
    status: clear(liveStatus),
    startedAt: instant,
    /** Days of access while a payment is past due, as the plan said. */
    graceDays: clear(z.int().nonnegative()),
    ...told,
    ...source,
  }),
  SubscriptionStatusChanged: event(
    'A payment came, failed or was paused; or the provider said anything new of it.',
    {
      subscriptionId,
      status: clear(liveStatus),
      ...plan,
      ...told,
      ...source,
    },
  ),
  SubscriptionCanceled: event('It ends; access stays until the end date.', {
    subscriptionId,
    endsAt: instant,
    ...plan,
    ...told,
    ...source,
  }),
  PeriodStarted: event(
    'A calendar period of the plan began. Its included credit is granted once.',
    {
      subscriptionId,
      planId,
      planVersion,
      periodStart: instant,
      periodEnd: instant,
      at: instant,
    },
  ),
  PlanChangeRequested: event(
    'Another plan was wished. Written before the provider is asked; its message says that it is so.',
    {
      subscriptionId,
      planId,
      /** The version whose terms were shown, whatever is published while it is paid. */
      planVersion,
      priceId: providerPrice,
      fromPlanId: planId,
      fromPlanVersion: planVersion,
      fromPriceId: providerPrice,
      /** `period_end`: what is paid for stays in force until `effectiveAt`. */
      effective: clear(z.enum(['now', 'period_end'])),
      effectiveAt: clear(z.exactOptional(instantText)),
      at: instant,
    },
  ),
  CancellationRequested: event(
    'Its end was wished. Written before the provider is asked; its message says that it is so.',
    { subscriptionId, when: clear(z.enum(['now', 'period_end'])), at: instant },
  ),
  ContinuationRequested: event(
    'An end or a pause that was still to come is not wished any more. Written before the provider is asked.',
    { subscriptionId, at: instant },
  ),
}
export type SubscriptionEvent = EventsOf<typeof subscriptionEvents>
