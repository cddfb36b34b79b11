/**
 * Snapshots of long streams, beside the views in `views.db`: never truth, gone with the file.
 */
import type { DatabaseSync } from 'node:sqlite'
import { Unavailable } from '../../../ports/unavailable.ts'
import type { SnapshotStore } from '../../../ports/view-store.ts'
import { StoreRefused } from '../../../ports/store-refused.ts'

export function snapshotStore(db: DatabaseSync, readOnly: boolean): SnapshotStore {
  const select = db.prepare(
    'SELECT revision, state FROM snapshots WHERE stream = ? AND version = ?',
  )
  const upsert = db.prepare(
    `INSERT INTO snapshots(stream, version, revision, state) VALUES (?, ?, ?, ?)
     ON CONFLICT(stream, version) DO UPDATE SET revision = excluded.revision, state = excluded.state
     WHERE excluded.revision > revision`,
  )
  return {
    load: async (stream, version) => {
      const row = asking(() => select.get(stream, version))
      if (row === undefined) return undefined
      return {
        revision: Number(row['revision']),
        state: JSON.parse(String(row['state'])) as unknown,
      }
    },
    save: async (stream, version, revision, state) => {
      requireWritable(readOnly)
      const text = JSON.stringify(state)
      asking(() => upsert.run(stream, version, revision, text))
    },
    clear: async () => {
      requireWritable(readOnly)
      asking(() => db.exec('DELETE FROM snapshots'))
    },
  }
}

export function requireWritable(readOnly: boolean): void {
  if (readOnly) throw new StoreRefused('The views are open for reading only.')
}

export function asking<T>(ask: () => T): T {
  try {
    return ask()
  } catch (cause) {
    if (cause instanceof Error && 'errcode' in cause) throw new Unavailable('view store', cause)
    throw cause
  }
}
