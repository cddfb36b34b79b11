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
import { Appender } from './sqlite/appender.ts'
import { openDatabase, openReader } from './sqlite/database.ts'
import { HeadMarkFile, readHeadMark } from './sqlite/head-mark.ts'
import { LogReader, toPosition } from './sqlite/log-reader.ts'
import { HEAD_FILE, inspectTail, LOG, LOG_FILE } from './sqlite/log-file.ts'
import { StoreRefused } from '../../ports/store-refused.ts'

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
