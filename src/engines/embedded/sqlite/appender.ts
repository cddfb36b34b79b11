/**
 * The writing half of the log: sizes, revisions, the dedupe rule, positions.
 *
 * What a transaction has changed counts only once it is committed: heads, types and the position are
 * kept apart until then, so that a failed commit leaves the memory as it leaves the disk.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { EventTooLarge, MAX_APPEND_BYTES, MAX_EVENT_BYTES } from '../../../ports/event-store.ts'
import { RevisionConflict } from '../../../ports/event-store.ts'
import type { Appended, NewEvent } from '../../../ports/event-store.ts'
import { scalar } from './database.ts'
import { GroupCommit } from './group-commit.ts'
import { toUuid } from './log-reader.ts'

/** Streams whose heads are kept in memory; the others are looked up when they are written. */
const MAX_HEADS = 50_000
const NONE = -1
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
/** The key can stand only at its place: inside a string its quotes would be escaped. */
const RECORDED_AT = /"recordedAt":\s*"([^"\\]+)"/

interface Head {
  readonly id: number
  readonly revision: number
}

export class Appender {
  readonly #commit: GroupCommit
  readonly #statements: ReturnType<typeof prepare>
  readonly #committed: () => void
  readonly #heads = new Map<string, Head>()
  readonly #newHeads = new Map<string, Head>()
  readonly #types = new Map<string, number>()
  readonly #newTypes = new Map<string, number>()
  #head: number
  #next: number

  /** `committed` is called after each commit that wrote events. */
  constructor(db: DatabaseSync, committed: () => void) {
    this.#statements = prepare(db)
    this.#committed = committed
    this.#head = Number(scalar(db, 'SELECT max(position) FROM events') ?? 0)
    this.#next = this.#head + 1
    this.#commit = new GroupCommit(db, {
      service: 'event log',
      onCommit: () => this.#keep(),
      onRollback: () => this.#forget(),
    })
  }

  get head(): number {
    return this.#head
  }

  get off(): unknown {
    return this.#commit.off
  }

  append(
    stream: string,
    expected: 'none' | number,
    events: readonly NewEvent[],
  ): Promise<Appended> {
    try {
      const bytes = measure(stream, events)
      const times = inspect(expected, events)
      return this.#commit.run<Appended>(events.length, bytes, () =>
        this.#write(stream, expected, events, times),
      )
    } catch (error) {
      return Promise.reject(error)
    }
  }

  close(): void {
    this.#commit.close()
  }

  /** Revision of the stream's last committed event, where it is in memory. */
  knownRevision(stream: string): number | undefined {
    return this.#heads.get(stream)?.revision
  }

  #write(
    stream: string,
    expected: 'none' | number,
    events: readonly NewEvent[],
    times: readonly number[],
  ): Appended | RevisionConflict {
    const head = this.#newHeads.get(stream) ?? this.#heads.get(stream) ?? this.#load(stream)
    const wanted = expected === 'none' ? NONE : expected
    if (wanted !== head.revision) {
      const repeated = wanted < head.revision ? this.#repeated(head, wanted, events) : undefined
      const actual = head.revision === NONE ? 'none' : head.revision
      return repeated ?? new RevisionConflict(stream, expected, actual)
    }
    const id = head.id === NONE ? this.#insertStream(stream) : head.id
    let revision = head.revision
    for (let i = 0; i < events.length; i++) {
      const event = events[i] as NewEvent
      revision++
      this.#statements.insert.run(
        this.#next++,
        id,
        revision,
        event.id,
        this.#typeId(event.type),
        event.data,
        event.metadata,
        times[i] as number,
      )
    }
    this.#newHeads.set(stream, { id, revision })
    return { revision, position: BigInt(this.#next - 1) }
  }

  /** The first answer again, if exactly these events stand after `wanted`. */
  #repeated(head: Head, wanted: number, events: readonly NewEvent[]): Appended | undefined {
    const rows = this.#statements.ids.all(head.id, wanted, events.length) as unknown as [
      number,
      string,
    ][]
    if (!events.every((event, i) => toUuid(rows[i]?.[1] ?? '') === event.id)) return undefined
    const position = rows.at(-1)?.[0] ?? 0
    return { revision: wanted + events.length, position: BigInt(position) }
  }

  #load(stream: string): Head {
    const row = this.#statements.head.get(stream)
    if (row === undefined) return { id: NONE, revision: NONE }
    const head = { id: Number(row['id']), revision: Number(row['revision'] ?? NONE) }
    this.#newHeads.set(stream, head)
    return head
  }

  #insertStream(stream: string): number {
    return Number(this.#statements.insertStream.run(stream).lastInsertRowid)
  }

  #typeId(type: string): number {
    const known = this.#types.get(type) ?? this.#newTypes.get(type)
    if (known !== undefined) return known
    const row = this.#statements.type.get(type)
    const id = row
      ? Number(row['id'])
      : Number(this.#statements.insertType.run(type).lastInsertRowid)
    this.#newTypes.set(type, id)
    return id
  }

  #keep(): void {
    for (const [stream, head] of this.#newHeads) this.#heads.set(stream, head)
    for (const stream of this.#heads.keys()) {
      if (this.#heads.size <= MAX_HEADS) break
      this.#heads.delete(stream)
    }
    for (const [type, id] of this.#newTypes) this.#types.set(type, id)
    const moved = this.#next - 1 > this.#head
    this.#head = this.#next - 1
    this.#forget()
    if (moved) this.#committed()
  }

  #forget(): void {
    this.#newHeads.clear()
    this.#newTypes.clear()
    this.#next = this.#head + 1
  }
}

