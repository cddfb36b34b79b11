/**
 * Read models and snapshots in MongoDB: never truth, may be emptied while Daybook stands still.
 *
 * One collection per version of a view. No transactions: documents are stored first, each guarded by the
 * position that it reflects, then the checkpoints. After a crash in between, or with two writers at
 * once, what is applied again changes nothing.
 */
import type { Position } from '../../ports/event-store.ts'
import type { Logger } from '../../ports/logger.ts'
import { toCursor } from '../../ports/view-cursor.ts'
import type {
  SnapshotStore,
  ViewBatch,
  ViewCollection,
  ViewRow,
  ViewStore,
} from '../../ports/view-store.ts'
import { ask, BATCH_MS, type MongoDatabase, REQUEST_MS } from './mongodb/database.ts'
import { LeftBehind } from './mongodb/left-behind.ts'
import { toPosition } from './mongodb/positions.ts'
import { snapshotStore } from './mongodb/snapshots.ts'
import { isUsed, type KnownView, ViewCatalogue } from './mongodb/view-catalogue.ts'
import { type StoredDocument, writtenOf, type WrittenDocument } from './mongodb/view-document.ts'
import { KEYS_AT_ONCE, writeDocuments } from './mongodb/view-documents.ts'
import { prepareCollection } from './mongodb/view-indexes.ts'
import { findIn, type Query } from './mongodb/view-query.ts'

/** Views that are written at the same time. */
const VIEWS_AT_ONCE = 4
const PAGE = 1_000
const KEEP_DROPPED_MS = 10_000
/** More keys at once than any request asks for. */
const ASKED_BY_REQUESTS = 100

export interface OpenViewStore {
  readonly views: ViewStore
  readonly snapshots: SnapshotStore
  close(): void
}

export async function openViewStore({
  db: database,
  logger,
  keepDroppedMs = KEEP_DROPPED_MS,
}: {
  db: MongoDatabase
  logger: Logger
  /** Other processes may read the documents of a dropped view for so long. */
  keepDroppedMs?: number
}): Promise<OpenViewStore> {
  const catalogue = new ViewCatalogue(database)
  const leftBehind = new LeftBehind(database, catalogue, { logger, keepMs: keepDroppedMs })
  await leftBehind.sweep()
  return {
    views: new Views(database, catalogue, leftBehind),
    snapshots: snapshotStore(database),
    close: () => leftBehind.close(),
  }
}

/** What is to be stored of one view. */
interface Due {
  readonly view: ViewCollection
  readonly documents: readonly WrittenDocument[]
  readonly checkpoint: Position
}

class Views implements ViewStore {
  readonly #database: MongoDatabase
  readonly #catalogue: ViewCatalogue
  readonly #leftBehind: LeftBehind
  /** Collections that this process has seen to have their indexes. */
  readonly #prepared = new Set<string>()
  /** By collection: the keys under which the last look-up found nothing. */
  readonly #missing = new Map<string, ReadonlySet<string>>()

  constructor(database: MongoDatabase, catalogue: ViewCatalogue, leftBehind: LeftBehind) {
    this.#database = database
    this.#catalogue = catalogue
    this.#leftBehind = leftBehind
  }

  async get(view: ViewCollection, key: string): Promise<unknown> {
    const known = await this.#catalogue.find(view)
    if (known === undefined) return undefined
    const options = { projection: { text: 1 }, maxTimeMS: REQUEST_MS }
    const row = await ask(this.#database, REQUEST_MS, () =>
      this.#documents(known).findOne({ _id: key }, options),
    )
    return row === null ? undefined : parse(row)
  }

