/**
 * Reads the log on a connection of its own, in pages, and feeds every subscriber from one shared page:
 * subscribers at the same place cost one read and one parse between them.
 *
 * Positions have no gaps, so a place in a page is arithmetic. Names of streams and types are looked up
 * once and kept, not joined: a join costs a third of a scan. Never iterates a long scan: each page
 * blocks the loop for a few milliseconds, and between full pages the loop gets its turn.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { BEFORE_ALL } from '../../../ports/event-store.ts'
import type { Position, StoredEvent } from '../../../ports/event-store.ts'
import type { EventMetadata } from '../../../domain/metadata.ts'
import { Unavailable } from '../../../ports/unavailable.ts'

export const PAGE = 1_000

/** Names kept at once. */
const MAX_NAMES = 50_000

const COLUMNS = `position, stream, revision, hex(event_id), type,
  CAST(data AS TEXT), CAST(metadata AS TEXT)`
type Row = [number, number, number, string, number, string, string]

export class LogReader {
  readonly #all: StatementSync
  readonly #one: StatementSync
  readonly #streams: Names
  readonly #types: Names
  readonly #streamId: StatementSync
  readonly #last: StatementSync
  readonly #revision: StatementSync
  #page: { after: number; events: readonly StoredEvent[] } = { after: 0, events: [] }
  #waiting = new Set<() => void>()
  #closed = false
  /** In a process that does not write, commits of the writer are looked for at this pace. */
  readonly #pollMs: number | undefined

  constructor(db: DatabaseSync, options: { pollMs?: number } = {}) {
    this.#pollMs = options.pollMs
    this.#all = arrays(
      db,
      `SELECT ${COLUMNS} FROM events WHERE position > ? ORDER BY position LIMIT ?`,
    )
    this.#one = arrays(
      db,
      `SELECT ${COLUMNS} FROM events
       WHERE stream = ? AND revision > ? ORDER BY revision LIMIT ?`,
    )
    this.#streams = new Names(db, 'streams')
    this.#types = new Names(db, 'types')
    this.#streamId = db.prepare('SELECT id FROM streams WHERE name = ?')
    this.#revision = db.prepare(
      `SELECT max(revision) AS revision FROM events
       WHERE stream = (SELECT id FROM streams WHERE name = ?)`,
    )
    this.#last = db.prepare('SELECT max(position) AS position FROM events')
  }

  head(): number {
    return asking(() => Number(this.#last.get()?.['position'] ?? 0))
  }

  revision(stream: string): number | undefined {
    const row = asking(() => this.#revision.get(stream))
    return typeof row?.['revision'] === 'number' ? row['revision'] : undefined
  }

  async stream(stream: string, after: number, limit: number): Promise<StoredEvent[]> {
    const id = asking(() => this.#streamId.get(stream))?.['id']
    if (typeof id !== 'number') return []
    return inPages(limit, (count, last) =>
      this.#read(this.#one, [id, last?.revision ?? after, count]),
    )
  }

  async all(after: Position, limit: number): Promise<StoredEvent[]> {
    return inPages(limit, (count, last) =>
      this.#read(this.#all, [Number(last?.position ?? after), count]),
    )
  }

  async *subscribe(after: Position, signal: AbortSignal): AsyncGenerator<readonly StoredEvent[]> {
    let place = Math.max(0, Number(after))
    while (!signal.aborted && !this.#closed) {
      const events = this.#pageAfter(place)
      const last = events.at(-1)
      if (last === undefined) {
        await this.#news(signal)
        continue
      }
      yield events
      place = Number(last.position)
      if (events.length >= PAGE) await nextTurn()
    }
  }

  /** Called after each commit. */
  wake(): void {
    if (this.#waiting.size === 0) return
    const waiting = this.#waiting
    this.#waiting = new Set()
    for (const resolve of waiting) resolve()
  }

  close(): void {
    this.#closed = true
    this.wake()
  }

  #pageAfter(place: number): readonly StoredEvent[] {
    const { after, events } = this.#page
    if (place >= after && place < after + events.length) {
      return place === after ? events : events.slice(place - after)
    }
    const fresh = this.#read(this.#all, [place, PAGE])
    if (fresh.length > 0) this.#page = { after: place, events: fresh }
    return fresh
  }

  #read(statement: StatementSync, parameters: number[]): StoredEvent[] {
    const rows = asking(() => statement.all(...parameters)) as unknown as Row[]
    return rows.map(([position, stream, revision, id, type, data, metadata]) => {
      try {
        return {
          position: BigInt(position),
          stream: this.#streams.of(stream),
          revision,
          id: toUuid(id),
          type: this.#types.of(type),
          data: JSON.parse(data) as Record<string, unknown>,
          metadata: JSON.parse(metadata) as EventMetadata,
        }
      } catch (cause) {
        throw new Error(`the event at position ${position} of the log is damaged`, { cause })
      }
    })
  }

  #news(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#pollMs === undefined ? undefined : setTimeout(done, this.#pollMs)
      const waiting = this.#waiting
      function done() {
        clearTimeout(timer)
        waiting.delete(done)
        signal.removeEventListener('abort', done)
        resolve()
      }
      waiting.add(done)
      signal.addEventListener('abort', done)
    })
  }
}

/** Names by their number in the file; they never change. */
class Names {
  readonly #select: StatementSync
  readonly #names = new Map<number, string>()

  constructor(db: DatabaseSync, table: 'streams' | 'types') {
    this.#select = db.prepare(`SELECT name FROM ${table} WHERE id = ?`)
  }

  of(id: number): string {
    const known = this.#names.get(id)
    if (known !== undefined) return known
    const name = this.#select.get(id)?.['name']
    if (typeof name !== 'string') throw new Error(`no name for ${id}`)
    if (this.#names.size >= MAX_NAMES) this.#names.clear()
    this.#names.set(id, name)
    return name
  }
}

export const toPosition = (position: number): Position =>
  position === 0 ? BEFORE_ALL : BigInt(position)

async function inPages(
  limit: number,
  read: (count: number, last: StoredEvent | undefined) => StoredEvent[],
): Promise<StoredEvent[]> {
  const first = read(Math.min(PAGE, limit), undefined)
  if (first.length < PAGE || first.length >= limit) return first
  const events = first
  for (;;) {
    await nextTurn()
    const count = Math.min(PAGE, limit - events.length)
    const page = count > 0 ? read(count, events.at(-1)) : []
    for (const event of page) events.push(event)
    if (page.length < PAGE) return events
  }
}

/** 32 hex digits as SQLite writes them → the usual text of a uuid. */
export function toUuid(hex: string): string {
  const h = hex.toLowerCase()
  return `${h.slice(0, 8)}-${h.slice(8, 12)}-${h.slice(12, 16)}-${h.slice(16, 20)}-${h.slice(20)}`
}

function asking<T>(read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw new Unavailable('event log', cause)
  }
}

function arrays(db: DatabaseSync, sql: string): StatementSync {
  const statement = db.prepare(sql)
  statement.setReturnArrays(true)
  return statement
}
