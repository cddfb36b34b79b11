/**
 * What every notification of Paddle says of itself, read leniently: whoever has an id is stored, also
 * where nothing else in it can be understood. What the body means is read later.
 */
import type { PaddleEventData } from './events.ts'
import { paddleIdText } from './events.ts'
import { preciseInstant } from './instant.ts'

export type Envelope = Pick<
  PaddleEventData<'PaddleEventReceived'>,
  'eventId' | 'eventType' | 'occurredAt' | 'notificationId' | 'entityId' | 'subjectId'
> & {
  /** All that is needed to apply it was there. */
  readonly complete: boolean
}

const UNREADABLE = 'unreadable'

const record = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
const idIn = (value: unknown): string | undefined => {
  const parsed = paddleIdText.safeParse(value)
  return parsed.success ? parsed.data : undefined
}

/**
 * @param json the parsed body; undefined where it is no JSON
 * @param at when it came (ISO): stands for the time of an event that names none
 * @returns the name of the field without which it cannot even be stored
 */
export function readEnvelope(json: unknown, at: string): Envelope | { readonly missing: string } {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return { missing: 'body' }
  const { event_id, event_type, occurred_at, notification_id, data } = record(json)
  const eventId = idIn(event_id)
  if (eventId === undefined) return { missing: 'event_id' }
  const typed = typeof event_type === 'string' && /^[\w.]{1,100}$/.test(event_type)
  const occurredAt = typeof occurred_at === 'string' ? preciseInstant(occurred_at) : undefined
  const { id, customer_id: customer } = record(data)
  const entityId = idIn(id)
  const notificationId = idIn(notification_id)
  const subjectId = idIn(customer) ?? (entityId?.startsWith('ctm_') ? entityId : eventId)
  return {
    eventId,
    eventType: typed ? event_type : UNREADABLE,
    occurredAt: occurredAt ?? `${at.slice(0, -1)}000000Z`,
    ...(notificationId === undefined ? {} : { notificationId }),
    ...(entityId === undefined ? {} : { entityId }),
    subjectId,
    complete: typed && occurredAt !== undefined && entityId !== undefined,
  }
}
