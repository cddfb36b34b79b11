/**
 * Which plan an organization has had, when: the stored contract. `occurredAt` and `eventId` say when and
 * by which message a thing happened at its source; of two the later counts, whatever came first to us.
 */
import { z } from 'zod'
import { event, type EventsOf } from '../event.ts'
import { idField, instant } from '../ids.ts'
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
const source = {
  occurredAt: instant,
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
    ...source,
  }),
  SubscriptionStatusChanged: event('A payment came, failed or was paused.', {
    subscriptionId,
    status: clear(liveStatus),
    ...source,
  }),
  SubscriptionCanceled: event('It ends; access stays until the end date.', {
    subscriptionId,
    endsAt: instant,
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
}
export type SubscriptionEvent = EventsOf<typeof subscriptionEvents>
