/**
 * A notification of Paddle as it came, and what became of it: the stored contract. One stream for each
 * event id: that it exists is how a repeated delivery is known. The body is the seller's, sealed with a
 * key of the customer that it is about.
 */
import { z } from 'zod'
import { event, type EventsOf } from '../event.ts'
import { idField, instant } from '../ids.ts'
import { preciseInstantText } from '../payment/events.ts'
import { clear, content, SELLER, shownTo } from '../personal.ts'

/** Paddle's ids; generous, since an id is only compared. */
export const paddleIdText = z.string().regex(/^[A-Za-z0-9_-]{1,100}$/)
const eventId = clear(paddleIdText)

export const MAX_NOTE = 500

export const ignoredReasons = [
  /** A type that says nothing of money or status. */
  'type_not_used',
  /** A payment on its way: its credit comes when the provider says that it is completed. */
  'not_completed',
  /** Nothing to change: a payment of nothing, one that was given up, an exchange within a change of plan. */
  'no_effect',
  /** An administrator wants no more of it: another product’s on the same account at Paddle. */
  'dismissed',
] as const
export type IgnoredReason = (typeof ignoredReasons)[number]

export const parkedReasons = [
  'unknown_organization',
  'unknown_payment',
  'unknown_price',
  'unknown_currency',
  /** It cannot be booked as it is: more than an account holds, or several things in one payment. */
  'refused',
  'unreadable',
] as const
export type ParkedReason = (typeof parkedReasons)[number]

export const paddleEventEvents = {
  PaddleEventReceived: event('Paddle told us something, or we asked and had not heard it.', {
    eventId,
    eventType: clear(z.string().min(1).max(100)),
    occurredAt: clear(preciseInstantText),
    notificationId: clear(z.exactOptional(paddleIdText)),
    /** `reconciler`: read from Paddle's API. */
    source: clear(z.enum(['webhook', 'reconciler'])),
    /** What it is about: a subscription, a transaction, an adjustment. */
    entityId: clear(z.exactOptional(paddleIdText)),
    /** Whose key seals the body: the Paddle customer, else the event itself. */
    subjectId: clear(paddleIdText),
    /** The bytes as they came, as text. */
    body: shownTo(SELLER, content(z.string(), 'subjectId')),
    at: instant,
  }),
  PaddleEventApplied: event('What it says was written to the organization’s streams.', {
    eventId,
    orgId: idField('organization'),
    at: instant,
  }),
  PaddleEventIgnored: event('It changes nothing here.', {
    eventId,
    reason: clear(z.enum(ignoredReasons)),
    /** Of whoever dismissed it: why. */
    note: clear(z.exactOptional(z.string().min(1).max(MAX_NOTE))),
    at: instant,
  }),
  PaddleEventParked: event(
    'It cannot be applied yet; tried again when what it waits for appears.',
    {
      eventId,
      reason: clear(z.enum(parkedReasons)),
      /** What is missing: `subscription:sub_…`, `payment:txn_…`, `customer:ctm_…`, `price:pri_…`, `currency:EUR`. */
      waitsFor: clear(z.array(z.string().min(1).max(128)).max(10)),
      at: instant,
    },
  ),
  PaddleEventReopened: event('An administrator asked for it to be applied again.', {
    eventId,
    at: instant,
  }),
}
export type PaddleEventEvent = EventsOf<typeof paddleEventEvents>
export type PaddleEventData<T extends PaddleEventEvent['type']> = Extract<
  PaddleEventEvent,
  { type: T }
>['data']

export const paddleReconciliationEvents = {
  ReconciliationReached: event('Paddle’s own list of events was read up to here.', {
    /** Of the last event read: the next run asks for what follows. */
    cursor: eventId,
    read: clear(z.int().nonnegative()),
    /** So many of them had not reached us before. */
    missed: clear(z.int().nonnegative()),
    at: instant,
  }),
  PaddleDriftDetected: event(
    'Paddle’s state of a thing differed from ours; its state was then applied.',
    {
      entityId: clear(paddleIdText),
      /** The message that was made of Paddle's state. */
      eventId,
      /** What differed, such as `status: active, at Paddle past_due`. */
      differences: clear(z.array(z.string().min(1).max(200)).min(1).max(20)),
      at: instant,
    },
  ),
}
export type PaddleReconciliationEvent = EventsOf<typeof paddleReconciliationEvents>
