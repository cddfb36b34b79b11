/** The files of the event log: their names, tables and what must be true of the log's end. */
import type { DatabaseSync } from 'node:sqlite'
import { StoreRefused } from '../../../ports/store-refused.ts'
import { type DatabaseKind, scalar } from './database.ts'

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
