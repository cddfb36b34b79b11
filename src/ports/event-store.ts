/**
 * The log: the only truth. Streams with explicit revisions, the same on every engine.
 *
 * Order of positions is order of commit, with no gaps to wait for: a reader that has seen position p
 * never later meets a new event before p. Nothing is ever changed or removed.
 */
import type { EventMetadata } from '../domain/metadata.ts'

/** Opaque and comparable; belongs to one engine's log; appears in HTTP as a string. */
export type Position = bigint
export const BEFORE_ALL: Position = -1n

/** Limits, refused before the store is called. */
export const MAX_EVENT_BYTES = 256 * 1024
export const MAX_APPEND_BYTES = 900 * 1024

export interface NewEvent {
  /**
   * A UUID that names this event as it is, byte for byte: what makes an append repeatable. Another decision
   * of the same command has other ids; the command is found again by its commandId.
   */
  readonly id: string
  readonly type: string
  /** JSON text, serialised before the call. Classed fields are sealed already. */
  readonly data: string
  readonly metadata: string
}

export interface StoredEvent {
  readonly position: Position
  readonly stream: string
  /** 0-based place in its stream. */
  readonly revision: number
  readonly id: string
  readonly type: string
  readonly data: Readonly<Record<string, unknown>>
  readonly metadata: EventMetadata
}

export interface Appended {
  /** Revision of the last event of the append. */
  readonly revision: number
  /** Position of the last event of the append. */
  readonly position: Position
}

export interface EventStore {
  /**
   * Appends all events or none, durable (synced to disk or acknowledged by a quorum) before it answers.
   * `expected` is the revision of the stream's last event, or 'none' for a stream that does not exist.
   * There is no "any": only an explicit revision is idempotent. With `expected` below the current
   * revision the stored ids at expected+1… are compared with those offered: all equal → the first
   * answer again, and nothing is written; else RevisionConflict.
   * @throws RevisionConflict, EventTooLarge, Unavailable. An unknown outcome is resolved inside.
   */
  append(stream: string, expected: 'none' | number, events: readonly NewEvent[]): Promise<Appended>
  /** Events of one stream with revision > `after` (all when undefined), in order; at most `limit`. */
  readStream(stream: string, options?: { after?: number; limit?: number }): Promise<StoredEvent[]>
  /** Events of the whole log with position > `after`, in order of commit; at most `limit`. */
  readAll(options: { after: Position; limit: number }): Promise<StoredEvent[]>
  /**
   * Everything after `after`, then everything as it is committed, in batches, for ever, until `signal`
   * aborts. Resubscribes by itself. The consumer's pace is the pace: a slow one is never flooded.
   */
  subscribe(options: {
    after: Position
    signal: AbortSignal
  }): AsyncIterable<readonly StoredEvent[]>
  /** Position of the last event, BEFORE_ALL when there is none. */
  head(): Promise<Position>
  /** Revision of a stream's last event, undefined when it does not exist. */
  revision(stream: string): Promise<number | undefined>
}

export class RevisionConflict extends Error {
  readonly stream: string
  readonly expected: 'none' | number
  readonly actual: 'none' | number
  constructor(stream: string, expected: 'none' | number, actual: 'none' | number) {
    super(`${stream}: expected revision ${expected}, found ${actual}`)
    this.name = 'RevisionConflict'
    this.stream = stream
    this.expected = expected
    this.actual = actual
  }
}

/** An event above 256 KiB, an append above 900 KiB, or an empty append. */
export class EventTooLarge extends Error {
  readonly bytes: number
  constructor(message: string, bytes: number) {
    super(message)
    this.name = 'EventTooLarge'
    this.bytes = bytes
  }
}
