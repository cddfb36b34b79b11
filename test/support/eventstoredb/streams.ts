/**
 * The events in memory: each stream, the whole log, and the rule that decides an append. The index is
 * rebuilt from the log at start. Readers see only what has been flushed; the rule sees what waits as well.
 */
import { type Expected, shared, streams as messages } from './protocol.ts'
import type { Log } from './log.ts'

export interface ProposedEvent {
  readonly id: string
  readonly type: string
  readonly json: boolean
  readonly data: Uint8Array
  readonly metadata: Uint8Array
}

export interface StoredEvent {
  readonly position: number
  readonly revision: number
  readonly id: string
  readonly type: string
  readonly stream: Stream
  /** Where its encoded answer lies in the log. */
  readonly at: number
  readonly length: number
  /** That answer, as long as it is kept in memory. */
  answer?: Buffer | undefined
}

export interface Stream {
  readonly name: string
  readonly events: StoredEvent[]
}

export type Decision =
  | { readonly kind: 'write' }
  /** Written before: the answer is that of the first time. */
  | { readonly kind: 'replay'; readonly last: StoredEvent }
  | { readonly kind: 'conflict'; readonly current: number }

/** Stream length, type length, id, revision. */
const RECORD_HEADER = 2 + 2 + 16 + 8
/** The real server remembers the ids of appends with `any` within this many bytes, in memory only. */
const REMEMBERED_BYTES = 8 * 1024 * 1024
/** Encoded answers kept in memory, the newest ones; older ones are read from the log. */
const CACHED_BYTES = 32 * 1024 * 1024

export class Index {
  /** Every event in the order of its position, also those that are not flushed yet. */
  readonly all: StoredEvent[] = []
  /** How many of them have been flushed. */
  visible = 0
  #streams = new Map<string, Stream>()
  #remembered = new Map<string, StoredEvent>()
  #rememberedBytes = 0
  /** Index of the oldest event that is remembered, and of the oldest whose answer is in memory. */
  #oldestRemembered = 0
  #oldestCached = 0
  #cachedBytes = 0

  stream(name: string): Stream | undefined {
    return this.#streams.get(name)
  }

  isVisible(event: StoredEvent): boolean {
    const last = this.all[this.visible - 1]
    return last !== undefined && event.position <= last.position
  }

