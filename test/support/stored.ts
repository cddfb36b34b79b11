/**
 * Everything that an installation has stored, as bytes, by where they lie: its files, or what lies
 * under its namespace on the servers (documents, keys, contents, Redis keys, events). For tests of
 * what must not be there in clear; also of what only passes through Redis.
 */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { EventStoreDBClient } from '@eventstore/db-client'
import { Redis } from 'ioredis'
import { MongoClient } from 'mongodb'
import type { Config } from '../../src/config.ts'

export type Places = ReadonlyMap<string, Buffer>

export async function everythingStored(config: Config): Promise<Places> {
  const places = new Map<string, Buffer>()
  await readFiles(config.DATA_DIR, places)
  if (config.ENGINE === 'embedded') return places
  await Promise.all([
    readMongo(config.MONGODB_URL ?? '', `${config.NAMESPACE}_views`, places),
    readMongo(
      config.KEYS_MONGODB_URL ?? config.MONGODB_URL ?? '',
      `${config.NAMESPACE}_keys`,
      places,
    ),
    readRedis(config, places),
    readLog(config, places),
  ])
  return places
}

/** All but the mails that became files: those are on their way to people, as they will read them. */
async function readFiles(directory: string, places: Map<string, Buffer>): Promise<void> {
  for (const file of await readdir(directory, { recursive: true, withFileTypes: true }))
    if (file.isFile() && file.parentPath !== join(directory, 'mail'))
      places.set(file.name, await readFile(join(file.parentPath, file.name)))
}

/** Every document, as the server gave it, and what collections and indexes are called. */
async function readMongo(url: string, name: string, places: Map<string, Buffer>): Promise<void> {
  const client = new MongoClient(url, { serverSelectionTimeoutMS: 5_000 })
  try {
    const db = client.db(name)
    const collections = await db.listCollections().toArray()
    if (collections.length === 0) throw new Error(`there is no database ${name}`)
    for (const collection of collections) {
      const parts: Buffer[] = [Buffer.from(JSON.stringify(collection))]
      parts.push(Buffer.from(JSON.stringify(await db.collection(collection.name).indexes())))
      const documents = db.collection(collection.name).find({}, { raw: true })
      for await (const document of documents) parts.push(document as unknown as Buffer)
      places.set(`MongoDB ${name}.${collection.name}`, Buffer.concat(parts))
    }
  } finally {
    await client.close()
  }
}

const WHOLE: Readonly<Record<string, readonly [command: string, ...more: string[]]>> = {
  string: ['GET'],
  hash: ['HGETALL'],
  list: ['LRANGE', '0', '-1'],
  set: ['SMEMBERS'],
  zset: ['ZRANGE', '0', '-1', 'WITHSCORES'],
  stream: ['XRANGE', '-', '+'],
}

async function readRedis(config: Config, places: Map<string, Buffer>): Promise<void> {
  const redis = new Redis(config.REDIS_URL ?? '', { maxRetriesPerRequest: 1 })
  try {
    const match = `{${config.NAMESPACE}}:*`
    for await (const keys of redis.scanStream({ match, count: 1_000 }))
      for (const key of keys as string[]) {
        const type = await redis.type(key)
        // It may have run out meanwhile.
        if (type === 'none') continue
        const [command, ...more] = WHOLE[type] ?? []
        if (command === undefined) throw new Error(`a key of type ${type} cannot be read here`)
        const value: unknown = await redis.callBuffer(command, key, ...more)
        places.set(`Redis ${key}`, Buffer.concat([Buffer.from(key), ...buffersOf(value)]))
      }
  } finally {
    redis.disconnect()
  }
}

function buffersOf(value: unknown): Buffer[] {
  if (value instanceof Map) return [...value].flat().flatMap(buffersOf)
  if (Array.isArray(value)) return value.flatMap(buffersOf)
  if (Buffer.isBuffer(value)) return [value]
  return value === null ? [] : [Buffer.from(JSON.stringify(value))]
}

/** Every event of the namespace, with its metadata, as the server has it. */
async function readLog(config: Config, places: Map<string, Buffer>): Promise<void> {
  const client = EventStoreDBClient.connectionString(config.EVENTSTOREDB_URL ?? '')
  try {
    const parts: Buffer[] = []
    for await (const { event } of client.readAll()) {
      if (!event?.streamId.replace(/^\$\$/, '').startsWith(`${config.NAMESPACE}.`)) continue
      for (const part of [event.streamId, event.type, event.data, event.metadata])
        parts.push(part instanceof Uint8Array ? Buffer.from(part) : Buffer.from(textOf(part)))
    }
    places.set('EventStoreDB', Buffer.concat(parts))
  } finally {
    await client.dispose()
  }
}

const textOf = (value: unknown): string =>
  JSON.stringify(value ?? null, (_key, one: unknown) =>
    typeof one === 'bigint' ? one.toString() : one,
  )

/**
 * Listens to every command that reaches Redis under the namespace: what is published or stored for a
 * moment is seen too. `end` answers all of it; empty where there is no Redis.
 */
export async function overhearRedis(config: Config): Promise<{ end(): Promise<Places> }> {
  if (config.ENGINE === 'embedded') return { end: async () => new Map() }
  const { hostname, port, username, password } = new URL(config.REDIS_URL ?? '')
  const socket = connect(Number(port || 6379), hostname).setEncoding('latin1')
  let heard = ''
  socket.on('data', (text: string) => (heard += text))
  const until = async (text: string) => {
    while (!heard.includes(text)) await once(socket, 'data')
  }
  const names = [username, password].filter((one) => one !== '').map(decodeURIComponent)
  if (names.length > 0) socket.write(`AUTH ${names.join(' ')}\r\n`)
  socket.write('MONITOR\r\n')
  await until('+OK\r\n'.repeat(names.length > 0 ? 2 : 1))
  return {
    async end() {
      const redis = new Redis(config.REDIS_URL ?? '', { maxRetriesPerRequest: 1 })
      const last = randomUUID()
      await redis.echo(last)
      redis.disconnect()
      await until(last)
      socket.destroy()
      const ours = heard.split('\r\n').filter((line) => line.includes(`{${config.NAMESPACE}}`))
      return new Map([['on its way through Redis', Buffer.from(ours.join('\n'))]])
    },
  }
}

/** Below this, what is left of a text in base64 may well be found by chance. */
const SHORTEST_FORM = 12

/** Where texts stand in clear: as they are, in base64 at any offset, in hex, in UTF-16. */
export function findInClear(places: Places, texts: Readonly<Record<string, string>>): string[] {
  const found: string[] = []
  for (const [name, text] of Object.entries(texts))
    for (const form of formsOf(text))
      for (const [place, bytes] of places)
        if (bytes.includes(form)) found.push(`${name} in ${place}`)
  return found
}

function formsOf(text: string): Buffer[] {
  const bytes = Buffer.from(text)
  const shifted = [0, 1, 2].map((offset) => {
    const base64 = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64')
    // The ends depend on the neighbours.
    return Buffer.from(base64.slice(4, -4))
  })
  const telling = shifted.filter((form) => form.length >= SHORTEST_FORM)
  return [bytes, Buffer.from(bytes.toString('hex')), Buffer.from(text, 'utf16le'), ...telling]
}
