/**
 * The writing half of the log: sizes, the server's answers, and what becomes of an append without one.
 *
 * Without an answer (time over, connection lost, server busy) it is read from the stream whether the events
 * are there. If they are, the append is done; if others are, it is a conflict; if nothing is there, it is
 * sent again with the same ids and the same revision, so that the first one can no longer be written twice,
 * however late it lands. Only when the server stays away is the caller told so.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  EventTooLarge,
  MAX_APPEND_BYTES,
  MAX_EVENT_BYTES,
  RevisionConflict,
} from '../../../ports/event-store.ts'
import type { Appended, NewEvent, StoredEvent } from '../../../ports/event-store.ts'
import { Unavailable } from '../../../ports/unavailable.ts'
import { encode } from './batch-appends.ts'
import type { EncodedEvent } from './batch-appends.ts'
import { unavailable } from './calls.ts'
import type { Connection } from './connection.ts'
import { backoff, IMPATIENT_MS } from './pace.ts'
import type { LogReader } from './reader.ts'
import { Turns } from './turns.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

export interface AppenderOptions {
  readonly connection: Connection
  readonly prefix: string
  readonly reader: LogReader
  /** How long an answer is waited for. */
  readonly appendMs: number
  /** How long a read is waited for. */
  readonly readMs: number
  /** How long an append takes at most, with all that is read to find out what became of it. */
  readonly giveUpMs: number
}

interface Append {
  readonly stream: string
  readonly expected: 'none' | number
  readonly events: readonly EncodedEvent[]
  readonly until: number
  /** Waits that were made. */
  waits: number
  /** Why the last attempt has no answer. */
  cause: unknown
}

export class Appender {
  readonly #options: AppenderOptions
  readonly #turns = new Turns()

  constructor(options: AppenderOptions) {
    this.#options = options
  }

  async append(
    stream: string,
    expected: 'none' | number,
    events: readonly NewEvent[],
  ): Promise<Appended> {
    const encoded = inspect(stream, expected, events)
    const begunAt = performance.now()
    const until = begunAt + this.#options.giveUpMs
    try {
      const append = { stream, expected, events: encoded, until }
      const appended = await this.#write({ ...append, waits: 0, cause: undefined })
      const heldMs = this.#turns.won(stream, begunAt)
      if (heldMs > 0) await sleep(heldMs)
      return appended
    } catch (error) {
      if (error instanceof RevisionConflict) this.#turns.lost(stream)
      throw error
    }
  }

  async #write(append: Append): Promise<Appended> {
    const { connection, prefix, appendMs } = this.#options
    const { stream, expected, events } = append
    for (;;) {
      const limitMs = Math.min(appendMs, append.until - performance.now())
      if (limitMs <= 0) throw unavailable(append.cause)
      const answer = await connection.appends.send(prefix + stream, expected, events, limitMs)
      switch (answer.kind) {
        case 'done': {
          if (answer.position !== undefined) return done(append, answer.position)
          append.cause = new Error('an answer without a position')
          const found = await this.#find(append)
          if (found !== undefined) return found
          break
        }
        case 'conflict':
          throw new RevisionConflict(stream, expected, answer.actual)
        case 'too large':
          throw new EventTooLarge(
            `${stream}: the server takes no more than ${answer.limit} bytes in one append`,
            sizeOf(events),
          )
        case 'denied':
          throw unavailable(new Error('the server denies the right to append'))
        case 'refused':
          throw new Error(`${stream}: the server refuses an append: ${answer.reason}`)
        case 'unknown': {
          append.cause = answer.cause
          const found = await this.#find(append)
          if (found !== undefined) return found
        }
      }
    }
  }

  /** What became of the append; undefined when nothing is there. @throws Unavailable, RevisionConflict */
  async #find(append: Append): Promise<Appended | undefined> {
    for (;;) {
      const stored = await this.#look(append)
      if (stored === undefined) continue
      if (stored.length === 0) return undefined
      const { stream, expected, events } = append
      const last = stored.at(-1)
      const same = events.every(({ id }, n) => stored[n]?.id === id)
      if (same && last !== undefined) return done(append, last.position)
      const actual = await this.#options.reader.revision(stream, this.#left(append))
      throw new RevisionConflict(stream, expected, actual ?? 'none')
    }
  }

  /** What lies where the append would lie; undefined when that cannot be read now. */
  async #look(append: Append): Promise<StoredEvent[] | undefined> {
    const { connection, reader } = this.#options
    const wait = backoff(append.waits++, IMPATIENT_MS)
    const over = performance.now() + wait >= append.until
    if (over || connection.released.aborted) throw unavailable(append.cause)
    await sleep(wait)
    const after = append.expected === 'none' ? -1 : append.expected
    try {
      return await reader.stream(append.stream, after, append.events.length, this.#left(append))
    } catch (error) {
      if (error instanceof Unavailable) return undefined
      throw error
    }
  }

  /** Reads too end when the time of the append is over. */
  #left({ until }: Append): number {
    return Math.min(this.#options.readMs, Math.max(until - performance.now(), 1))
  }
}

const done = ({ expected, events }: Append, position: bigint): Appended => ({
  revision: (expected === 'none' ? -1 : expected) + events.length,
  position,
})

/** What one caller did wrong must not reach the stream that all appends share. */
function inspect(
  stream: string,
  expected: 'none' | number,
  events: readonly NewEvent[],
): EncodedEvent[] {
  if (events.length === 0) throw new EventTooLarge(`${stream}: an append without events`, 0)
  if (expected !== 'none' && (!Number.isSafeInteger(expected) || expected < 0)) {
    throw new TypeError(`not a revision: ${expected}`)
  }
  const encoded = events.map((event) => {
    if (!UUID.test(event.id)) throw new TypeError(`not the id of an event: ${event.id}`)
    const bytes = encode(event)
    const size = sizeOf([bytes])
    if (size > MAX_EVENT_BYTES) {
      throw new EventTooLarge(
        `${stream}: ${event.type} has ${size} bytes, more than ${MAX_EVENT_BYTES}`,
        size,
      )
    }
    return bytes
  })
  const total = sizeOf(encoded)
  if (total > MAX_APPEND_BYTES) {
    throw new EventTooLarge(
      `${stream}: an append of ${total} bytes, more than ${MAX_APPEND_BYTES}`,
      total,
    )
  }
  return encoded
}

const sizeOf = (events: readonly EncodedEvent[]): number =>
  events.reduce((total, { data, metadata }) => total + data.length + metadata.length, 0)