  /** Index of the first event whose position is `position` or later. */
  seek(position: number): number {
    let low = 0
    let high = this.all.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.all[middle]!.position < position) low = middle + 1
      else high = middle
    }
    return low
  }

  decide(name: string, expected: Expected, ids: readonly string[]): Decision {
    const stream = this.#streams.get(name)
    const current = (stream?.events.length ?? 0) - 1
    const conflict: Decision = { kind: 'conflict', current }
    if (expected === 'stream_exists' && current < 0) return conflict
    if (expected === 'any' || expected === 'stream_exists')
      return this.#decideByMemory(stream, ids, conflict)
    const revision = expected === 'no_stream' ? -1 : expected
    if (revision === current) return { kind: 'write' }
    if (revision > current || ids.length === 0) return conflict
    const same = ids.every((id, n) => stream?.events[revision + 1 + n]?.id === id)
    const last = stream?.events[revision + ids.length]
    return same && last ? { kind: 'replay', last } : conflict
  }

  #decideByMemory(
    stream: Stream | undefined,
    ids: readonly string[],
    conflict: Decision,
  ): Decision {
    let last: StoredEvent | undefined
    for (const [n, id] of ids.entries()) {
      const known = this.#remembered.get(id)
      if (!known || known.stream !== stream) return n === 0 ? { kind: 'write' } : conflict
      last = known
    }
    return last ? { kind: 'replay', last } : { kind: 'write' }
  }

  /** Adds the events to the index and answers the body of their log entry. */
  write(name: string, events: readonly ProposedEvent[], bodyAt: number): Buffer {
    const stream = this.streamOf(name)
    const created = `${Date.now()}0000`
    const parts: Buffer[] = []
    let position = bodyAt
    for (const event of events) {
      const revision = stream.events.length
      const answer = encodeAnswer(event, name, revision, position, created)
      const header = encodeHeader(event, name, revision, answer.length)
      const at = position + header.length
      const { id, type } = event
      const stored = { position, revision, id, type, stream, at, length: answer.length, answer }
      this.#add(stored)
      this.#remember(stored)
      this.#cache(stored)
      parts.push(header, answer)
      position = at + answer.length
    }
    return Buffer.concat(parts)
  }

  /** Adds the events of an entry that was read from the log at start. */
  replay(body: Buffer, bodyAt: number): void {
    let offset = 0
    while (offset < body.length) {
      const length = body.readUInt32LE(offset)
      const nameLength = body.readUInt16LE(offset + 4)
      const typeLength = body.readUInt16LE(offset + 6)
      const id = uuidOf(body.toString('hex', offset + 8, offset + 24))
      const revision = Number(body.readBigUInt64LE(offset + 24))
      const nameAt = offset + 4 + RECORD_HEADER
      const typeAt = nameAt + nameLength
      const stream = this.streamOf(body.toString('utf8', nameAt, typeAt))
      const type = body.toString('utf8', typeAt, typeAt + typeLength)
      const at = bodyAt + typeAt + typeLength
      this.#add({ position: bodyAt + offset, revision, id, type, stream, at, length })
      offset = typeAt + typeLength + length
    }
    this.visible = this.all.length
    this.#oldestRemembered = this.all.length
    this.#oldestCached = this.all.length
  }

  /** The event as a read answers it. */
  answer(event: StoredEvent, log: Log): Buffer {
    return event.answer ?? log.read(event.at, event.length)
  }

  streamOf(name: string): Stream {
    let stream = this.#streams.get(name)
    if (!stream) {
      stream = { name, events: [] }
      this.#streams.set(name, stream)
    }
    return stream
  }

  #add(event: StoredEvent): void {
    event.stream.events.push(event)
    this.all.push(event)
  }

  #remember(event: StoredEvent): void {
    this.#remembered.set(event.id, event)
    this.#rememberedBytes += sizeInMemory(event)
    while (this.#rememberedBytes > REMEMBERED_BYTES) {
      const oldest = this.all[this.#oldestRemembered++]!
      this.#rememberedBytes -= sizeInMemory(oldest)
      // The same id may have been written again since.
      if (this.#remembered.get(oldest.id) === oldest) this.#remembered.delete(oldest.id)
    }
  }

  #cache(event: StoredEvent): void {
    this.#cachedBytes += event.length
    // What is not flushed can not be read from the log yet.
    while (this.#cachedBytes > CACHED_BYTES && this.#oldestCached < this.visible) {
      const oldest = this.all[this.#oldestCached++]!
      this.#cachedBytes -= oldest.length
      oldest.answer = undefined
    }
  }
}

const sizeInMemory = (event: StoredEvent): number => 28 + 2 * event.stream.name.length

function uuidOf(hex: string): string {
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join('-')
}

function encodeHeader(
  event: ProposedEvent,
  name: string,
  revision: number,
  answerLength: number,
): Buffer {
  const nameBytes = Buffer.from(name)
  const typeBytes = Buffer.from(event.type)
  const fixed = Buffer.allocUnsafe(4 + RECORD_HEADER)
  fixed.writeUInt32LE(answerLength, 0)
  fixed.writeUInt16LE(nameBytes.length, 4)
  fixed.writeUInt16LE(typeBytes.length, 6)
  fixed.write(event.id.replaceAll('-', ''), 8, 'hex')
  fixed.writeBigUInt64LE(BigInt(revision), 24)
  return Buffer.concat([fixed, nameBytes, typeBytes])
}

function encodeAnswer(
  event: ProposedEvent,
  name: string,
  revision: number,
  position: number,
  created: string,
): Buffer {
  const recorded = new messages.ReadResp.ReadEvent.RecordedEvent()
    .setId(new shared.UUID().setString(event.id))
    .setStreamIdentifier(new shared.StreamIdentifier().setStreamName(Buffer.from(name)))
    .setStreamRevision(String(revision))
    .setCommitPosition(String(position))
    .setPreparePosition(String(position))
    .setData(event.data)
    .setCustomMetadata(event.metadata)
  recorded
    .getMetadataMap()
    .set('type', event.type)
    .set('created', created)
    .set('content-type', event.json ? 'application/json' : 'application/octet-stream')
  const read = new messages.ReadResp.ReadEvent()
    .setEvent(recorded)
    .setCommitPosition(String(position))
  return Buffer.from(new messages.ReadResp().setEvent(read).serializeBinary())
}
