/**
 * The event log in EventStoreDB (KurrentDB), shared by any number of processes.
 *
 * Streams are stored as `<namespace>.<stream>`, so that several installations can share a server. Every
 * append has an explicit revision, and an answer that is lost is looked for in the stream. Positions are
 * commit positions: they rise with gaps and belong to this server's log.
 */
import type { EventStore, Position } from '../../ports/event-store.ts'
import type { Logger } from '../../ports/logger.ts'
import { parseAddress } from './eventstoredb/address.ts'
import { Appender } from './eventstoredb/appender.ts'
import { SERVICE } from './eventstoredb/calls.ts'
import { connect } from './eventstoredb/connection.ts'
import { LiveTail } from './eventstoredb/live-tail.ts'
import { LogHead } from './eventstoredb/log-head.ts'
import { inspect } from './eventstoredb/opening.ts'
import { LogReader } from './eventstoredb/reader.ts'
import { prefixOf } from './eventstoredb/records.ts'

export interface EventStoreLimits {
  /** How long a request waits for the answer to an append. */
  readonly appendMs: number
  /** How long an append takes at most, over all attempts. */
  readonly giveUpMs: number
  /** How long the server may say nothing while a stream is read. */
  readonly readMs: number
  /** The same while the whole log is looked through. */
  readonly pageMs: number
  /** How long the server may be away at the start. */
  readonly connectMs: number
  /** While a subscription brings nothing, it is looked so often whether it should have. */
  readonly watchMs: number
  /** The newest events, kept for subscribers. */
  readonly ring: { readonly events: number; readonly bytes: number }
}

const LIMITS: EventStoreLimits = {
  appendMs: 2_000,
  giveUpMs: 4_000,
  readMs: 2_000,
  pageMs: 10_000,
  connectMs: 10_000,
  watchMs: 2_000,
  ring: { events: 4_096, bytes: 32 * 1024 * 1024 },
}

const PROBE_MS = 1_000

export interface EventStoreOptions {
  /** EVENTSTOREDB_URL */
  readonly url: string
  /** NAMESPACE */
  readonly namespace: string
  readonly logger: Logger
  readonly limits?: Partial<EventStoreLimits>
}

export interface OpenEventStore {
  readonly store: EventStore
  /** Asks the server for a sign of life. @throws Unavailable within a second */
  check(): Promise<void>
  close(): Promise<void>
}

/** @throws StoreRefused with one sentence for a person. */
export async function openEventStore(options: EventStoreOptions): Promise<OpenEventStore> {
  const { logger } = options
  const limits = { ...LIMITS, ...options.limits }
  const address = parseAddress(options.url)
  const prefix = prefixOf(options.namespace)
  const connection = connect(address)
  const onAnswer = () => tail.serverAnswers()
  const { readMs, pageMs, connectMs, ring } = limits
  const reader = new LogReader({ connection, prefix, readMs, pageMs, onAnswer })
  const head = new LogHead(reader)
  const onEvent = (position: Position) => head.saw(position)
  const tail = new LiveTail({
    connection,
    reader,
    prefix,
    logger,
    ring,
    head: () => head.read(),
    watchMs: limits.watchMs,
    onEvent,
  })
  try {
    const version = await inspect({ address, connection, reader, prefix, connectMs })
    logger.info({ server: address.name, version }, `connected to ${SERVICE}`)
    if (address.withPassword && !address.tls) {
      logger.warn({}, 'EVENTSTOREDB_URL holds a password, which is not sent without TLS')
    }
  } catch (error) {
    await connection.release()
    throw error
  }
  const appender = new Appender({
    connection,
    prefix,
    reader,
    appendMs: limits.appendMs,
    readMs,
    giveUpMs: limits.giveUpMs,
  })
  const append: EventStore['append'] = async (stream, expected, events) => {
    const appended = await appender.append(stream, expected, events)
    head.saw(appended.position)
    onAnswer()
    return appended
  }
  return {
    store: eventStore(append, reader, tail, head),
    check: async () => void (await reader.end(PROBE_MS)),
    async close() {
      const ended = tail.close()
      await connection.release()
      await ended
    },
  }
}

function eventStore(
  append: EventStore['append'],
  reader: LogReader,
  tail: LiveTail,
  head: LogHead,
): EventStore {
  return {
    append,
    readStream: (stream, { after = -1, limit = Number.MAX_SAFE_INTEGER } = {}) =>
      reader.stream(stream, after, limit),
    readAll: async ({ after, limit }) => (await reader.page(after, limit)).events,
    subscribe: ({ after, signal }) => tail.subscribe(after, signal),
    head: () => head.read(),
    revision: (stream) => reader.revision(stream),
  }
}
