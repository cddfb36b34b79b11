/**
 * ReceivePaddleEvent: what Paddle told us is in the log before anybody answers. The stream of the
 * event's id is the record of it: a repeat changes nothing, and of two bodies with one id the first
 * counts. What it means is not looked at here.
 */
import { readEnvelope } from '../../domain/paddle-event/envelope.ts'
import { streamName } from '../../domain/decider.ts'
import { paddleEvent } from '../../domain/paddle-event/paddle-event.ts'
import { isErased } from '../../domain/personal.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { Position } from '../../ports/event-store.ts'
import { type Root, unkeyedStep } from '../context.ts'
import type { Deps } from '../deps.ts'

export interface PaddleMessage {
  /** The body as it came. */
  readonly text: string
  readonly source: 'webhook' | 'reconciler'
}

export interface PaddleReceipt {
  readonly eventId: string
  /** It had not been received before. */
  readonly isNew: boolean
  readonly position: Position | undefined
}

/** @throws Refusal message_unreadable with the field without which it cannot be stored */
export async function receivePaddleEvent(
  deps: Pick<Deps, 'streams' | 'ids' | 'logger'>,
  root: Root,
  { text, source }: PaddleMessage,
): Promise<PaddleReceipt> {
  const envelope = readEnvelope(parsed(text), root.at)
  if ('missing' in envelope) throw new Refusal('message_unreadable', { field: envelope.missing })
  const { complete: _complete, ...facts } = envelope
  const { eventId } = facts
  const { events, position } = await deps.streams.transact(
    paddleEvent,
    eventId,
    { type: 'ReceivePaddleEvent', ...facts, source, body: text, at: root.at },
    unkeyedStep(deps.ids, root, `receive:${eventId}`),
  )
  const isNew = events.length > 0
  if (!isNew) await compare(deps, eventId, text)
  return { eventId, isNew, position }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Paddle never says two things under one id: if it did, somebody should look. */
async function compare(
  { streams, logger }: Pick<Deps, 'streams' | 'logger'>,
  eventId: string,
  text: string,
): Promise<void> {
  const first = await streams.readOne(streamName(paddleEvent.category, eventId), 0)
  const kept = first?.data['body']
  if (isErased(kept) || kept === text || isSameButForDelivery(kept, text)) return
  logger.warn({ eventId }, 'a notification came again with another body; the first one counts')
}

/** Each delivery has an id of its own; the event that it delivers is the same. */
function isSameButForDelivery(kept: unknown, text: string): boolean {
  const event = (body: unknown) => {
    const { notification_id: _delivery, ...rest } = Object(body) as Record<string, unknown>
    return JSON.stringify(rest)
  }
  return event(parsed(String(kept))) === event(parsed(text))
}
