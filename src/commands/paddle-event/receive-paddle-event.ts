/**
 * ReceivePaddleEvent: what Paddle told us is in the log before anybody answers. The stream of the
 * event's id is the record of it: a repeat changes nothing, and of two bodies with one id the first
 * counts. What it means is not looked at here.
 */
import { readEnvelope } from '../../domain/paddle-event/envelope.ts'
import { fingerprint } from '../../domain/paddle-event/fingerprint.ts'
import { paddleEvent } from '../../domain/paddle-event/paddle-event.ts'
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
  const { events, position, state } = await deps.streams.transact(
    paddleEvent,
    eventId,
    { type: 'ReceivePaddleEvent', ...facts, source, body: text, at: root.at },
    unkeyedStep(deps.ids, root, `receive:${eventId}`),
  )
  const isNew = events.length > 0
  const kept = state?.fingerprint
  // Paddle never says two things under one id: if it did, somebody should look.
  if (!isNew && kept !== undefined && kept !== fingerprint(text))
    deps.logger.warn({ eventId }, 'an event came again with another body; the first one counts')
  return { eventId, isNew, position }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
