/**
 * Replays views from the whole log, in one pass, into collections beside the served ones and compares
 * the two, byte for byte. The served views go on: what looks different is compared again at the end,
 * at one and the same position.
 */
import type { EventStore, Position, StoredEvent } from '../ports/event-store.ts'
import { BEFORE_ALL } from '../ports/event-store.ts'
import type { ViewCollection, ViewStore } from '../ports/view-store.ts'
import { foldBatch } from './fold.ts'
import type { AnyProjection } from './projection.ts'
import { LAST_GENERATION, physical } from './views.ts'

const PAGE = 1_000
/** So many keys are looked at again: those that changed meanwhile are among them. */
const SUSPECTED = 10_000
/** So many keys that differ are named; a view that is wrong is wrong. */
const NAMED = 100

/** A view as it is served. Its fields change while it goes on. */
export interface ServedView {
  readonly projection: AnyProjection
  readonly target: ViewCollection
  readonly checkpoint: Position
}

export interface Verified {
  readonly name: string
  readonly documents: number
  /** Keys of documents that are not the same, the first of them. */
  readonly different: readonly string[]
}

export interface Verification {
  readonly events: EventStore
  readonly store: ViewStore
  readonly served: readonly ServedView[]
  readonly upcast: (event: StoredEvent) => StoredEvent
  /** Holds the views still while `work` runs. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>
  readonly onProgress?: ((done: Position, head: Position) => void) | undefined
}

interface Copy {
  readonly served: ServedView
  /** Nobody reads it; a start drops it, should a crash leave it behind. */
  readonly scratch: ViewCollection
  reached: Position
}

export async function verifyViews(v: Verification): Promise<Verified[]> {
  const copies = v.served.map((served): Copy => ({
    served,
    scratch: physical(served.projection, LAST_GENERATION),
    reached: BEFORE_ALL,
  }))
  for (const { scratch } of copies) await v.store.drop(scratch)
  try {
    await fill(v, copies)
    const compared: Verified[] = []
    for (const copy of copies) compared.push(await compareCopy(v, copy))
    return compared
  } finally {
    for (const { scratch } of copies) await v.store.drop(scratch)
  }
}

/** Brings copies up to where their views are now. */
async function fill(v: Verification, copies: readonly Copy[]): Promise<void> {
  const goals = copies.map((copy) => ({ copy, until: copy.served.checkpoint }))
  const last = goals.reduce((most, { until }) => (until > most ? until : most), BEFORE_ALL)
  let position = copies.reduce((least, { reached }) => (reached < least ? reached : least), last)
  while (position < last) {
    const page = (await v.events.readAll({ after: position, limit: PAGE })).map(v.upcast)
    for (const { copy, until } of goals) {
      const wanted = page.filter(
        (event) => event.position > copy.reached && event.position <= until,
      )
      const end = wanted.at(-1)
      if (!end) continue
      await foldBatch(v.store, copy.served.projection, copy.scratch, wanted, end.position)
      copy.reached = end.position
    }
    const end = page.at(-1)
    if (!end) return
    position = end.position
    v.onProgress?.(position < last ? position : last, last)
  }
}

async function compareCopy(v: Verification, copy: Copy): Promise<Verified> {
  const { served, scratch } = copy
  const { name } = served.projection
  const { documents, suspects } = await compare(v.store, served.target, scratch)
  if (suspects.size === 0) return { name, documents, different: [] }
  return v.inTurn(async () => {
    await fill(v, [copy])
    const keys = [...suspects]
    const now = await v.store.getMany(served.target, keys)
    const fresh = await v.store.getMany(scratch, keys)
    const different = keys.filter(
      (key) => !sameBytes(now.get(key)?.document, fresh.get(key)?.document),
    )
    return { name, documents, different: different.slice(0, NAMED) }
  })
}

/** Both in order of key, side by side. */
async function compare(
  store: ViewStore,
  served: ViewCollection,
  fresh: ViewCollection,
): Promise<{ documents: number; suspects: Set<string> }> {
  const suspects = new Set<string>()
  let documents = 0
  const [left, right] = [scan(store, served), scan(store, fresh)]
  let [a, b] = [await left.next(), await right.next()]
  while ((!a.done || !b.done) && suspects.size < SUSPECTED) {
    documents++
    const [keyA, keyB] = [a.done ? undefined : a.value.key, b.done ? undefined : b.value.key]
    if (keyA !== undefined && keyA === keyB) {
      if (!a.done && !b.done && !sameBytes(a.value.document, b.value.document)) suspects.add(keyA)
      ;[a, b] = [await left.next(), await right.next()]
    } else if (keyB === undefined || (keyA !== undefined && before(keyA, keyB))) {
      suspects.add(keyA ?? '')
      a = await left.next()
    } else {
      suspects.add(keyB)
      b = await right.next()
    }
  }
  return { documents, suspects }
}

/** Stores order keys by their bytes. */
const before = (a: string, b: string): boolean => Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0

const sameBytes = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

async function* scan(store: ViewStore, view: ViewCollection) {
  for (let after: string | undefined; ;) {
    const page = await store.scan(view, {
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    })
    yield* page
    after = page.at(-1)?.key
    if (page.length < PAGE) return
  }
}
