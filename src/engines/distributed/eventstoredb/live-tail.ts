/**
 * The one subscription to the log of this process and installation; all subscribers live on what it brings.
 *
 * It begins at the end of the log when the first subscriber comes, and from then on it never gives up:
 * after a loss it subscribes again from its last place, quickly at first, then every 30 s at the latest.
 * It never waits for a subscriber and keeps a bounded number of events; each subscriber asks for what comes
 * after his own place, so that none can lose an event, see one twice, or hold up another.
 */
import { streamNameFilter } from '@eventstore/db-client'
import type {
  AllStreamResolvedEvent,
  AllStreamSubscription,
  Position as Place,
} from '@eventstore/db-client'
import { BEFORE_ALL } from '../../../ports/event-store.ts'
import type { Position, StoredEvent } from '../../../ports/event-store.ts'
import type { Logger } from '../../../ports/logger.ts'
import { Unavailable } from '../../../ports/unavailable.ts'
import { codeOf, INVALID_ARGUMENT } from './calls.ts'
import type { Connection } from './connection.ts'
import { backoff, orAborted, PATIENT_MS, pause } from './pace.ts'
import { LEADER } from './protocol.ts'
import { SEARCH_WINDOW } from './reader.ts'
import type { LogReader, Page } from './reader.ts'
import { DamagedEvent, placeOf, toStored } from './records.ts'
import { Ring } from './ring.ts'
import type { RingLimits } from './ring.ts'
import { stalled } from './stall.ts'

export const BATCH = 1_000
/** A wait is ended no more often than this because the server answers others. */
const HURRY_MS = 1_000

export interface LiveTailOptions {
  readonly connection: Connection
  readonly reader: LogReader
  readonly prefix: string
  readonly logger: Logger
  readonly ring: RingLimits
  /** Where the log ends. */
  readonly head: () => Promise<Position>
  /** While nothing comes, it is looked so often whether something should have come. */
  readonly watchMs: number
  /** An event of this installation has come by. */
  readonly onEvent: (position: Position) => void
}

export class LiveTail {
  readonly #options: LiveTailOptions
  readonly #stopped = new AbortController()
  #resting = new AbortController()
  #hurriedAt = 0
  #running: Promise<void> | undefined
  #ring: Ring | undefined
  /** Where to subscribe again. */
  #place: Place | 'start' = 'start'
  /** The last event that came, or the end of the log when it began. */
  #reached: Position = BEFORE_ALL
  /** Why the log cannot be followed any more. */
  #failed: unknown
  #waiting = new Set<() => void>()
  /** The part of the log that was read last: subscribers at one place share one read. */
  #page: { readonly after: Position; known: Position; page: Promise<Page> } | undefined

  constructor(options: LiveTailOptions) {
    this.#options = options
  }

