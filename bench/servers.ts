/**
 * The servers that the distributed engine's rows run on, as the environment names them. Without
 * EVENTSTOREDB_URL each row has a protocol peer of its own, a process beside this one: it stands in for
 * EventStoreDB and is not it, so only ratios mean something. Names on shared servers are this run's own.
 */
import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'
import { MongoClient } from 'mongodb'
import { spawnEventStoreDb } from '../test/support/eventstoredb/spawn.ts'
import type { Settings } from './harness.ts'

export const urlOf = (setting: 'MONGODB_URL' | 'REDIS_URL'): string => process.env[setting] ?? ''

/** A NAMESPACE that nobody else has. */
export const freshNamespace = (): string => `bench_${randomBytes(6).toString('hex')}`

/** The log's address for the time of `work`. */
export async function withLog<T>(
  settings: Settings,
  work: (url: string) => Promise<T>,
): Promise<T> {
  const named = process.env['EVENTSTOREDB_URL']
  if (named) return work(named)
  const peer = await spawnEventStoreDb({ directory: settings.folder() })
  try {
    return await work(peer.url)
  } finally {
    await peer.kill()
  }
}

/** A namespace for the time of `work`; what it left on Redis and MongoDB is removed. */
export async function withNamespace<T>(work: (namespace: string) => Promise<T>): Promise<T> {
  const namespace = freshNamespace()
  try {
    return await work(namespace)
  } finally {
    if (urlOf('REDIS_URL')) await forgetKeys(namespace)
    if (urlOf('MONGODB_URL')) await forgetDatabases(namespace)
  }
}

async function forgetKeys(namespace: string): Promise<void> {
  const redis = new Redis(urlOf('REDIS_URL'), { maxRetriesPerRequest: 1 })
  try {
    for await (const keys of redis.scanStream({ match: `{${namespace}}:*`, count: 1_000 }))
      if (Array.isArray(keys) && keys.length > 0) await redis.unlink(...keys.map(String))
  } finally {
    redis.disconnect()
  }
}

async function forgetDatabases(namespace: string): Promise<void> {
  await withMongo(async (client) => {
    for (const part of ['views', 'keys', 'bare'])
      await client.db(`${namespace}_${part}`).dropDatabase()
  })
}

async function withMongo<T>(work: (client: MongoClient) => Promise<T>): Promise<T> {
  const client = new MongoClient(urlOf('MONGODB_URL'), { serverSelectionTimeoutMS: 2_000 })
  try {
    return await work(client)
  } finally {
    await client.close()
  }
}

/** FerretDB 1 cannot take many updates in one command; whoever writes to it has to know. */
export const isFerretDb = (): Promise<boolean> =>
  withMongo(
    async (client) => 'ferretdbVersion' in (await client.db('admin').command({ buildInfo: 1 })),
  )

async function mongoSaid(): Promise<string> {
  if (!urlOf('MONGODB_URL')) return 'MongoDB: none'
  const build = await withMongo((client) => client.db('admin').command({ buildInfo: 1 }))
  return 'ferretdbVersion' in build
    ? 'MongoDB: stood in for by FerretDB'
    : `MongoDB: ${String(build['version'])}`
}

async function redisSaid(): Promise<string> {
  if (!urlOf('REDIS_URL')) return 'Redis: none'
  const redis = new Redis(urlOf('REDIS_URL'), { maxRetriesPerRequest: 1 })
  try {
    const found = /redis_version:(\S+)[^]*aof_enabled:(\d)/.exec(await redis.info())
    return `Redis: ${found?.[1]}, append-only file ${found?.[2] === '1' ? 'on' : 'off'}`
  } finally {
    redis.disconnect()
  }
}

const logSaid = () =>
  process.env['EVENTSTOREDB_URL']
    ? 'EventStoreDB: the server of EVENTSTOREDB_URL'
    : "EventStoreDB: stood in for by the tests' protocol peer, which syncs each group of appends"

export async function conditionsOfServers() {
  return {
    servers: [logSaid(), await mongoSaid(), await redisSaid()].join('; '),
    durability:
      'appends are answered when the server has synced them; views with w: majority, without waiting for the journal; jobs, live text and counters as durable as Redis is set up',
  }
}
