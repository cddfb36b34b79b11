/**
 * Wrapped data keys in `keys.db` and the key that wraps them in `master.key`, both apart from the log
 * so that they are backed up apart.
 *
 * A destroyed key leaves a gravestone and nothing else: its bytes are overwritten in the file
 * (secure_delete) and the WAL that held them is emptied before `destroy` answers.
 */
import { existsSync, linkSync, readFileSync, rmSync, statSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import type { KeyStore, StoredKey } from '../../ports/key-store.ts'
import type { Logger } from '../../ports/logger.ts'
import { Unavailable } from '../../ports/unavailable.ts'
import { openDatabase, openReader, scalar } from './sqlite/database.ts'
import type { DatabaseKind } from './sqlite/database.ts'
import { syncDirectory, writeDurably } from './sqlite/files.ts'
import { StoreRefused } from '../../ports/store-refused.ts'

export const KEYS_FILE = 'keys.db'
export const MASTER_KEY_FILE = 'master.key'
const MASTER_KEY_BYTES = 32

export const KEYS: DatabaseKind = {
  title: 'key store',
  applicationId: 0x44426b79, // "DBky"
  format: 1,
  synchronous: 'FULL',
  remedy: 'Keep the file as it is and restore the newest backup of the keys.',
  tables: ['keys'],
  schema: `
    CREATE TABLE keys(
      id TEXT PRIMARY KEY NOT NULL,
      wrapped BLOB,
      master_key_id TEXT,
      CHECK ((wrapped IS NULL) = (master_key_id IS NULL))
    ) STRICT;`,
}

export interface OpenKeyStore {
  readonly store: KeyStore
  close(): void
}

/** @throws StoreRefused also when there are keys but nothing that could unwrap them. */
export function openKeyStore(
  dataDir: string,
  options: {
    logger: Logger
    readOnly?: boolean
    whole?: boolean
    filled?: boolean
    /** The master key comes by configuration: none is made or read here. */
    masterKeyGiven?: boolean
  },
): OpenKeyStore {
  const path = join(dataDir, KEYS_FILE)
  const db = options.readOnly
    ? openReader(path, KEYS)
    : openDatabase(path, KEYS, { whole: options.whole === true, filled: options.filled === true })
  try {
    db.exec('PRAGMA secure_delete=ON')
    const masterKey = options.masterKeyGiven ? undefined : openMasterKey(dataDir, db, options)
    return { store: keyStore(db, masterKey, options.readOnly === true), close: () => db.close() }
  } catch (error) {
    db.close()
    throw error
  }
}

function openMasterKey(
  dataDir: string,
  db: DatabaseSync,
  options: { logger: Logger; readOnly?: boolean },
): Uint8Array | undefined {
  const path = join(dataDir, MASTER_KEY_FILE)
  if (!existsSync(path)) {
    const keys = Number(scalar(db, 'SELECT count(*) FROM keys WHERE wrapped IS NOT NULL'))
    if (keys > 0) {
      throw new StoreRefused(
        `${path} is missing, but ${KEYS_FILE} holds ${keys} keys that only it can open: put it back from the backup of the keys.`,
      )
    }
    if (options.readOnly) return undefined
    makeMasterKey(dataDir, path)
  }
  const key = readFileSync(path)
  if (key.byteLength !== MASTER_KEY_BYTES) {
    throw new StoreRefused(
      `${path} has ${key.byteLength} bytes instead of ${MASTER_KEY_BYTES}: put it back from the backup of the keys.`,
    )
  }
  if ((statSync(path).mode & 0o077) !== 0) {
    options.logger.warn({ path }, 'the master key can be read by other users: chmod 600 it')
  }
  return new Uint8Array(key)
}

/** Whole and synced before it has its name, so a stop in between never leaves a short key. */
function makeMasterKey(dataDir: string, path: string): void {
  const draft = `${path}.new`
  rmSync(draft, { force: true })
  writeDurably(draft, randomBytes(MASTER_KEY_BYTES), 0o600)
  linkSync(draft, path)
  rmSync(draft)
  syncDirectory(dataDir)
}

function keyStore(
  db: DatabaseSync,
  masterKey: Uint8Array | undefined,
  readOnly: boolean,
): KeyStore {
  const select = db.prepare('SELECT wrapped, master_key_id FROM keys WHERE id = ?')
  const page = db.prepare('SELECT id FROM keys WHERE id >= ? AND id > ? ORDER BY id LIMIT ?')
  const insert = db.prepare(
    'INSERT INTO keys(id, wrapped, master_key_id) VALUES (?, ?, ?) ON CONFLICT(id) DO NOTHING',
  )
  const bury = db.prepare(
    `INSERT INTO keys(id) VALUES (?)
     ON CONFLICT(id) DO UPDATE SET wrapped = NULL, master_key_id = NULL`,
  )
  const replace = db.prepare(
    `UPDATE keys SET wrapped = ?, master_key_id = ?
     WHERE id = ? AND wrapped = ? AND master_key_id = ?`,
  )
  const find = (id: string) => toKey(asking(() => select.get(id)))
  const write = <T>(change: () => T): T => {
    if (readOnly) throw new StoreRefused('The key store is open for reading only.')
    return asking(change)
  }
  return {
    get: async (id) => find(id),
    create: async (id, key) => {
      const there = find(id)
      if (there) return there
      if ('destroyed' in key) throw new TypeError('a gravestone is made by destroy')
      write(() => insert.run(id, key.wrapped, key.masterKeyId))
      return find(id) ?? key
    },
    destroy: async (id) => {
      write(() => bury.run(id))
      write(() => scalar(db, 'PRAGMA wal_checkpoint(TRUNCATE)'))
    },
    rewrap: async (id, from, to) => {
      if ('destroyed' in from || 'destroyed' in to) return
      write(() => replace.run(to.wrapped, to.masterKeyId, id, from.wrapped, from.masterKeyId))
    },
    list: async ({ prefix, after = '', limit }) => {
      const ids = asking(() => page.all(prefix, after, limit)).map((row) => String(row['id']))
      return ids.filter((id) => id.startsWith(prefix))
    },
    masterKey: async () => masterKey,
  }
}

function toKey(row: Record<string, unknown> | undefined): StoredKey | undefined {
  if (row === undefined) return undefined
  const { wrapped, master_key_id: masterKeyId } = row
  if (!(wrapped instanceof Uint8Array) || typeof masterKeyId !== 'string') {
    return { destroyed: true }
  }
  return { wrapped, masterKeyId }
}

function asking<T>(ask: () => T): T {
  try {
    return ask()
  } catch (cause) {
    throw new Unavailable('key store', cause)
  }
}