  async *subscribe(after: Position, signal: AbortSignal): AsyncGenerator<readonly StoredEvent[]> {
    this.#running ??= this.#run()
    let place = after
    let failures = 0
    const ends = AbortSignal.any([signal, this.#stopped.signal])
    while (!ends.aborted) {
      const recent = this.#ring?.take(place, BATCH)
      if (recent === undefined) {
        const older = await orAborted(this.#older(place), ends)
        if (ends.aborted) return
        if (older === undefined) {
          await this.#rest(failures++, ends)
          continue
        }
        failures = 0
        const { events, complete, known } = older
        const last = events.at(-1)
        if (last !== undefined) {
          yield events
          place = last.position
        }
        // The log was read to its end after that was known: up to there nothing is missing.
        if (complete && known > place) place = known
        if (last === undefined && this.#ring === undefined) await this.#news(ends)
      } else if (recent.length > 0) {
        yield recent
        place = (recent.at(-1) as StoredEvent).position
      } else if (this.#failed !== undefined) throw this.#failed as Error
      else await this.#news(ends)
    }
  }

  /** The server answers somebody: whoever waits for it tries again at once, but not all the time. */
  serverAnswers(): void {
    const now = performance.now()
    if (now - this.#hurriedAt < HURRY_MS) return
    this.#hurriedAt = now
    this.#resting.abort()
    this.#resting = new AbortController()
  }

  async close(): Promise<void> {
    this.#stopped.abort()
    await this.#running
  }

  /** The next part of the log, and how far the ring began then; undefined when it cannot be read. */
  async #older(after: Position): Promise<(Page & { known: Position }) | undefined> {
    let shared = this.#page
    if (shared?.after !== after) {
      const known = this.#ring?.after ?? BEFORE_ALL
      shared = { after, known, page: this.#options.reader.page(after, BATCH) }
      this.#page = shared
    }
    let page: Page | undefined
    try {
      page = await shared.page
      return { ...page, known: shared.known }
    } catch (error) {
      if (error instanceof Unavailable) return undefined
      throw error
    } finally {
      // What is at the end of the log changes.
      if (page?.complete !== false && this.#page === shared) this.#page = undefined
    }
  }

  async #run(): Promise<void> {
    const { logger } = this.#options
    const { signal } = this.#stopped
    let failures = 0
    while (!signal.aborted) {
      try {
        await this.#begin()
        await this.#follow(() => {
          if (failures > 0) logger.info({ failures }, 'the subscription to the log is back')
          failures = 0
        })
      } catch (error) {
        if (error instanceof DamagedEvent || codeOf(error) === INVALID_ARGUMENT) {
          this.#failed = error
          logger.error({ error }, 'the log can no longer be followed')
          return this.#wake()
        }
        if (failures === 0) logger.warn({ error }, 'the subscription to the log was lost')
      }
      if (signal.aborted) return
      await this.#rest(failures++, signal)
    }
  }

  /** Finds the end of the log, once. */
  async #begin(): Promise<void> {
    if (this.#ring !== undefined) return
    const end = await this.#options.reader.end()
    this.#place = placeOf(end)
    this.#reached = end
    this.#ring = new Ring(end, this.#options.ring)
    this.#wake()
  }

  /** Ends with an error when the subscription is lost, without one when this is closed. */
  #follow(alive: () => void): Promise<void> {
    const { connection, prefix, onEvent, head, watchMs } = this.#options
    const { signal } = this.#stopped
    return new Promise((resolve, reject) => {
      const source: AllStreamSubscription = connection.client.subscribeToAll({
        ...LEADER,
        fromPosition: this.#place,
        filter: streamNameFilter({
          prefixes: [prefix],
          maxSearchWindow: SEARCH_WINDOW,
          // It runs ahead of the events before it: it counts only when none of them waits.
          checkpointReached: (_, place) => {
            if (!over && source.readableLength === 0) this.#place = place
          },
        }),
      })
      let over = false
      const silence = new AbortController()
      const end = (failure?: unknown) => {
        if (over) return
        over = true
        silence.abort()
        signal.removeEventListener('abort', stop)
        source.unsubscribe().catch(() => undefined)
        if (failure === undefined) resolve()
        else reject(failure as Error)
      }
      const stop = () => end()
      const ended = () => end(new Error('the server has ended the subscription'))
      source
        .on('error', end)
        .on('end', ended)
        .on('close', ended)
        .on('caughtUp', alive)
        .on('data', ({ event }: AllStreamResolvedEvent) => {
          if (over || event === undefined) return
          try {
            const stored = toStored(event, prefix)
            alive()
            this.#ring?.add(stored)
            this.#place = placeOf(stored.position)
            this.#reached = stored.position
            onEvent(stored.position)
            this.#wake()
          } catch (error) {
            end(error)
          }
        })
      signal.addEventListener('abort', stop)
      if (signal.aborted) stop()
      const reached = () => this.#reached
      void stalled({ everyMs: watchMs, head, reached, signal: silence.signal }).then(
        (is) => is && end(new Error('the subscription brings nothing, and the log has more')),
      )
    })
  }

  async #rest(failures: number, signal: AbortSignal): Promise<void> {
    const ends = AbortSignal.any([signal, this.#resting.signal])
    await pause(backoff(failures, PATIENT_MS), ends)
  }

  #wake(): void {
    if (this.#waiting.size === 0) return
    const waiting = this.#waiting
    this.#waiting = new Set()
    for (const resolve of waiting) resolve()
  }

  #news(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#waiting
      const done = () => {
        waiting.delete(done)
        signal.removeEventListener('abort', done)
        resolve()
      }
      waiting.add(done)
      signal.addEventListener('abort', done)
    })
  }
}
