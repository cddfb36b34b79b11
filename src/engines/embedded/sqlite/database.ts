/**
 * Opens one SQLite file of ours or refuses it with a sentence: nothing is ever half opened.
 *
 * Always checked, in O(1): header, application id, format number, length against the page count, tables.
 * `whole: true` (after an unclean stop, and for backups) also runs quick_check over every page: 0.6 s
 * for a million events, too slow for each start. Durability is set and then read back after a write.
 */
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { StoreRefused } from '../../../ports/store-refused.ts'

export interface DatabaseKind {
  /** For people: "event log". */
  readonly title: string
  /** Four letters in the header of the file that say that it is this kind of ours. */
  readonly applicationId: number
  /** Format that this release writes; a higher one in the file is refused. */
  readonly format: number
  readonly schema: string
  readonly tables: readonly string[]
  /** FULL: durable when a commit answers. NORMAL: consistent, the last commits may be lost at a power cut. */
  readonly synchronous: 'FULL' | 'NORMAL'
  /** What to do when the file is damaged. */
  readonly remedy: string
}

const OLDEST_SQLITE = [3, 51, 3] as const
const SYNCHRONOUS = { NORMAL: 1, FULL: 2 } as const
const HEADER_BYTES = 100

export interface OpenOptions {
  /** Checks every page. */
  readonly whole?: boolean
  /** It is known to hold something: a missing or empty file is refused, not filled anew. */
  readonly filled?: boolean
}

/** Opens for writing, making the file when it is not there. */
export function openDatabase(
  path: string,
  kind: DatabaseKind,
  { whole = false, filled = false }: OpenOptions = {},
): DatabaseSync {
  return guarded(path, kind, () => {
    requireSqlite()
    if (filled && !existsSync(path)) {
      throw new StoreRefused(`The ${kind.title} ${path} is gone. ${kind.remedy}`)
    }
    const suspicious = inspectHeader(path, kind)
    const db = new DatabaseSync(path, { timeout: 5_000 })
    try {
      const isNew =
        scalar(db, 'PRAGMA application_id') === 0 &&
        scalar(db, 'SELECT count(*) FROM sqlite_schema') === 0
      if (isNew && filled) {
        throw new StoreRefused(`The ${kind.title} ${path} has lost what it held. ${kind.remedy}`)
      }
      if (!isNew) inspectFormat(db, path, kind)
      prepareForWriting(db, kind, isNew)
      inspectContents(db, path, kind, whole || suspicious)
      requireDurability(db, path, kind)
    } catch (error) {
      db.close()
      throw error
    }
    return db
  })
}

/** A connection of its own for reading, memory-mapped. The file must exist. */
export function openReader(path: string, kind: DatabaseKind, whole = false): DatabaseSync {
  return guarded(path, kind, () => {
    if (!existsSync(path)) throw new StoreRefused(`There is no ${kind.title} at ${path}.`)
    const suspicious = inspectHeader(path, kind)
    const db = new DatabaseSync(path, { readOnly: true, timeout: 5_000 })
    try {
      db.exec(`PRAGMA mmap_size=${1024 ** 3}`)
      inspectContents(db, path, kind, whole || suspicious)
    } catch (error) {
      db.close()
      throw error
    }
    return db
  })
}

/** The result code that SQLite gave, without its extension; undefined for other errors. */
export function sqliteCode(error: unknown): number | undefined {
  const code = error instanceof Error && 'errcode' in error ? error.errcode : undefined
  return typeof code === 'number' ? code & 0xff : undefined
}
export const SQLITE_IOERR = 10
export const SQLITE_CORRUPT = 11
export const SQLITE_NOTADB = 26

/** One value of one row; PRAGMAs answer so. */
export function scalar(db: DatabaseSync, sql: string): unknown {
  const row = db.prepare(sql).get()
  return row === undefined ? undefined : Object.values(row)[0]
}

function guarded<T>(path: string, kind: DatabaseKind, open: () => T): T {
  try {
    return open()
  } catch (error) {
    const code = sqliteCode(error)
    if (code === SQLITE_CORRUPT || code === SQLITE_NOTADB) throw damaged(path, kind, error)
    if (code === SQLITE_IOERR) {
      throw new StoreRefused(`The disk does not read or write ${path}: check it first.`, error)
    }
    throw error
  }
}

const damaged = (path: string, kind: DatabaseKind, cause?: unknown) =>
  new StoreRefused(`The ${kind.title} at ${path} is damaged. ${kind.remedy}`, cause)

