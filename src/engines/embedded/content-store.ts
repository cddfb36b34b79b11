/**
 * Bulky parts in `content.db`, a file apart from the log so that replays never pass them.
 *
 * Durable (FULL, group commit) before `put` answers. The first bytes of a key stay: a retry that seals
 * the same part again, with another nonce, changes nothing. Keys are listed in order of their bytes.
 */
import type { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import type { ContentStore } from '../../ports/content-store.ts'
import { Unavailable } from '../../ports/unavailable.ts'
import { openDatabase, openReader } from './sqlite/database.ts'
import type { DatabaseKind } from './sqlite/database.ts'
import { GroupCommit } from './sqlite/group-commit.ts'
import { StoreRefused } from '../../ports/store-refused.ts'

export const CONTENT_FILE = 'content.db'
const SERVICE = 'content store'

export const CONTENT: DatabaseKind = {
  title: SERVICE,
  applicationId: 0x4442636f, // "DBco"
  format: 1,
  synchronous: 'FULL',
  remedy: 'Keep the file as it is and restore the newest backup into an empty directory.',
  tables: ['parts'],
  schema: `
    CREATE TABLE parts(
      key TEXT PRIMARY KEY NOT NULL,
      bytes BLOB NOT NULL,
      stored_at INTEGER NOT NULL
    ) STRICT;`,
}

export interface OpenContentStore {
  readonly store: ContentStore
  off(): unknown
  close(): void
}

export function openContentStore(
  dataDir: string,
  options: { readOnly?: boolean; filled?: boolean } = {},
): OpenContentStore {
  const path = join(dataDir, CONTENT_FILE)
  if (options.readOnly) {
    const db = openReader(path, CONTENT)
    const refuse = () => Promise.reject(new StoreRefused('The contents are open for reading only.'))
    return {
      store: { ...reading(db), put: refuse, delete: refuse },
      off: () => undefined,
      close: () => db.close(),
    }
  }
  const db = openDatabase(path, CONTENT, { filled: options.filled === true })
  const commit = new GroupCommit(db, { service: SERVICE })
  return {
    store: { ...reading(db), ...writing(db, commit) },
    off: () => commit.off,
    close() {
      commit.close()
      db.close()
    },
  }
}

function writing(db: DatabaseSync, commit: GroupCommit): Pick<ContentStore, 'put' | 'delete'> {
  const insert = db.prepare(
    'INSERT INTO parts(key, bytes, stored_at) VALUES (?, ?, ?) ON CONFLICT(key) DO NOTHING',
  )
  const remove = db.prepare('DELETE FROM parts WHERE key = ?')
  return {
    put: (key, bytes) =>
      commit.run(1, bytes.byteLength, () => {
        insert.run(key, bytes, Date.now())
      }),
    delete: (keys) =>
      commit.run(keys.length, 0, () => {
        for (const key of keys) remove.run(key)
      }),
  }
}

function reading(db: DatabaseSync): Pick<ContentStore, 'get' | 'list'> {
  const select = db.prepare('SELECT bytes FROM parts WHERE key = ?')
  const page = db.prepare(
    'SELECT key, stored_at FROM parts WHERE key >= ? AND key > ? ORDER BY key LIMIT ?',
  )
  return {
    get: async (key) => {
      const row = asking(() => select.get(key))
      return row?.['bytes'] instanceof Uint8Array ? row['bytes'] : undefined
    },
    list: async ({ prefix, after = '', limit }) => {
      const rows = asking(() => page.all(prefix, after, limit))
      const found = rows.map((row) => ({
        key: String(row['key']),
        storedAt: Number(row['stored_at']),
      }))
      return found.filter(({ key }) => key.startsWith(prefix))
    },
  }
}

function asking<T>(read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw new Unavailable(SERVICE, cause)
  }
}
