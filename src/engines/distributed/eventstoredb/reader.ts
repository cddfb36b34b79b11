/**
 * Reads of the log that end: a stream, a part of the whole log, the end of the log.
 *
 * The client cannot filter a read of the whole log, and other installations may share the server; so a part
 * of the log is read by a subscription with a filter, which the server keeps up with foreign events for,
 * until it says that it has caught up.
 */
import {
  BACKWARDS,
  END,
  START,
  StreamDeletedError,
  StreamNotFoundError,
  streamNameFilter,
} from '@eventstore/db-client'
import type { EventStoreDBClient } from '@eventstore/db-client'
import { BEFORE_ALL } from '../../../ports/event-store.ts'
import type { Position, StoredEvent } from '../../../ports/event-store.ts'
import { codeOf, INVALID_ARGUMENT, receive, unavailable } from './calls.ts'
import type { Call } from './calls.ts'
import type { Connection } from './connection.ts'
import { LEADER } from './protocol.ts'
import { DamagedEvent, placeOf, toStored } from './records.ts'

/** Events that the server looks through before it says how far it is: its default costs ten times. */
export const SEARCH_WINDOW = 500

export interface ReaderOptions {
  readonly connection: Connection
  readonly prefix: string
  /** How long the server may say nothing while a stream is read. */
  readonly readMs: number
  /** The same while the log is looked through. */
  readonly pageMs: number
  /** Called with positions that were read: whatever is there has been committed. */
  readonly onPosition: (position: Position) => void
  /** Called with the outcome of each call: undefined when it went well. */
  readonly onOutcome: (failure: unknown) => void
}

export interface Page {
  readonly events: StoredEvent[]
  /** The log had no more when this was read. */
  readonly complete: boolean
}

export class LogReader {
  readonly #options: ReaderOptions

  constructor(options: ReaderOptions) {
    this.#options = options
  }

  /** Events of one stream with a revision above `after`. */
  stream(name: string, after: number, limit: number): Promise<StoredEvent[]> {
    return this.#readStream(name, limit, {
      fromRevision: after < 0 ? START : BigInt(after) + 1n,
    })
  }

  async revision(name: string): Promise<number | undefined> {
    const last = { fromRevision: END, direction: BACKWARDS } as const
    const [event] = await this.#readStream(name, 1, last)
    return event?.revision
  }

  /** Events of this installation after a position, in order, at most `limit`. */
  async page(after: Position, limit: number): Promise<Page> {
    const { prefix, pageMs } = this.#options
    const events: StoredEvent[] = []
    if (limit <= 0) return { events, complete: false }
    let call: Call | undefined
    let caughtUp = false
    const source = this.#options.connection.client.subscribeToAll({
      ...LEADER,
      fromPosition: placeOf(after),
      filter: streamNameFilter({
        prefixes: [prefix],
        maxSearchWindow: SEARCH_WINDOW,
        checkpointReached: () => call?.alive(),
      }),
    })
    await this.#asking(
      receive(
        source,
        pageMs,
        ({ event }) => {
          if (event !== undefined) events.push(toStored(event, prefix))
          if (events.length >= limit) return false
          return !(caughtUp && source.readableLength === 0)
        },
        (begun) => {
          call = begun
          source.on('caughtUp', () => {
            caughtUp = true
            // What it has sent before may not have been taken yet.
            if (source.readableLength === 0) begun.finish()
          })
        },
      ),
      after,
    )
    this.#saw(events)
    return { events, complete: caughtUp && events.length < limit }
  }

  /**
   * Looks at the log from its end backwards, events of others too, until `take` answers false or so many
   * have been seen.
   */
  async backwards(
    count: number,
    take: (position: Position, ours: boolean) => boolean,
    limitMs = this.#options.readMs,
  ): Promise<void> {
    const source = this.#options.connection.client.readAll({
      ...LEADER,
      direction: BACKWARDS,
      fromPosition: END,
      maxCount: count,
    })
    const { prefix, onPosition } = this.#options
    const read = receive(source, limitMs, ({ event }) => {
      if (event === undefined) return true
      onPosition(event.position.commit)
      return take(event.position.commit, event.streamId.startsWith(prefix))
    })
    await this.#asking(read)
  }

  /** Position of the last event of the whole log, of whomever it is. */
  async end(limitMs?: number): Promise<Position> {
    let last = BEFORE_ALL
    await this.backwards(
      1,
      (position) => {
        last = position
        return false
      },
      limitMs,
    )
    return last
  }

  async #readStream(
    name: string,
    limit: number,
    options: Parameters<EventStoreDBClient['readStream']>[1],
  ): Promise<StoredEvent[]> {
    const events: StoredEvent[] = []
    if (limit <= 0) return events
    const { prefix, readMs } = this.#options
    const source = this.#options.connection.client.readStream(prefix + name, {
      ...LEADER,
      ...options,
      maxCount: limit,
    })
    const read = receive(source, readMs, ({ event }) => {
      if (event !== undefined) events.push(toStored(event, prefix))
      return true
    })
    const missing = read.catch((error: unknown) => {
      if (!(error instanceof StreamNotFoundError)) throw error
    })
    await this.#asking(missing)
    this.#saw(events)
    return events
  }

  #saw(events: readonly StoredEvent[]): void {
    const last = events.at(-1)
    if (last !== undefined) this.#options.onPosition(last.position)
  }

  async #asking(call: Promise<void>, after?: Position): Promise<void> {
    try {
      await call
      this.#options.onOutcome(undefined)
    } catch (error) {
      if (error instanceof DamagedEvent) throw error
      if (error instanceof StreamDeletedError) {
        throw new Error(`the stream ${error.streamName} was deleted in EventStoreDB`, {
          cause: error,
        })
      }
      if (after !== undefined && codeOf(error) === INVALID_ARGUMENT) {
        throw new Error(`${after} is no position of this log`, { cause: error })
      }
      this.#options.onOutcome(error)
      throw unavailable(error)
    }
  }
}