function requireSqlite(): void {
  const version = process.versions.sqlite ?? '0'
  const parts = version.split('.').map(Number)
  for (const [i, least] of OLDEST_SQLITE.entries()) {
    const part = parts[i] ?? 0
    if (part > least) return
    if (part < least) {
      throw new StoreRefused(
        `This Node brings SQLite ${version}; Daybook needs ${OLDEST_SQLITE.join('.')} or newer: use Node 24.21 or newer.`,
      )
    }
  }
}

/**
 * Looks at the file before SQLite does. Answers true where the file is shorter than its header says
 * but a WAL may hold the rest (a stop in the middle of a checkpoint): only a whole check can tell.
 */
function inspectHeader(path: string, kind: DatabaseKind): boolean {
  const size = existsSync(path) ? statSync(path).size : 0
  if (size === 0) return false
  const header = Buffer.alloc(HEADER_BYTES)
  const file = openSync(path, 'r')
  try {
    readSync(file, header, 0, HEADER_BYTES, 0)
  } finally {
    closeSync(file)
  }
  if (size < HEADER_BYTES || header.toString('latin1', 0, 16) !== 'SQLite format 3\0') {
    throw new StoreRefused(`${path} is not a database. ${kind.remedy}`)
  }
  const rawPageSize = header.readUInt16BE(16)
  const pageSize = rawPageSize === 1 ? 65_536 : rawPageSize
  const expected = header.readUInt32BE(28) * pageSize
  if (size >= expected) return false
  const wal = `${path}-wal`
  if (existsSync(wal) && statSync(wal).size > 0) return true
  throw new StoreRefused(
    `The ${kind.title} at ${path} is cut off: ${size} bytes of ${expected}. ${kind.remedy}`,
  )
}

function prepareForWriting(db: DatabaseSync, kind: DatabaseKind, isNew: boolean): void {
  db.exec(`
    PRAGMA journal_mode=WAL;
    PRAGMA synchronous=${kind.synchronous};
    PRAGMA fullfsync=1;
    PRAGMA checkpoint_fullfsync=1;
    PRAGMA wal_autocheckpoint=10000;
    PRAGMA mmap_size=${1024 ** 3};
  `)
  if (!isNew) return
  db.exec(`
    BEGIN IMMEDIATE;
    PRAGMA application_id=${kind.applicationId};
    PRAGMA user_version=${kind.format};
    ${kind.schema}
    COMMIT;
  `)
}

function inspectFormat(db: DatabaseSync, path: string, kind: DatabaseKind): void {
  if (scalar(db, 'PRAGMA application_id') !== kind.applicationId) {
    throw new StoreRefused(
      `${path} is a database of something else, not Daybook's ${kind.title}: point DATA_DIR at another directory.`,
    )
  }
  const format = scalar(db, 'PRAGMA user_version')
  if (typeof format !== 'number' || format > kind.format) {
    throw new StoreRefused(
      `The ${kind.title} at ${path} has format ${String(format)}; this release knows up to ${kind.format}: use the release that wrote it, or a newer one.`,
    )
  }
}

function inspectContents(db: DatabaseSync, path: string, kind: DatabaseKind, whole: boolean): void {
  inspectFormat(db, path, kind)
  const tables = new Set(
    db
      .prepare(`SELECT name FROM sqlite_schema WHERE type = 'table'`)
      .all()
      .map((row) => row['name']),
  )
  const missing = kind.tables.filter((table) => !tables.has(table))
  if (missing.length > 0) throw damaged(path, kind, new Error(`no table ${missing.join(', ')}`))
  if (!whole) return
  const verdict = scalar(db, 'PRAGMA quick_check(1)')
  if (verdict !== 'ok') throw damaged(path, kind, new Error(String(verdict)))
}

/** Some builds fall back to NORMAL at the first write in WAL mode, so the value counts only after one. */
function requireDurability(db: DatabaseSync, path: string, kind: DatabaseKind): void {
  db.exec(`PRAGMA user_version=${kind.format}`)
  const journal = scalar(db, 'PRAGMA journal_mode')
  const synchronous = scalar(db, 'PRAGMA synchronous')
  if (journal !== 'wal' || synchronous !== SYNCHRONOUS[kind.synchronous]) {
    throw new StoreRefused(
      `SQLite does not keep ${path} durable: journal_mode=${String(journal)}, synchronous=${String(synchronous)}.`,
    )
  }
}
