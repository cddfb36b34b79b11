/**
 * The servers behind a cluster, which a fault may stop, freeze or empty: Redis and FerretDB of the
 * cluster's own, and the EventStoreDB peer as a process, or the server that EVENTSTOREDB_URL names, which
 * is left in peace.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MongoClient } from 'mongodb'
import {
  ferretDbMissing,
  type MongoServer,
  mongoServer,
} from '../../engines/distributed/mongodb-server.ts'
import {
  redisMissing,
  type RedisServer,
  startRedis,
} from '../../engines/distributed/redis-server.ts'
import { servers } from '../distributed.ts'
import { type SpawnedEventStoreDb, spawnEventStoreDb } from '../eventstoredb/spawn.ts'

/** Why there can be no cluster; undefined: there can. */
export const storesMissing: string | undefined = redisMissing ?? ferretDbMissing

/** Why faults of the log are left out; undefined: they are not. */
export const logFaultsMissing: string | undefined =
  servers().EVENTSTOREDB_URL === undefined
    ? undefined
    : 'left out: the server of EVENTSTOREDB_URL is not to be disturbed'

export interface Stores {
  readonly redis: RedisServer
  readonly mongo: MongoServer
  /** undefined: the log is on a server that is left in peace. */
  readonly log: SpawnedEventStoreDb | undefined
  readonly settings: Readonly<Record<string, string>>
  /** Drops every collection of a database, as if somebody had emptied it. */
  emptyDatabase(name: string): Promise<void>
  close(): Promise<void>
}

export async function startStores(): Promise<Stores> {
  const directory = mkdtempSync(join(tmpdir(), 'daybook-cluster-'))
  const named = servers().EVENTSTOREDB_URL
  const [redis, mongo, log] = await Promise.all([
    startRedis(),
    mongoServer(),
    named === undefined ? spawnEventStoreDb({ directory }) : undefined,
  ])
  return {
    redis,
    mongo,
    log,
    settings: {
      EVENTSTOREDB_URL: log?.url ?? named ?? '',
      MONGODB_URL: mongo.url,
      REDIS_URL: redis.url,
    },
    async emptyDatabase(name) {
      const client = new MongoClient(mongo.url, { serverSelectionTimeoutMS: 2_000 })
      try {
        const db = client.db(name)
        for (const one of await db.listCollections({}, { nameOnly: true }).toArray())
          await db.dropCollection(one.name)
      } finally {
        await client.close()
      }
    },
    async close() {
      await Promise.all([redis.close(), mongo.close(), log?.stop()])
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
