/**
 * Wrapped data keys in MongoDB, in a database apart from the views. A write is confirmed by a majority
 * and on disk before it is answered, and only what a majority has is read: a key that a failover could
 * take back never seals anything.
 *
 * A destroyed key leaves a gravestone without its bytes. The server's own files, oplog and backups keep
 * the wrapped bytes until they are overwritten.
 */
import { Binary } from 'mongodb'
import type { KeyStore, StoredKey } from '../../ports/key-store.ts'
import { ask, type MongoDatabase, REQUEST_MS } from './mongodb/database.ts'
import { isDuplicate } from './mongodb/failures.ts'
import { after, LIST_LIMIT } from './mongodb/listing.ts'
import { visible } from './mongodb/visible.ts'

interface KeyRecord {
  readonly _id: string
  readonly wrapped?: Binary
  readonly masterKeyId?: string
  readonly destroyed?: true
}

export interface OpenKeyStore {
  readonly store: KeyStore
  /** No key was ever made here: beside a log with events the keys are missing. */
  isEmpty(): Promise<boolean>
}

export function openKeyStore({ db: database }: { db: MongoDatabase }): OpenKeyStore {
  const records = database.db.collection<KeyRecord>('keys')
  const within = <T>(call: () => Promise<T>): Promise<T> => ask(database, REQUEST_MS, call)
  const find = async (id: string): Promise<StoredKey | undefined> => {
    const record = await records.findOne({ _id: id }, { maxTimeMS: REQUEST_MS })
    return record ? toKey(record) : undefined
  }
  const insert = async (id: string, key: StoredKey): Promise<StoredKey> => {
    if ('destroyed' in key) throw new TypeError('a gravestone is made by destroy')
    try {
      await records.insertOne({ _id: id, ...toRecord(key) })
      return key
    } catch (error) {
      if (!isDuplicate(error)) throw error
      return visible(database, () => find(id))
    }
  }
  const store: KeyStore = {
    get: (id) => within(() => find(id)),
    create: (id, key) => within(() => insert(id, key)),
    destroy: (id) =>
      within(async () => {
        const bury = {
          $set: { destroyed: true },
          $unset: { wrapped: '', masterKeyId: '' },
        } as const
        const again = (error: unknown) => {
          if (!isDuplicate(error)) throw error
          return records.updateOne({ _id: id }, bury)
        }
        await records.updateOne({ _id: id }, bury, { upsert: true }).catch(again)
      }),
    rewrap: async (id, from, to) => {
      if ('destroyed' in from || 'destroyed' in to) return
      await within(() => records.updateOne({ _id: id, ...toRecord(from) }, { $set: toRecord(to) }))
    },
    list: ({ limit, ...range }) =>
      within(async () => {
        const found = records
          .find(after(range), { projection: { _id: 1 }, maxTimeMS: REQUEST_MS })
          .sort({ _id: 1 })
          .limit(limit)
          .batchSize(Math.min(limit, LIST_LIMIT))
        return (await found.toArray()).map((record) => record._id)
      }),
    masterKey: async () => undefined,
  }
  return {
    store,
    isEmpty: () =>
      within(async () => (await records.findOne({}, { projection: { _id: 1 } })) === null),
  }
}

const toRecord = ({ wrapped, masterKeyId }: Extract<StoredKey, { wrapped: Uint8Array }>) => ({
  wrapped: new Binary(wrapped),
  masterKeyId,
})

function toKey({ wrapped, masterKeyId }: KeyRecord): StoredKey {
  if (wrapped === undefined || masterKeyId === undefined) return { destroyed: true }
  return { wrapped: Uint8Array.from(wrapped.value()), masterKeyId }
}