  async getMany(view: ViewCollection, keys: readonly string[]): Promise<Map<string, ViewRow>> {
    const found = new Map<string, ViewRow>()
    const known = await this.#catalogue.find(view)
    if (known === undefined) return found
    for (let from = 0; from < keys.length; from += KEYS_AT_ONCE) {
      const some = keys.slice(from, from + KEYS_AT_ONCE)
      const [only = ''] = some
      // Equality, where it is one: servers that look at every document for a list find it at once.
      const wanted = { _id: some.length === 1 ? only : { $in: some } }
      const limitMs = keys.length > ASKED_BY_REQUESTS ? BATCH_MS : REQUEST_MS
      for (const row of await this.#rows(known, wanted, { limit: KEYS_AT_ONCE, limitMs }))
        found.set(row._id, { document: parse(row), position: toPosition(row._position) })
    }
    this.#missing.set(known.collection, new Set(keys.filter((key) => !found.has(key))))
    return found
  }

  async find(
    view: ViewCollection,
    query: Query,
  ): Promise<{ key: string; document: unknown; cursor: string }[]> {
    const spec = view.indexes[query.index]
    if (spec === undefined) throw new TypeError(`${view.name} has no index ${query.index}`)
    const { filter, options } = findIn(spec, query)
    const known = await this.#catalogue.find(view)
    if (known === undefined || query.limit <= 0) return []
    const { orderBy } = spec
    const rows = await ask(this.#database, REQUEST_MS, () =>
      this.#documents(known)
        .find(filter, {
          ...options,
          projection: { text: 1 },
          batchSize: Math.min(query.limit, PAGE),
          maxTimeMS: REQUEST_MS,
        })
        .toArray(),
    )
    return rows.map((row) => {
      const document = parse(row)
      // What it is ordered by is in the index only as a text or a number.
      const value =
        orderBy === undefined ? null : (document as Record<string, string | number>)[orderBy]
      return { key: row._id, document, cursor: toCursor(value ?? null, row._id) }
    })
  }

  async putMany(batches: readonly ViewBatch[]): Promise<void> {
    const due = dueOf(batches)
    const moved: { view: KnownView; checkpoint: Position }[] = []
    await atOnce(due, VIEWS_AT_ONCE, async ({ view, documents, checkpoint }) => {
      const known = await this.#catalogue.obtain(view)
      if (!this.#prepared.has(known.collection)) {
        await prepareCollection(this.#database, known.collection, view)
        this.#prepared.add(known.collection)
      }
      const missing = this.#missing.get(known.collection)
      this.#missing.delete(known.collection)
      await writeDocuments(this.#database, known.collection, documents, (key) =>
        missing === undefined ? !isUsed(known) : missing.has(key),
      )
      moved.push({ view: known, checkpoint })
    })
    await this.#catalogue.advance(moved)
  }

  checkpoint(view: ViewCollection): Promise<Position | undefined> {
    return this.#catalogue.checkpoint(view)
  }

  async scan(
    view: ViewCollection,
    { after = '', limit }: { after?: string; limit: number },
  ): Promise<{ key: string; document: unknown; position: Position }[]> {
    const known = await this.#catalogue.find(view)
    if (known === undefined || limit <= 0) return []
    const filter = { _id: { $gt: after }, _deletedAt: { $exists: false } }
    const rows = await this.#rows(known, filter, { limit, limitMs: BATCH_MS })
    return rows.map((row) => ({
      key: row._id,
      document: parse(row),
      position: toPosition(row._position),
    }))
  }

  async collections(): Promise<{ name: string; version: number; checkpoint: Position }[]> {
    return (await this.#catalogue.read())
      .filter(isUsed)
      .map(({ name, version, checkpoint }) => ({ name, version, checkpoint }))
      .sort(
        (a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)) || a.version - b.version,
      )
  }

  async drop(view: { name: string; version: number }): Promise<void> {
    const collection = await this.#catalogue.remove(view)
    if (collection !== undefined) this.#leftBehind.add(collection)
  }

  #documents({ collection }: KnownView) {
    return this.#database.db.collection<StoredDocument>(collection)
  }

  /** In order of key. */
  #rows(
    known: KnownView,
    filter: object,
    { limit, limitMs }: { limit: number; limitMs: number },
  ): Promise<StoredDocument[]> {
    const options = { projection: { text: 1, _position: 1 }, maxTimeMS: limitMs }
    return ask(this.#database, limitMs, () =>
      this.#documents(known)
        .find(filter, { ...options, sort: { _id: 1 }, limit, batchSize: Math.min(limit, PAGE) })
        .toArray(),
    )
  }
}

/** One entry for each view; serialised before anything is written. */
function dueOf(batches: readonly ViewBatch[]): Due[] {
  const byView = new Map<string, ViewBatch[]>()
  for (const batch of batches) {
    const id = `${batch.view.name}@${batch.view.version}`
    byView.set(id, [...(byView.get(id) ?? []), batch])
  }
  return [...byView.values()].flatMap((some) => {
    const [first] = some
    if (first === undefined) return []
    const checkpoint = some.reduce((most, one) => max(most, one.checkpoint), first.checkpoint)
    return { view: first.view, documents: writtenOf(first.view, some), checkpoint }
  })
}

/** Does the work for all of them, so many at once; after a failure nothing new is begun. */
async function atOnce<T>(
  items: readonly T[],
  most: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = [...items]
  let failed: { readonly error: unknown } | undefined
  const take = async () => {
    for (let item = waiting.shift(); item !== undefined && !failed; item = waiting.shift()) {
      try {
        await work(item)
      } catch (error) {
        failed ??= { error }
      }
    }
  }
  await Promise.all(Array.from({ length: most }, take))
  if (failed) throw failed.error
}

const parse = ({ text }: StoredDocument): unknown =>
  text === undefined ? undefined : (JSON.parse(text) as unknown)

const max = (a: Position, b: Position): Position => (a > b ? a : b)