function prepare(db: DatabaseSync) {
  const ids = db.prepare(
    `SELECT position, hex(event_id) FROM events
     WHERE stream = ? AND revision > ? ORDER BY revision LIMIT ?`,
  )
  ids.setReturnArrays(true)
  return {
    ids,
    head: db.prepare(
      `SELECT id, (SELECT max(revision) FROM events WHERE stream = streams.id) AS revision
       FROM streams WHERE name = ?`,
    ),
    type: db.prepare('SELECT id FROM types WHERE name = ?'),
    insertStream: db.prepare('INSERT INTO streams(name) VALUES (?)'),
    insertType: db.prepare('INSERT INTO types(name) VALUES (?)'),
    insert: db.prepare(
      `INSERT INTO events(position, stream, revision, event_id, type, data, metadata, recorded_at)
       VALUES (?, ?, ?, unhex(?, '-'), ?, CAST(? AS BLOB), CAST(? AS BLOB), ?)`,
    ),
  } satisfies Record<string, StatementSync>
}

/** Bytes of the append. @throws EventTooLarge */
function measure(stream: string, events: readonly NewEvent[]): number {
  if (events.length === 0) throw new EventTooLarge(`${stream}: an append without events`, 0)
  let total = 0
  for (const event of events) {
    const bytes = Buffer.byteLength(event.data) + Buffer.byteLength(event.metadata)
    if (bytes > MAX_EVENT_BYTES) {
      throw new EventTooLarge(
        `${stream}: ${event.type} has ${bytes} bytes, more than ${MAX_EVENT_BYTES}`,
        bytes,
      )
    }
    total += bytes
  }
  if (total > MAX_APPEND_BYTES) {
    throw new EventTooLarge(
      `${stream}: an append of ${total} bytes, more than ${MAX_APPEND_BYTES}`,
      total,
    )
  }
  return total
}

/** Times of recording. What would break the whole batch at its commit is a defect of one caller here. */
function inspect(expected: 'none' | number, events: readonly NewEvent[]): number[] {
  if (expected !== 'none' && (!Number.isSafeInteger(expected) || expected < 0)) {
    throw new TypeError(`not a revision: ${expected}`)
  }
  return events.map(({ id, type, metadata }) => {
    const time = recordedAt(metadata)
    if (!UUID.test(id)) throw new TypeError(`not the id of an event: ${id}`)
    if (Number.isNaN(time)) throw new TypeError(`${type}: metadata without recordedAt`)
    return time
  })
}

/** Events of one batch mostly carry the same time: parsing it is half the cost of looking at an event. */
const lastTime = { text: '', ms: Number.NaN }

/** Time of recording in ms; NaN where the metadata holds none. */
function recordedAt(metadata: string): number {
  const text = RECORDED_AT.exec(metadata)?.[1] ?? ''
  if (text !== lastTime.text) {
    lastTime.text = text
    lastTime.ms = Date.parse(text)
  }
  return lastTime.ms
}
