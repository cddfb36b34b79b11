/**
 * The servers behind a cluster, which a fault may stop, freeze or empty: Redis and FerretDB of the
 * cluster's own, and the EventStoreDB peer as a process. A MongoDB that MONGODB_URL names, and the server
 * of EVENTSTOREDB_URL, are used instead, and never stopped.
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
import { dropMongoDatabases, isFerretDb, servers } from '../distributed.ts'
import { type SpawnedEventStoreDb, spawnEventStoreDb } from '../eventstoredb/spawn.ts'

const { EVENTSTOREDB_URL, MONGODB_URL } = servers()
const namedMongoDb = MONGODB_URL !== undefined && !(await isFerretDb()) ? MONGODB_URL : undefined

/** Why there can be no cluster; undefined: there can. */
export const storesMissing: string | undefined =
  redisMissing ?? (namedMongoDb === undefined ? ferretDbMissing : undefined)

/** Why what needs it is left out; undefined: it is not. */
export const missing = {
  log: EVENTSTOREDB_URL && 'left out: the server of EVENTSTOREDB_URL is never stopped',
  mongo: namedMongoDb && 'left out: the server of MONGODB_URL is never stopped',
}

/**
 * FerretDB looks for a document first and writes it afterwards, so two processes that project at once
 * may put an older one over a newer; MongoDB does not.
 */
export const twoMayProject: boolean = namedMongoDb !== undefined

export interface Stores {
  readonly redis: RedisServer
  /** Throws where the server is not the cluster's own. */
  readonly mongo: MongoServer
  /** Throws where the server is not the cluster's own. */
  readonly log: SpawnedEventStoreDb
  readonly settings: Readonly<Record<string, string>>
  /** Drops every collection of a database, as if somebody had emptied it. */
  emptyDatabase(name: string): Promise<void>
  /** @param namespace what the cluster has stored */
  close(namespace: string): Promise<void>
}

export async function startStores(): Promise<Stores> {
  const directory = mkdtempSync(join(tmpdir(), 'daybook-cluster-'))
  const [redis, mongo, log] = await Promise.all([
    startRedis(),
    namedMongoDb === undefined ? mongoServer() : undefined,
    EVENTSTOREDB_URL === undefined ? spawnEventStoreDb({ directory }) : undefined,
  ])
  const mongoUrl = mongo?.url ?? namedMongoDb ?? ''
  const own = <T>(server: T | undefined): T => {
    if (server === undefined) throw new Error('this server is not the cluster’s own')
    return server
  }
  return {
    redis,
    get mongo() {
      return own(mongo)
    },
    get log() {
      return own(log)
    },
    settings: {
      EVENTSTOREDB_URL: log?.url ?? EVENTSTOREDB_URL ?? '',
      MONGODB_URL: mongoUrl,
      REDIS_URL: redis.url,
    },
    async emptyDatabase(name) {
      const client = new MongoClient(mongoUrl, { serverSelectionTimeoutMS: 2_000 })
      try {
        const db = client.db(name)
        for (const one of await db.listCollections({}, { nameOnly: true }).toArray())
          await db.dropCollection(one.name)
      } finally {
        await client.close()
      }
    },
    async close(namespace) {
      if (namedMongoDb !== undefined) await dropMongoDatabases(namespace, namedMongoDb)
      await Promise.all([redis.close(), mongo?.close(), log?.stop()])
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
