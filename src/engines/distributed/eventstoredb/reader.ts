/**
 * Reads of the log that end: a stream, a part of the whole log, the end of the log.
 *
 * The client cannot filter a read of the whole log, and other installations may share the server; so a part
 * of the log is read by a subscription with a filter, which leaves what is foreign to the server, until that
 * says that the end is reached. A call that fails at once is made again while its time lasts.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  AccessDeniedError,
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
import type { Call, Patience } from './calls.ts'
import type { Connection } from './connection.ts'
import { backoff, IMPATIENT_MS } from './pace.ts'
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
  /** Called when the server has answered. */
  readonly onAnswer: () => void
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
  stream(
    name: string,
    after: number,
    limit: number,
    limitMs = this.#options.readMs,
  ): Promise<StoredEvent[]> {
    const fromRevision = after < 0 ? START : BigInt(after) + 1n
    return this.#readStream(name, limit, { fromRevision }, limitMs)
  }

  async revision(name: string, limitMs = this.#options.readMs): Promise<number | undefined> {
    const last = { fromRevision: END, direction: BACKWARDS } as const
    const [event] = await this.#readStream(name, 1, last, limitMs)
    return event?.revision
  }

  /** Events of this installation after a position, in order, at most `limit`. */
  page(after: Position, limit: number): Promise<Page> {
    if (limit <= 0) return Promise.resolve({ events: [], complete: false })
    return this.#asking(
      this.#options.pageMs,
      (patience) => this.#page(after, limit, patience),
      (error) => codeOf(error) === INVALID_ARGUMENT && `${after} is no position of this log`,
    )
  }

  async #page(after: Position, limit: number, patience: Patience): Promise<Page> {
    const { connection, prefix } = this.#options
    const events: StoredEvent[] = []
    let call: Call | undefined
    let caughtUp = false
    const source = connection.client.subscribeToAll({
      ...LEADER,
      fromPosition: placeOf(after),
      filter: streamNameFilter({
        prefixes: [prefix],
        maxSearchWindow: SEARCH_WINDOW,
        checkpointReached: () => call?.alive(),
      }),
    })
    // What was sent before the server said so may not have been taken yet.
    const over = () => events.length >= limit || (caughtUp && source.readableLength === 0)
    await receive(
      source,
      patience,
      ({ event }) => {
        if (event !== undefined) events.push(toStored(event, prefix))
        return !over()
      },
      (begun) => {
        call = begun
        source.on('caughtUp', () => {
          caughtUp = true
          if (over()) begun.finish()
        })
      },
    )
    return { events, complete: caughtUp && events.length < limit }
  }

  /**
   * Looks at the log from its end backwards, events of others too, until `take` answers false or so many
   * have been seen.
   */
  backwards(
    count: number,
    take: (position: Position, ours: boolean) => boolean,
    limitMs = this.#options.readMs,
  ): Promise<void> {
    const { connection, prefix } = this.#options
    return this.#asking(limitMs, (patience) => {
      const source = connection.client.readAll({
        ...LEADER,
        direction: BACKWARDS,
        fromPosition: END,
        maxCount: count,
      })
      return receive(source, patience, ({ event }) => {
        if (event === undefined) return true
        return take(event.position.commit, event.streamId.startsWith(prefix))
      })
    })
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

  #readStream(
    name: string,
    limit: number,
    options: Parameters<EventStoreDBClient['readStream']>[1],
    limitMs: number,
  ): Promise<StoredEvent[]> {
    if (limit <= 0) return Promise.resolve([])
    const { connection, prefix } = this.#options
    return this.#asking(
      limitMs,
      async (patience) => {
        const events: StoredEvent[] = []
        const source = connection.client.readStream(prefix + name, {
          ...LEADER,
          ...options,
          maxCount: limit,
        })
        const read = receive(source, patience, ({ event }) => {
          if (event !== undefined) events.push(toStored(event, prefix))
          return true
        })
        await read.catch((error: unknown) => {
          if (!(error instanceof StreamNotFoundError)) throw error
        })
        return events
      },
      (error) =>
        error instanceof StreamDeletedError && `the stream ${name} was deleted in EventStoreDB`,
    )
  }

  /** `defect` says of an error that no attempt will end otherwise. @throws Unavailable, or a defect */
  async #asking<T>(
    limitMs: number,
    attempt: (patience: Patience) => Promise<T>,
    defect: (error: unknown) => string | false = () => false,
  ): Promise<T> {
    const { connection, readMs, onAnswer } = this.#options
    const signal = connection.released
    const began = performance.now()
    const passed = () => performance.now() - began
    for (let failures = 0; ; failures++) {
      try {
        const answer = await attempt({ limitMs: Math.max(limitMs - passed(), 1), signal })
        onAnswer()
        return answer
      } catch (error) {
        if (error instanceof DamagedEvent) throw error
        const message = defect(error)
        if (message !== false) throw new Error(message, { cause: error })
        const wait = backoff(failures, IMPATIENT_MS)
        const over = passed() + wait >= Math.min(readMs, limitMs)
        if (over || signal.aborted || error instanceof AccessDeniedError) throw unavailable(error)
        await sleep(wait)
      }
    }
  }
}
