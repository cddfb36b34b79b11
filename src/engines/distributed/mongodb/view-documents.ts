/**
 * Writes documents of one view so that none ever goes back: a known one only where the stored position
 * is older, in the one write that also stores it; a new one only where there is none. What two writers
 * do at once is sorted out by looking again. Nothing here is a transaction.
 */
import { type AnyBulkWriteOperation, type Collection, MongoBulkWriteError } from 'mongodb'
import type { Position } from '../../../ports/event-store.ts'
import { Unavailable } from '../../../ports/unavailable.ts'
import { ask, BATCH_MS, type MongoDatabase } from './database.ts'
import { isUnconfirmed } from './failures.ts'
import { toLong, toPosition } from './positions.ts'
import type { StoredDocument, WrittenDocument } from './view-document.ts'

/** Each round but the first needs another writer that came in between. */
const ROUNDS = 8
const DUPLICATE_KEY = 11_000
const INSERTS_AT_ONCE = 1_000
/** So many keys in one look-up. */
export const KEYS_AT_ONCE = 1_000

type Documents = Collection<StoredDocument>

export async function writeDocuments(
  database: MongoDatabase,
  collection: string,
  documents: readonly WrittenDocument[],
  /** Whether nothing was stored under a key a moment ago: saves looking, and may be wrong. */
  seemsNew: (key: string) => boolean,
): Promise<void> {
  const stored = database.db.collection<StoredDocument>(collection)
  let due = documents.map((document) => ({ document, isNew: seemsNew(document.key) }))
  for (let round = 0; due.length > 0; round++) {
    if (round === ROUNDS)
      throw new Unavailable(database.service, new Error('others write the same documents'))
    const news = due.filter(({ isNew }) => isNew).map(({ document }) => insertion(document))
    const known = due.filter(({ isNew }) => !isNew).map(({ document }) => replacement(document))
    const written =
      (await writeAll(database, stored, news, INSERTS_AT_ONCE)) +
      (await writeAll(database, stored, known, database.updatesAtOnce))
    if (written === due.length) return
    // Stale, or not there, or there meanwhile.
    const keys = due.map(({ document }) => document.key)
    const there = await positionsOf(database, stored, keys)
    due = due
      .map(({ document }) => ({ document, isNew: !there.has(document.key) }))
      .filter(({ document }) => (there.get(document.key) ?? -1n) < document.position)
  }
}

const insertion = ({ stored }: WrittenDocument): AnyBulkWriteOperation<StoredDocument> => ({
  insertOne: { document: stored },
})

const replacement = ({
  key,
  position,
  stored,
}: WrittenDocument): AnyBulkWriteOperation<StoredDocument> => ({
  replaceOne: {
    filter: { _id: key, _position: { $lt: toLong(position) } },
    replacement: stored,
  },
})

/** How many of them have written. */
async function writeAll(
  database: MongoDatabase,
  stored: Documents,
  operations: readonly AnyBulkWriteOperation<StoredDocument>[],
  atOnce: number,
): Promise<number> {
  let written = 0
  for (let from = 0; from < operations.length; from += atOnce) {
    const some = operations.slice(from, from + atOnce)
    written += await ask(database, BATCH_MS, () => writeSome(stored, some))
  }
  return written
}

async function writeSome(
  stored: Documents,
  operations: readonly AnyBulkWriteOperation<StoredDocument>[],
): Promise<number> {
  try {
    const { insertedCount, matchedCount } = await stored.bulkWrite(operations, { ordered: false })
    return insertedCount + matchedCount
  } catch (error) {
    if (!(error instanceof MongoBulkWriteError) || isUnconfirmed(error)) throw error
    const errors = [error.writeErrors].flat()
    if (errors.length === 0 || errors.some(({ code }) => code !== DUPLICATE_KEY)) throw error
    return error.insertedCount + error.matchedCount
  }
}

async function positionsOf(
  database: MongoDatabase,
  stored: Documents,
  keys: readonly string[],
): Promise<Map<string, Position>> {
  const found = new Map<string, Position>()
  for (let from = 0; from < keys.length; from += KEYS_AT_ONCE) {
    const some = { _id: { $in: keys.slice(from, from + KEYS_AT_ONCE) } }
    const options = { projection: { _position: 1 }, batchSize: KEYS_AT_ONCE, maxTimeMS: BATCH_MS }
    const rows = await ask(database, BATCH_MS, () => stored.find(some, options).toArray())
    for (const { _id, _position } of rows) found.set(_id, toPosition(_position))
  }
  return found
}
