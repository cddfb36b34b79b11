/**
 * Backup while the server runs, check of a backup, and restore.
 *
 * A backup has two folders that can be kept apart: `log` (events and contents, sealed) and `keys` (what
 * opens them). Erasing means destroying a key, so keep only the newest `keys`: an older one would bring
 * the destroyed keys back. The log is copied first: contents and keys are always older than the events
 * that name them, so what is copied after the log holds all that the log needs.
 * The manifest is written last; a folder without one is no backup.
 */
import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
} from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync, backup } from 'node:sqlite'
import { CONTENT, CONTENT_FILE } from '../content-store.ts'
import { openReader, scalar } from './database.ts'
import type { DatabaseKind } from './database.ts'
import { HEAD_FILE, inspectTail, LOG, LOG_FILE } from './log-file.ts'
import { syncDirectory, syncFile, writeDurably } from './files.ts'
import { HeadMarkFile } from './head-mark.ts'
import { KEYS, KEYS_FILE, MASTER_KEY_FILE } from '../key-store.ts'
import { StoreRefused } from '../../../ports/store-refused.ts'

const FORMAT = 1
const MANIFEST = 'manifest.json'
const PAGES_A_STEP = 5_000

const PARTS = {
  log: [LOG_FILE, CONTENT_FILE],
  keys: [KEYS_FILE, MASTER_KEY_FILE],
} as const
type Part = keyof typeof PARTS
const KINDS: Record<string, DatabaseKind> = {
  [LOG_FILE]: LOG,
  [CONTENT_FILE]: CONTENT,
  [KEYS_FILE]: KEYS,
}

/** The files of a part in a folder. A master key that comes by configuration is in none. */
const filesOf = (part: Part, folder: string): readonly string[] =>
  PARTS[part].filter((file) => file !== MASTER_KEY_FILE || existsSync(join(folder, file)))

export interface BackupReport {
  /** When it was made: ISO 8601. */
  readonly at: string
  readonly events: number
  readonly contents: number
  readonly keys: number
  readonly bytes: number
}
interface Manifest {
  readonly format: number
  readonly part: Part
  readonly at: string
  /** Rows: events (which is the last position), parts, keys. */
  readonly rows: Readonly<Record<string, number>>
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>
}
export type BackupProgress = (file: string, donePages: number, totalPages: number) => void

/**
 * Copies a data directory into an empty or missing `target`, beside a running process or without one.
 * @throws StoreRefused
 */
export async function backupEmbedded(
  dataDir: string,
  target: string,
  onProgress?: BackupProgress,
): Promise<BackupReport> {
  requireEmpty(target, 'the backup')
  for (const part of ['log', 'keys'] as const) {
    const folder = join(target, part)
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    for (const file of filesOf(part, dataDir)) {
      const kind = KINDS[file]
      if (kind) await copyDatabase(join(dataDir, file), join(folder, file), kind, onProgress)
      else writeDurably(join(folder, file), readFileSync(join(dataDir, file)), 0o600)
    }
    const manifest = await describe(part, folder)
    writeDurably(join(folder, MANIFEST), Buffer.from(JSON.stringify(manifest, null, 2)), 0o600)
    syncDirectory(folder)
  }
  syncDirectory(target)
  return verifyBackup(target)
}

/**
 * Checks every byte against the manifest, every page of the databases, and that the log has no gap.
 * @throws StoreRefused naming what is wrong.
 */
export async function verifyBackup(target: string): Promise<BackupReport> {
  const log = await verifyPart(target, 'log')
  const keys = await verifyPart(target, 'keys')
  const db = openReader(join(target, 'log', LOG_FILE), LOG)
  try {
    inspectTail(db, join(target, 'log', LOG_FILE), log.rows['events'] ?? 0)
    const broken = scalar(
      db,
      `SELECT (SELECT count(*) <> coalesce(max(position), 0) FROM events) OR EXISTS (
         SELECT 1 FROM events GROUP BY stream HAVING count(*) <> max(revision) + 1)`,
    )
    if (broken !== 0) throw new StoreRefused(`The log in the backup ${target} has gaps.`)
  } finally {
    db.close()
  }
  const files = [...Object.values(log.files), ...Object.values(keys.files)]
  return {
    at: log.at,
    events: log.rows['events'] ?? 0,
    contents: log.rows['parts'] ?? 0,
    keys: keys.rows['keys'] ?? 0,
    bytes: files.reduce((sum, file) => sum + file.bytes, 0),
  }
}

