/**
 * The servers that the distributed engine's tests run on, as the environment names them, and names on
 * them that are this test's own and are removed when it has ended.
 */
import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'
import { MongoClient } from 'mongodb'
import { describe, test } from 'vitest'

const SETTINGS = ['EVENTSTOREDB_URL', 'MONGODB_URL', 'REDIS_URL'] as const
export type ServerSetting = (typeof SETTINGS)[number]

/** Addresses of servers; undefined where the environment names none. */
export const servers = (): Readonly<Record<ServerSetting, string | undefined>> => ({
  EVENTSTOREDB_URL: process.env['EVENTSTOREDB_URL'] || undefined,
  MONGODB_URL: process.env['MONGODB_URL'] || undefined,
  REDIS_URL: process.env['REDIS_URL'] || undefined,
})

/** The address of a server that a suite of `needs` has asked for. */
export function serverUrl(setting: ServerSetting): string {
  const url = servers()[setting]
  if (url === undefined) throw new Error(`${setting} is not set`)
  return url
}

/** A suite that needs these servers: left out where one is not named, and one line says which. */
export function needs(settings: ServerSetting | readonly ServerSetting[]) {
  const wanted = typeof settings === 'string' ? [settings] : settings
  const missing = wanted.filter((setting) => servers()[setting] === undefined)
  return (title: string, suite: () => void): void => {
    if (missing.length === 0) describe(title, suite)
    else test.skip(`${title}: left out, ${missing.join(' and ')} not set`, () => undefined)
  }
}

/** A NAMESPACE of this test alone. */
export const freshNamespace = (): string => `test_${randomBytes(6).toString('hex')}`

/** Removes every database of a namespace. */
export async function dropMongoDatabases(
  namespace: string,
  url = serverUrl('MONGODB_URL'),
): Promise<void> {
  const client = new MongoClient(url, { serverSelectionTimeoutMS: 2_000 })
  try {
    for (const part of ['views', 'keys']) await client.db(`${namespace}_${part}`).dropDatabase()
  } finally {
    await client.close()
  }
}

/** Removes every key of a namespace. */
export async function dropRedisKeys(
  namespace: string,
  url = serverUrl('REDIS_URL'),
): Promise<void> {
  const redis = new Redis(url, { maxRetriesPerRequest: 1 })
  try {
    for await (const keys of redis.scanStream({ match: `{${namespace}}:*`, count: 1_000 }))
      if (Array.isArray(keys) && keys.length > 0) await redis.unlink(...keys.map(String))
  } finally {
    redis.disconnect()
  }
}

/**
 * FerretDB looks for the documents of an update first and writes them afterwards, so what it was asked
 * to compare may have changed in between; MongoDB does both at once.
 */
export async function isFerretDb(url = servers().MONGODB_URL): Promise<boolean> {
  if (url === undefined) return false
  const client = new MongoClient(url, { serverSelectionTimeoutMS: 2_000 })
  try {
    return 'ferretdbVersion' in (await client.db('admin').command({ buildInfo: 1 }))
  } finally {
    await client.close()
  }
}
