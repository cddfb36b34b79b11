/**
 * Replays one projection from the whole log into a collection beside the served one and compares the
 * two, byte for byte. The served views go on: what looks different is compared again at the end, at
 * one and the same position.
 */
import type { EventStore, Position, StoredEvent } from '../ports/event-store.ts'
import { BEFORE_ALL } from '../ports/event-store.ts'
import type { ViewCollection, ViewStore } from '../ports/view-store.ts'
import { foldBatch } from './fold.ts'
import type { AnyProjection } from './projection.ts'
import { LAST_GENERATION, physical } from './views.ts'

const PAGE = 1_000
/** So many keys that differ are looked at and named; a view that is wrong is wrong. */
const NAMED = 100

export interface Verified {
  readonly documents: number
  /** Keys of documents that are not the same, the first of them. */
  readonly different: readonly string[]
}

export interface Verification {
  readonly events: EventStore
  readonly store: ViewStore
  readonly projection: AnyProjection
  readonly upcast: (event: StoredEvent) => StoredEvent
  /** The collection that is served, and how far it has come. */
  readonly served: () => { readonly target: ViewCollection; readonly checkpoint: Position }
  /** Holds the views still while `work` runs. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>
  readonly onProgress?: ((done: Position, head: Position) => void) | undefined
}

export async function verifyView(v: Verification): Promise<Verified> {
  const { events, store } = v
  // Nobody reads it; a start drops it, should a crash leave it behind.
  const scratch = physical(v.projection, LAST_GENERATION)
  await store.drop(scratch)
  let position: Position = BEFORE_ALL
  const fill = async (until: Position): Promise<void> => {
    while (position < until) {
      const page = await events.readAll({ after: position, limit: PAGE })
      const wanted = page.filter((event) => event.position <= until).map(v.upcast)
      const last = wanted.at(-1)
      if (!last) return
      await foldBatch(store, v.projection, scratch, wanted, last.position)
      position = last.position
      v.onProgress?.(position, until)
    }
  }
  try {
    await fill(v.served().checkpoint)
    const { documents, suspects } = await compare(store, v.served().target, scratch)
    if (suspects.size === 0) return { documents, different: [] }
    return await v.inTurn(async () => {
      await fill(v.served().checkpoint)
      const keys = [...suspects]
      const served = await store.getMany(v.served().target, keys)
      const fresh = await store.getMany(scratch, keys)
      const different = keys.filter((key) => !sameBytes(served.get(key), fresh.get(key)))
      return { documents, different }
    })
  } finally {
    await store.drop(scratch)
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
  while ((!a.done || !b.done) && suspects.size < NAMED) {
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