/**
 * Puts a backup into an empty or missing data directory. Views come back by replay.
 * @throws StoreRefused
 */
export async function restoreEmbedded(source: string, dataDir: string): Promise<BackupReport> {
  requireEmpty(dataDir, 'the data')
  const report = await verifyBackup(source)
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  chmodSync(dataDir, 0o700)
  // First, so that a restore that was interrupted is refused at the start: the log would be missing.
  const mark = new HeadMarkFile(join(dataDir, HEAD_FILE))
  mark.closed(report.events)
  syncDirectory(dataDir)
  for (const part of ['keys', 'log'] as const) {
    for (const file of filesOf(part, join(source, part)).toReversed()) {
      copyFileSync(join(source, part, file), join(dataDir, file))
      chmodSync(join(dataDir, file), 0o600)
      syncFile(join(dataDir, file))
    }
  }
  syncDirectory(dataDir)
  return report
}

function requireEmpty(directory: string, what: string): void {
  if (existsSync(directory) && readdirSync(directory).length > 0) {
    throw new StoreRefused(`${directory} is not empty: give an empty or new directory for ${what}.`)
  }
}

/** One transaction for the whole copy: a writer beside it neither waits nor makes it begin again. */
async function copyDatabase(
  from: string,
  to: string,
  kind: DatabaseKind,
  onProgress: BackupProgress | undefined,
): Promise<void> {
  const db = openReader(from, kind)
  try {
    db.exec('BEGIN')
    scalar(db, 'SELECT count(*) FROM sqlite_schema')
    const pages = await backup(db, to, {
      rate: PAGES_A_STEP,
      progress: ({ totalPages, remainingPages }) =>
        onProgress?.(kind.title, totalPages - remainingPages, totalPages),
    })
    onProgress?.(kind.title, pages, pages)
  } finally {
    db.close()
  }
  // A file by itself, without a WAL beside it, that can be read where nothing may be written.
  const copy = new DatabaseSync(to)
  try {
    copy.exec('PRAGMA journal_mode=DELETE')
  } finally {
    copy.close()
  }
  chmodSync(to, 0o600)
  syncFile(to)
}

async function describe(part: Part, folder: string): Promise<Manifest> {
  const files: Record<string, { bytes: number; sha256: string }> = {}
  for (const file of filesOf(part, folder)) {
    const path = join(folder, file)
    files[file] = { bytes: statSync(path).size, sha256: await sha256(path) }
  }
  return {
    format: FORMAT,
    part,
    at: new Date().toISOString(),
    rows: countRows(part, folder),
    files,
  }
}

function countRows(part: Part, folder: string): Record<string, number> {
  const rows: Record<string, number> = {}
  const tables: Record<string, string> = {
    [LOG_FILE]: 'events',
    [CONTENT_FILE]: 'parts',
    [KEYS_FILE]: 'keys',
  }
  for (const file of PARTS[part]) {
    const kind = KINDS[file]
    const table = tables[file]
    if (kind === undefined || table === undefined) continue
    const db = openReader(join(folder, file), kind, true)
    try {
      rows[table] = Number(scalar(db, `SELECT count(*) FROM ${table}`))
    } finally {
      db.close()
    }
  }
  return rows
}

async function verifyPart(target: string, part: Part): Promise<Manifest> {
  const folder = join(target, part)
  const path = join(folder, MANIFEST)
  if (!existsSync(path)) {
    throw new StoreRefused(`${folder} is not a complete backup: it has no ${MANIFEST}.`)
  }
  const manifest = JSON.parse(readFileSync(path, 'utf8')) as Manifest
  if (manifest.format > FORMAT) {
    throw new StoreRefused(`The backup ${folder} was made by a newer release: use that one.`)
  }
  const found = await describe(part, folder)
  for (const file of new Set([...PARTS[part], ...Object.keys(manifest.files)])) {
    if (found.files[file]?.sha256 !== manifest.files[file]?.sha256) {
      throw new StoreRefused(`${join(folder, file)} is not what was backed up: it has changed.`)
    }
  }
  return manifest
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
