/**
 * The queries' door to the read models: which generation of a projection is served, and waiting until
 * the views have passed a position.
 */
import type { Position } from '../ports/event-store.ts'
import type { ViewCollection, ViewStore } from '../ports/view-store.ts'
import type { Projection } from './projection.ts'

/** Physical versions: the code's version and the generation of its documents (a rebuild makes a new one). */
const GENERATIONS = 1_000
export const physical = (projection: ViewCollection, generation: number): ViewCollection => ({
  name: projection.name,
  version: projection.version * GENERATIONS + generation,
  indexes: projection.indexes,
})
export const generationOf = (projection: ViewCollection, version: number): number | undefined =>
  Math.floor(version / GENERATIONS) === projection.version ? version % GENERATIONS : undefined

/** Begins the name of every copy that a verification makes, with the time when it began. */
const COPIES = 'verify-'
/** No verification lasts so long: its copies were left behind. */
const COPIES_LAST_MS = 24 * 60 * 60_000
/** The copies of one verification, beside those of every other one. */
export function namesOfCopies(): (projection: ViewCollection) => ViewCollection {
  const run = `${COPIES}${Date.now().toString(36)}-${crypto.randomUUID()}`
  return ({ name, indexes }) => ({ name: `${run}-${name}`, version: 1, indexes })
}
export const isLeftBehind = ({ name }: { name: string }): boolean =>
  name.startsWith(COPIES) &&
  Date.now() - Number.parseInt(name.slice(COPIES.length), 36) > COPIES_LAST_MS

export interface Page<View> {
  readonly items: readonly View[]
  /** Cursor of the next page; undefined on the last one. */
  readonly next: string | undefined
}

export interface FoundPage<View> extends Page<View> {
  /** Cursor of each item. */
  readonly cursors: readonly string[]
}

export interface Views {
  get<View>(projection: Projection<View>, key: string): Promise<View | undefined>
  getMany<View>(projection: Projection<View>, keys: readonly string[]): Promise<Map<string, View>>
  find<View>(
    projection: Projection<View>,
    query: Parameters<ViewStore['find']>[1],
  ): Promise<FoundPage<View>>
  /** Every document, in order of key: for sweeps and exports over small views. */
  all<View>(projection: Projection<View>): AsyncIterable<{ key: string; document: View }>
  /** Position that every view has passed. */
  position(): Position
  /** Waits until every view has passed `position`; false when `timeoutMs` went by first. */
  passed(position: Position, timeoutMs: number): Promise<boolean>
}

/**
 * @param readable the collection that is served of a projection; throws Unavailable while it is not
 * @param empty called before it is said that something is not there; throws Unavailable where views were lost
 */
export function createViews(
  store: ViewStore,
  readable: (name: string) => ViewCollection,
  progress: Pick<Progress, 'position' | 'passed'>,
  empty: () => Promise<void>,
): Views {
  const collection = (projection: { name: string }): ViewCollection => readable(projection.name)
  return {
    // Documents are written by the projection's own `project`, so they have its View type.
    async get<View>(projection: Projection<View>, key: string) {
      const found = await store.get(collection(projection), key)
      if (found === undefined) await empty()
      return found as View | undefined
    },
    async getMany<View>(projection: Projection<View>, keys: readonly string[]) {
      const found = await store.getMany(collection(projection), keys)
      if (found.size === 0 && keys.length > 0) await empty()
      return new Map(
        [...found]
          .filter(([, { document }]) => document !== undefined)
          .map(([key, { document }]) => [key, document as View]),
      )
    },
    async find<View>(projection: Projection<View>, query: Parameters<ViewStore['find']>[1]) {
      const rows = await store.find(collection(projection), { ...query, limit: query.limit + 1 })
      if (rows.length === 0) await empty()
      const page = rows.slice(0, query.limit)
      return {
        items: page.map((row) => row.document as View),
        cursors: page.map((row) => row.cursor),
        next: rows.length > query.limit ? page.at(-1)?.cursor : undefined,
      }
    },
    async *all<View>(projection: Projection<View>) {
      for (let after: string | undefined; ;) {
        const page = await store.scan(collection(projection), {
          limit: 500,
          ...(after === undefined ? {} : { after }),
        })
        if (page.length === 0) await empty()
        for (const row of page) yield { key: row.key, document: row.document as View }
        after = page.at(-1)?.key
        if (page.length < 500) return
      }
    },
    position: () => progress.position(),
    passed: (position, timeoutMs) => progress.passed(position, timeoutMs),
  }
}

/** How far the views have come, and whoever waits for it. */
export interface Progress {
  position(): Position
  passed(position: Position, timeoutMs: number): Promise<boolean>
  advance(position: Position): void
  /** The views were lost and begin again. */
  reset(position: Position): void
  /** Somebody waits for a position that is still to come. */
  waiting(): boolean
  /** Resolves after `ms`; sooner when `signal` aborts, or as soon as somebody waits. */
  rest(ms: number, signal?: AbortSignal): Promise<void>
}

export function createProgress(): Progress {
  let current: Position = -1n
  const waiting = new Set<{ position: Position; wake: (passed: boolean) => void }>()
  const resting = new Set<() => void>()
  return {
    position: () => current,
    passed(position, timeoutMs) {
      if (position <= current) return Promise.resolve(true)
      if (timeoutMs <= 0) return Promise.resolve(false)
      return new Promise((resolve) => {
        const entry = {
          position,
          wake(passed: boolean) {
            clearTimeout(timer)
            waiting.delete(entry)
            resolve(passed)
          },
        }
        const timer = setTimeout(() => entry.wake(false), timeoutMs)
        waiting.add(entry)
        for (const end of resting) end()
      })
    },
    advance(position) {
      if (position <= current) return
      current = position
      for (const entry of waiting) if (entry.position <= position) entry.wake(true)
    },
    reset(position) {
      current = position
    },
    waiting: () => waiting.size > 0,
    rest(ms, signal) {
      if (waiting.size > 0 || signal?.aborted) return Promise.resolve()
      return new Promise((resolve) => {
        const end = () => {
          clearTimeout(timer)
          signal?.removeEventListener('abort', end)
          resting.delete(end)
          resolve()
        }
        const timer = setTimeout(end, ms)
        signal?.addEventListener('abort', end)
        resting.add(end)
      })
    },
  }
}
