/** The indexes of a view's collection: there before its first document, and before anybody looks one up. */
import { type Collection, MongoServerError } from 'mongodb'
import type { ViewCollection } from '../../../ports/view-store.ts'
import { ask, BATCH_MS, type MongoDatabase } from './database.ts'
import { indexesOf } from './view-query.ts'

/** What deleted documents leave behind is needed for events that come twice, not for ever. */
const FORGOTTEN_AFTER_S = 24 * 60 * 60
const NOT_IMPLEMENTED = 238
const NAMESPACE_NOT_FOUND = 26
const DELETED = '_deletedAt_1'

/** Changes nothing where they are there already. */
export async function prepareCollection(
  database: MongoDatabase,
  name: string,
  view: ViewCollection,
): Promise<void> {
  const collection = database.db.collection(name)
  await ask(database, BATCH_MS, async () => {
    // Asked for what is there already, FerretDB may wait for locks until it gives up the connection.
    const there = new Set((await listed(collection)).map((index) => index.name))
    const indexes = indexesOf(view).filter((index) => !there.has(index.name))
    if (indexes.length > 0) await collection.createIndexes(indexes)
    if (there.has(DELETED)) return
    await collection
      .createIndex(
        { _deletedAt: 1 },
        { name: DELETED, sparse: true, expireAfterSeconds: FORGOTTEN_AFTER_S },
      )
      .catch((error: unknown) => {
        // Servers that only speak the protocol keep what was left behind.
        if (!(error instanceof MongoServerError && error.code === NOT_IMPLEMENTED)) throw error
      })
  })
}

/** What a collection that does not exist has: nothing. */
async function listed(collection: Collection): Promise<readonly { name?: string }[]> {
  try {
    return await collection.indexes()
  } catch (error) {
    if (error instanceof MongoServerError && error.code === NAMESPACE_NOT_FOUND) return []
    throw error
  }
}
