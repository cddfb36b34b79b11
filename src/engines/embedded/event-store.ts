/**
 * The event log in one SQLite file, `log.db`.
 *
 * Who writes is alone (lock.ts), so heads of streams are known in memory and a revision is checked
 * before anything is written: a conflict fails only its own append and needs no savepoint; the UNIQUE
 * constraint stays as the guard. Positions are handed out here one by one, inside the transaction, so
 * their order is the order of commit and a rolled-back batch leaves no gap. Streams and types have
 * integer keys (1.5 times the speed of text keys). There is no index on event ids (it would cost
 * threefold): a repeated append is recognised by the ids at its own revisions.
 */
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import type { EventStore } from '../../ports/event-store.ts'
import { Appender } from './appender.ts'
import { openDatabase, openReader, scalar } from './database.ts'
import type { DatabaseKind } from './database.ts'
import { HeadMarkFile, readHeadMark } from './head-mark.ts'
import { LogReader, toPosition } from './log-reader.ts'
import { StoreRefused } from './refused.ts'

export const LOG_FILE = 'log.db'
export const HEAD_FILE = 'log.head'

const REMEDY = 'Keep the file as it is and restore the newest backup into an empty directory.'

export const LOG: DatabaseKind = {
  title: 'event log',
  applicationId: 0x44426c67, // "DBlg"
  format: 1,
  synchronous: 'FULL',
  remedy: REMEDY,
  tables: ['streams', 'types', 'events'],
  schema: `
    CREATE TABLE streams(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE types(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE events(
      position INTEGER PRIMARY KEY AUTOINCREMENT,
      stream INTEGER NOT NULL,
      revision INTEGER NOT NULL,
      event_id BLOB NOT NULL,
      type INTEGER NOT NULL,
      data BLOB NOT NULL,
      metadata BLOB NOT NULL,
      recorded_at INTEGER NOT NULL,
      UNIQUE(stream, revision)
    ) STRICT;`,
}

export interface OpenEventStore {
  readonly store: EventStore
  /** Position of the last event, 0 when there is none. */
  head(): number
  /** Why nothing can be written any more; undefined while all is well. */
  off(): unknown
  close(): void
}

/** Opens the log of a directory that this process has locked (or, read-only, of any directory). */
export function openEventStore(
  dataDir: string,
  options: { readOnly?: boolean } = {},
): OpenEventStore {
  const path = join(dataDir, LOG_FILE)
  return options.readOnly ? openForReading(path) : openForWriting(path, join(dataDir, HEAD_FILE))
}

function openForReading(path: string): OpenEventStore {
  const db = openReader(path, LOG)
  const reader = new LogReader(db, { pollMs: 200 })
  const refuse = () => Promise.reject(new StoreRefused('The event log is open for reading only.'))
  return {
    store: eventStore(reader, refuse, () => undefined),
    head: () => reader.head(),
    off: () => undefined,
    close() {
      reader.close()
      db.close()
    },
  }
}

function openForWriting(path: string, markPath: string): OpenEventStore {
  const mark = readHeadMark(markPath)
  const head = mark?.head ?? 0
  const db = openDatabase(path, LOG, { whole: mark?.closed === false, filled: head > 0 })
  let readDb: DatabaseSync | undefined
  try {
    inspectTail(db, path, head)
    readDb = openReader(path, LOG)
    return writer(db, readDb, new HeadMarkFile(markPath))
  } catch (error) {
    readDb?.close()
    db.close()
    throw error
  }
}

function writer(db: DatabaseSync, readDb: DatabaseSync, mark: HeadMarkFile): OpenEventStore {
  const reader = new LogReader(readDb)
  const appender = new Appender(db, () => {
    mark.moved(appender.head)
    reader.wake()
  })
  mark.opened(appender.head)
  const append: EventStore['append'] = (...args) => appender.append(...args)
  return {
    store: eventStore(reader, append, (stream) => appender.knownRevision(stream)),
    head: () => appender.head,
    off: () => appender.off,
    close() {
      const failed = appender.off !== undefined
      appender.close()
      reader.close()
      readDb.close()
      db.close()
      // Last: only a log that is wholly in its file counts as closed.
      if (failed) mark.abandon()
      else mark.closed(appender.head)
    },
  }
}

/** The end of the log: nothing behind the mark is missing, and the last page reads as events. */
export function inspectTail(db: DatabaseSync, path: string, marked: number): void {
  const head = Number(scalar(db, 'SELECT max(position) FROM events') ?? 0)
  const given = Number(scalar(db, `SELECT seq FROM sqlite_sequence WHERE name = 'events'`) ?? 0)
  const promised = Math.max(marked, given)
  if (head < promised) {
    throw new StoreRefused(
      `The event log ${path} ends at position ${head}, but events up to ${promised} were acknowledged: its end is cut off. ${REMEDY}`,
    )
  }
  const from = Math.max(0, head - 100)
  const count = Number(scalar(db, `SELECT count(*) FROM events WHERE position > ${from}`))
  const unread = Number(
    scalar(
      db,
      `SELECT count(*) FROM events e LEFT JOIN streams s ON s.id = e.stream
       LEFT JOIN types t ON t.id = e.type
       WHERE e.position > ${from} AND (s.id IS NULL OR t.id IS NULL OR length(e.event_id) <> 16
         OR NOT json_valid(CAST(e.data AS TEXT)) OR NOT json_valid(CAST(e.metadata AS TEXT)))`,
    ),
  )
  if (count !== head - from || unread > 0) {
    throw new StoreRefused(`The event log ${path} is damaged near position ${head}. ${REMEDY}`)
  }
}

function eventStore(
  reader: LogReader,
  append: EventStore['append'],
  knownRevision: (stream: string) => number | undefined,
): EventStore {
  return {
    append,
    readStream: (stream, { after = -1, limit = Number.MAX_SAFE_INTEGER } = {}) =>
      reader.stream(stream, after, limit),
    readAll: ({ after, limit }) => reader.all(after, limit),
    subscribe: ({ after, signal }) => reader.subscribe(after, signal),
    head: async () => toPosition(reader.head()),
    revision: async (stream) => knownRevision(stream) ?? reader.revision(stream),
  }
}
