/** Snapshots of long streams, beside the views: never truth, gone with their database. */
import type { Long } from 'mongodb'
import type { SnapshotStore } from '../../../ports/view-store.ts'
import { ask, type MongoDatabase, REQUEST_MS } from './database.ts'
import { isDuplicate } from './failures.ts'
import { toLong, toPosition } from './positions.ts'

interface Snapshot {
  readonly _id: string
  readonly revision: Long | number
  readonly state: string
}

/** A state that is larger is folded from its events each time: a document has at most 16 MiB. */
const MAX_STATE_BYTES = 8 * 1024 * 1024

export function snapshotStore(database: MongoDatabase): SnapshotStore {
  const snapshots = database.db.collection<Snapshot>('snapshots')
  const replaceOlder = async (id: string, revision: Long, state: string): Promise<boolean> => {
    const older = { _id: id, revision: { $lt: revision } }
    const { matchedCount } = await snapshots.updateOne(older, { $set: { revision, state } })
    return matchedCount > 0
  }
  return {
    load: async (stream, version) => {
      const found = await ask(database, REQUEST_MS, () =>
        snapshots.findOne({ _id: idOf(stream, version) }, { maxTimeMS: REQUEST_MS }),
      )
      if (!found) return undefined
      return {
        revision: Number(toPosition(found.revision)),
        state: JSON.parse(found.state) as unknown,
      }
    },
    save: async (stream, version, revision, state) => {
      const text = JSON.stringify(state)
      if (Buffer.byteLength(text) > MAX_STATE_BYTES) return
      const id = idOf(stream, version)
      const newer = toLong(BigInt(revision))
      await ask(database, REQUEST_MS, async () => {
        if (await replaceOlder(id, newer, text)) return
        try {
          await snapshots.insertOne({ _id: id, revision: newer, state: text })
        } catch (error) {
          if (!isDuplicate(error)) throw error
          // As new already, or another process's first one, which may be older.
          await replaceOlder(id, newer, text)
        }
      })
    },
    clear: async () => {
      await ask(database, REQUEST_MS, () => snapshots.deleteMany({}))
    },
  }
}

const idOf = (stream: string, version: number): string => `${version} ${stream}`
