/**
 * Replays views from the whole log, in one pass, into collections beside the served ones and compares
 * the two, byte for byte. The served views go on: documents that reflect the same position must be the
 * same.
 */
import type { EventStore, Position, StoredEvent } from '../ports/event-store.ts'
import { BEFORE_ALL } from '../ports/event-store.ts'
import type { ViewCollection, ViewStore } from '../ports/view-store.ts'
import { foldBatch } from './fold.ts'
import type { AnyProjection } from './projection.ts'
import { isLeftBehind, namesOfCopies, type Views } from './views.ts'

const PAGE = 1_000
/** So many keys are looked at again: those that changed meanwhile are among them. */
const SUSPECTED = 10_000
const VIEWS_WITHIN_MS = 5_000
/** So many keys that differ are named; a view that is wrong is wrong. */
const NAMED = 100

export interface Verified {
  readonly name: string
  readonly documents: number
  /** Keys of documents that are not the same, the first of them. */
  readonly different: readonly string[]
}

export interface Verification {
  readonly events: EventStore
  readonly store: ViewStore
  readonly projections: readonly AnyProjection[]
  /** The collection that is served of a projection now. */
  readonly served: (name: string) => ViewCollection
  /** Waits until the views have passed a position. */
  readonly passed: Views['passed']
  readonly upcast: (event: StoredEvent) => StoredEvent
  readonly onProgress?: ((done: Position, head: Position) => void) | undefined
}

interface Copy {
  readonly projection: AnyProjection
  /** Of this run alone; a later one drops it, should a crash leave it behind. */
  readonly scratch: ViewCollection
  reached: Position
}

export async function verifyViews(v: Verification): Promise<Verified[]> {
  for (const left of await v.store.collections()) if (isLeftBehind(left)) await v.store.drop(left)
  const copyOf = namesOfCopies()
  const copies = v.projections.map((projection): Copy => ({
    projection,
    scratch: copyOf(projection),
    reached: BEFORE_ALL,
  }))
  try {
    await fill(v, copies)
    const compared: Verified[] = []
    for (const copy of copies) compared.push(await compareCopy(v, copy))
    return compared
  } finally {
    for (const { scratch } of copies) await v.store.drop(scratch)
  }
}

/** Brings copies up to the end of the log, and waits until the served views are there too. */
async function fill(v: Verification, copies: readonly Copy[]): Promise<void> {
  const head = await v.events.head()
  let position = BEFORE_ALL
  while (position < head) {
    const page = (await v.events.readAll({ after: position, limit: PAGE })).map(v.upcast)
    const last = page.at(-1)
    if (!last) break
    for (const copy of copies) {
      await foldBatch(v.store, copy.projection, copy.scratch, page, last.position)
      copy.reached = last.position
    }
    position = last.position
    v.onProgress?.(position < head ? position : head, head)
  }
  await v.passed(head, VIEWS_WITHIN_MS)
}

/**
 * What looks different may have changed meanwhile. A served document tells the position that it reflects,
 * and what differs at the same position is wrong, however often it changes.
 */
async function compareCopy(v: Verification, copy: Copy): Promise<Verified> {
  const { name } = copy.projection
  const { documents, suspects } = await compare(v.store, v.served(name), copy.scratch)
  const suspected = [...suspects]
  const now = await v.store.getMany(v.served(name), suspected)
  const positionOf = (key: string) => now.get(key)?.position ?? BEFORE_ALL
  await advance(v, copy, greatest(suspected.map(positionOf)))
  const fresh = await v.store.getMany(copy.scratch, suspected)
  const different: string[] = []
  for (const key of suspected) {
    if (different.length === NAMED) break
    const [is, ought] = [now.get(key), fresh.get(key)]
    if (sameBytes(is?.document, ought?.document)) continue
    if ((ought?.position ?? BEFORE_ALL) <= positionOf(key) || (await differs(v, copy, key)))
      different.push(key)
  }
  return { name, documents, different }
}

/** Looks at one document alone, and brings the copy exactly to where it is. */
async function differs(v: Verification, copy: Copy, key: string): Promise<boolean> {
  const { name } = copy.projection
  await v.passed(copy.reached, VIEWS_WITHIN_MS)
  const is = (await v.store.getMany(v.served(name), [key])).get(key)
  await advance(v, copy, is?.position ?? BEFORE_ALL)
  const ought = (await v.store.getMany(copy.scratch, [key])).get(key)
  return !sameBytes(is?.document, ought?.document)
}

const greatest = (positions: readonly Position[]): Position =>
  positions.reduce((a, b) => (a > b ? a : b), BEFORE_ALL)

/** Folds everything up to a position into a copy, and nothing after it. */
async function advance(v: Verification, copy: Copy, to: Position): Promise<void> {
  while (copy.reached < to) {
    const page = (await v.events.readAll({ after: copy.reached, limit: PAGE })).map(v.upcast)
    const wanted = page.filter(({ position }) => position <= to)
    const reached = wanted.length < page.length ? to : (page.at(-1)?.position ?? to)
    if (wanted.length > 0) await foldBatch(v.store, copy.projection, copy.scratch, wanted, reached)
    copy.reached = reached
  }
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
