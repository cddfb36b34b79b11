/**
 * The distributed engine: events in EventStoreDB, views in MongoDB, keys and contents in a database of
 * their own, jobs, counters and running text in Redis; any number of processes.
 *
 * All servers are looked at before anything is begun, and a refusal closes what was opened. Later each of
 * them may go and come back: what needs it fails meanwhile, within a bounded time.
 */
import type { Clock } from '../../ports/clock.ts'
import type { Engine, PartHealth } from '../../ports/engine.ts'
import { BEFORE_ALL } from '../../ports/event-store.ts'
import type { Logger } from '../../ports/logger.ts'
import { StoreRefused } from '../../ports/store-refused.ts'
import { openContentStore } from './content-store.ts'
import { createCounters } from './counters.ts'
import { openEventStore } from './event-store.ts'
import { createJobQueue } from './job-queue.ts'
import { openKeyStore } from './key-store.ts'
import { createLiveFeed } from './live-feed.ts'
import { openMongo } from './mongodb/connection.ts'
import { openRedis, type RedisParts } from './redis/connection.ts'
import { openViewStore } from './view-store.ts'

/** Sessions and deadlines are judged by each process's own clock. */
const CLOCKS_MAY_DIFFER_MS = 5_000

export interface EngineOptions {
  readonly logger: Logger
  /** NAMESPACE */
  readonly namespace: string
  /** EVENTSTOREDB_URL */
  readonly eventStoreDbUrl: string
  /** MONGODB_URL */
  readonly mongoDbUrl: string
  /** KEYS_MONGODB_URL */
  readonly keysMongoDbUrl: string | undefined
  /** REDIS_URL */
  readonly redisUrl: string
  /** Running text is sealed on its way through Redis. */
  readonly masterKey: Uint8Array
  /** Processes that replace the master key one by one read each other's text. */
  readonly otherMasterKeys?: readonly Uint8Array[]
  /** Tests tell the counters the time; otherwise Redis' own clock counts. */
  readonly clock?: Clock
}

/** @throws StoreRefused with one sentence for a person. */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const { logger, namespace, clock } = options
  const closers: (() => unknown)[] = []
  const opened = <T extends { close(): unknown }>(part: T): T => {
    closers.push(() => part.close())
    return part
  }
  const close = async () => {
    for (const closer of closers.splice(0).toReversed()) await closer()
  }
  try {
    const { keysMongoDbUrl: keysMongodbUrl, mongoDbUrl: mongodbUrl } = options
    const log = opened(await openEventStore({ url: options.eventStoreDbUrl, namespace, logger }))
    const mongo = opened(await openMongo({ mongodbUrl, keysMongodbUrl, namespace }))
    const redis = opened(await openRedis({ url: options.redisUrl, namespace, logger }))
    const keys = openKeyStore({ db: mongo.keys })
    // New keys beside an old log would make every sealed value unreadable.
    if ((await keys.isEmpty()) && (await log.store.head()) !== BEFORE_ALL)
      throw new StoreRefused(
        'The log has events, but KEYS_MONGODB_URL (or MONGODB_URL) leads to a database without keys: ' +
          'nothing that they sealed could be read. Restore the keys, or set the NAMESPACE that is meant.',
      )
    const contents = openContentStore({ db: mongo.keys })
    const views = opened(await openViewStore({ db: mongo.views, logger }))
    const { masterKey, otherMasterKeys } = options
    const feed = opened(createLiveFeed({ redis, logger, masterKey, otherMasterKeys }))
    const jobs = opened(createJobQueue({ redis, logger }))
    return {
      singleProcess: false,
      events: log.store,
      contents: contents.store,
      views: views.views,
      snapshots: views.snapshots,
      jobs,
      counters: createCounters({ redis, clock }),
      feed,
      keys: keys.store,
      health: async () =>
        (
          await Promise.all([
            logHealth(log),
            mongo.health(),
            redis.health(),
            clockHealth(redis, clock),
          ])
        ).flat(),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

async function logHealth(log: { check(): Promise<void> }): Promise<PartHealth> {
  try {
    await log.check()
    return { service: 'EventStoreDB', ok: true }
  } catch (error) {
    return { service: 'EventStoreDB', ok: false, detail: said(error) }
  }
}

/** Redis tells the time to all; a clock that is far from it ends sessions and calls at the wrong moment. */
async function clockHealth(redis: RedisParts, given: Clock | undefined): Promise<PartHealth[]> {
  if (given) return []
  try {
    const before = Date.now()
    const [seconds, micros] = await redis.commands.time()
    const between = (before + Date.now()) / 2
    const ahead = Math.round(between - (Number(seconds) * 1_000 + Number(micros) / 1_000))
    const ok = Math.abs(ahead) <= CLOCKS_MAY_DIFFER_MS
    if (ok) return [{ service: 'clock', ok }]
    const why = `it is ${Math.abs(ahead)} ms ${ahead > 0 ? 'ahead of' : 'behind'} that of Redis`
    return [{ service: 'clock', ok, why }]
  } catch {
    // Who cannot be asked says nothing; that Redis is away is told above.
    return []
  }
}

function said(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return cause instanceof Error ? cause.message : String(cause)
}
