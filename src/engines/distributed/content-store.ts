/**
 * Bulky parts in MongoDB, in the database of the keys: confirmed by a majority and on disk before `put`
 * answers, and so before the event that names the part. The first bytes of a key stay: a retry that
 * seals the same part again, with another nonce, changes nothing.
 */
import { Binary } from 'mongodb'
import type { ContentStore } from '../../ports/content-store.ts'
import { ask, type MongoDatabase, REQUEST_MS } from './mongodb/database.ts'
import { isDuplicate } from './mongodb/failures.ts'
import { after, LIST_LIMIT } from './mongodb/listing.ts'
import { visible } from './mongodb/visible.ts'

interface Part {
  readonly _id: string
  readonly bytes: Binary
  /** Milliseconds since 1970. */
  readonly storedAt: number
}

/** A document of MongoDB has at most 16 MiB; the rest is for its names and its key. */
const MAX_PART_BYTES = 16 * 1024 * 1024 - 64 * 1024
/** A large part has more time: 8 MiB/s are not much to ask of a network. */
const BYTES_PER_MS = 8 * 1024

export interface OpenContentStore {
  readonly store: ContentStore
}

export function openContentStore({ db: database }: { db: MongoDatabase }): OpenContentStore {
  const parts = database.db.collection<Part>('contents')
  const within = <T>(call: () => Promise<T>, bytes = 0): Promise<T> =>
    ask(database, REQUEST_MS + bytes / BYTES_PER_MS, call)
  const store: ContentStore = {
    put: async (key, bytes) => {
      if (bytes.byteLength > MAX_PART_BYTES)
        throw new TypeError(
          `${key}: a part of ${bytes.byteLength} bytes, more than ${MAX_PART_BYTES}`,
        )
      await within(async () => {
        const part = { _id: key, bytes: new Binary(bytes), storedAt: Date.now() }
        await parts.insertOne(part).catch(async (error: unknown) => {
          if (!isDuplicate(error)) throw error
          await visible(database, () => parts.findOne({ _id: key }, { projection: { _id: 1 } }))
        })
      }, bytes.byteLength)
    },
    get: (key) =>
      within(async () => {
        const part = await parts.findOne({ _id: key })
        return part ? Uint8Array.from(part.bytes.value()) : undefined
      }, MAX_PART_BYTES),
    delete: async (keys) => {
      if (keys.length > 0) await within(() => parts.deleteMany({ _id: { $in: [...keys] } }))
    },
    list: ({ limit, ...range }) =>
      within(async () => {
        const found = parts
          .find(after(range), { projection: { storedAt: 1 }, maxTimeMS: REQUEST_MS })
          .sort({ _id: 1 })
          .limit(limit)
          .batchSize(Math.min(limit, LIST_LIMIT))
        return (await found.toArray()).map(({ _id, storedAt }) => ({ key: _id, storedAt }))
      }),
  }
  return { store }
}
