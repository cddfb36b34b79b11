/**
 * Appends over the one stream that a connection has for them, each with a time limit of its own.
 *
 * Not the client's `appendToStream`: that keeps the appends of all streams of the process in one map, so
 * that a stream that breaks rejects the appends of the next one, whose answers then throw where nobody can
 * catch it; it tells the server a deadline by this machine's clock, so that with a clock some minutes slow
 * every append times out; and it turns text into objects, text, base64 and bytes again, seven times the
 * work. The messages are the same, byte for byte, but for the deadline.
 *
 * An answer is never a guess: what is not surely written or surely refused is `unknown`.
 */
import { randomUUID } from 'node:crypto'
import type { EventStoreDBClient } from '@eventstore/db-client'
import type { NewEvent } from '../../../ports/event-store.ts'
import { appendStreams, shared, streams } from './protocol.ts'
import type { AppendStream, BatchAppendReq, BatchAppendResp } from './protocol.ts'

export type Answer =
  | { readonly kind: 'done'; readonly position: bigint | undefined }
  | { readonly kind: 'conflict'; readonly actual: 'none' | number }
  | { readonly kind: 'too large'; readonly limit: number }
  | { readonly kind: 'denied' }
  /** Surely not written, and never will be. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** Written or not, now or later. */
  | { readonly kind: 'unknown'; readonly cause: unknown }

/** An event as it goes to the server. */
export interface EncodedEvent {
  readonly id: string
  readonly type: string
  readonly data: Buffer
  readonly metadata: Buffer
}

export const encode = ({ id, type, data, metadata }: NewEvent): EncodedEvent => ({
  id,
  type,
  data: Buffer.from(data),
  metadata: Buffer.from(metadata),
})

interface Open {
  readonly stream: AppendStream
  /** Appends that wait for their answer. */
  readonly waiting: Map<string, (answer: Answer) => void>
  broken: unknown
}

export class BatchAppends {
  readonly #open: () => Promise<Open>

  constructor(client: EventStoreDBClient) {
    this.#open = appendStreams(client, (stream) => listen(stream))
  }

  /** `expected` is the revision of the stream's last event. Never rejects. */
  send(
    stream: string,
    expected: 'none' | number,
    events: readonly EncodedEvent[],
    limitMs: number,
  ): Promise<Answer> {
    return new Promise((resolve) => {
      const id = randomUUID()
      let open: Open | undefined
      let settled = false
      const settle = (answer: Answer) => {
        settled = true
        clearTimeout(timer)
        open?.waiting.delete(id)
        resolve(answer)
      }
      const unknown = (cause: unknown) => settle({ kind: 'unknown', cause })
      const timer = setTimeout(
        () => unknown(new Error(`no answer to an append within ${limitMs} ms`)),
        limitMs,
      )
      this.#open().then((current) => {
        if (settled) return
        if (current.broken !== undefined) return unknown(current.broken)
        open = current
        current.waiting.set(id, settle)
        current.stream.write(request(id, stream, expected, events))
      }, unknown)
    })
  }
}

function listen(stream: AppendStream): Open {
  const open: Open = { stream, waiting: new Map(), broken: undefined }
  const broken = (cause: unknown) => {
    open.broken ??= cause
    for (const settle of open.waiting.values()) settle({ kind: 'unknown', cause })
  }
  const ended = () => {
    broken(new Error('the server has ended the stream of appends'))
    // Only its own half: the client would go on with the other one, and wait for it when it closes.
    stream.destroy()
  }
  stream
    .on('data', (response) => {
      // An append whose time was over has gone: nobody waits for this answer any more.
      const settle = open.waiting.get(response.getCorrelationId()?.getString() ?? '')
      settle?.(answerOf(response))
    })
    .on('error', broken)
    .on('end', ended)
    .on('close', ended)
  return open
}

function request(
  id: string,
  stream: string,
  expected: 'none' | number,
  events: readonly EncodedEvent[],
): BatchAppendReq {
  const options = new streams.BatchAppendReq.Options().setStreamIdentifier(
    new shared.StreamIdentifier().setStreamName(new Uint8Array(Buffer.from(stream))),
  )
  if (expected === 'none') options.setNoStream(new shared.Empty())
  else options.setStreamPosition(String(expected))
  const message = new streams.BatchAppendReq()
    .setCorrelationId(new shared.UUID().setString(id))
    .setOptions(options)
    .setIsFinal(true)
  for (const event of events) message.addProposedMessages(proposed(event))
  return message
}

function proposed(event: EncodedEvent) {
  const message = new streams.BatchAppendReq.ProposedMessage()
    .setId(new shared.UUID().setString(event.id))
    .setData(event.data)
    .setCustomMetadata(event.metadata)
  message.getMetadataMap().set('type', event.type).set('content-type', 'application/json')
  return message
}

function answerOf(response: BatchAppendResp): Answer {
  const success = response.getSuccess()
  if (success !== undefined) {
    // It is missing where a repeated append is recognised whose event cannot be read at the moment.
    const position = success.getPosition()?.getCommitPosition()
    return { kind: 'done', position: position === undefined ? undefined : BigInt(position) }
  }
  const error = response.getError()
  const reason = error?.getMessage() ?? 'an answer without a result'
  const type = error?.getDetails()?.getTypeName() ?? ''
  const details = error?.getDetails()?.getValue_asU8() ?? new Uint8Array()
  switch (type.replace('event_store.client.', '')) {
    case 'WrongExpectedVersion': {
      const wrong = shared.WrongExpectedVersion.deserializeBinary(details)
      const found = wrong.hasCurrentStreamRevision()
      return { kind: 'conflict', actual: found ? Number(wrong.getCurrentStreamRevision()) : 'none' }
    }
    case 'MaximumAppendSizeExceeded': {
      const exceeded = shared.MaximumAppendSizeExceeded.deserializeBinary(details)
      return { kind: 'too large', limit: exceeded.getMaxappendsize() }
    }
    case 'AccessDenied':
      return { kind: 'denied' }
    case 'BadRequest': {
      const { message } = shared.BadRequest.deserializeBinary(details).toObject()
      return { kind: 'refused', reason: message }
    }
    case 'StreamDeleted':
      return { kind: 'refused', reason: 'the stream was deleted' }
    default:
      // Busy, not ready, timed out, and whatever a later server says.
      return { kind: 'unknown', cause: new Error(reason) }
  }
}
