/** The indexes of a view's collection: there before its first document, and before anybody looks one up. */
import { MongoServerError } from 'mongodb'
import type { ViewCollection } from '../../../ports/view-store.ts'
import { ask, BATCH_MS, type MongoDatabase } from './database.ts'
import { indexesOf } from './view-query.ts'

/** What deleted documents leave behind is needed for events that come twice, not for ever. */
const FORGOTTEN_AFTER_S = 24 * 60 * 60
const NOT_IMPLEMENTED = 238

/** Changes nothing where they are there already. */
export async function prepareCollection(
  database: MongoDatabase,
  name: string,
  view: ViewCollection,
): Promise<void> {
  const collection = database.db.collection(name)
  const indexes = indexesOf(view)
  await ask(database, BATCH_MS, async () => {
    if (indexes.length > 0) await collection.createIndexes(indexes)
    await collection
      .createIndex({ _deletedAt: 1 }, { sparse: true, expireAfterSeconds: FORGOTTEN_AFTER_S })
      .catch((error: unknown) => {
        // Servers that only speak the protocol keep what was left behind.
        if (!(error instanceof MongoServerError && error.code === NOT_IMPLEMENTED)) throw error
      })
  })
}
