/**
 * Fills a generation of a view from the whole log, beside the one that is served. Two processes that fill
 * the same one at once, for a moment, write the same documents.
 */
import {
  BEFORE_ALL,
  type EventStore,
  type Position,
  type StoredEvent,
} from '../ports/event-store.ts'
import type { ViewCollection, ViewStore } from '../ports/view-store.ts'
import { foldBatch } from './fold.ts'
import { pause } from './pause.ts'
import type { AnyProjection } from './projection.ts'
import { generations, type Served } from './served.ts'
import { generationOf } from './views.ts'

const PAGE = 1_000

export type OnProgress = (done: Position, head: Position) => void

export interface Filling {
  /** Reads on to the end of the log. */
  toTheEnd(): Promise<void>
  position(): Position
}

export function fillGeneration(
  deps: {
    readonly events: EventStore
    readonly store: ViewStore
    readonly upcast: (event: StoredEvent) => StoredEvent
  },
  projection: AnyProjection,
  target: ViewCollection,
  onPage: (position: Position) => void = () => undefined,
): Filling {
  let position: Position = BEFORE_ALL
  return {
    async toTheEnd() {
      for (;;) {
        const page = await deps.events.readAll({ after: position, limit: PAGE })
        const last = page.at(-1)
        if (!last) return
        await foldBatch(deps.store, projection, target, page.map(deps.upcast), last.position)
        position = last.position
        onPage(position)
        if (page.length < PAGE) return
      }
    },
    position: () => position,
  }
}

/** Earlier generations; earlier versions too where no older release can be at work any more. */
export async function dropEarlier(
  store: ViewStore,
  current: ReadonlyMap<
    string,
    { readonly projection: AnyProjection; readonly target: ViewCollection }
  >,
  alsoVersions: boolean,
): Promise<void> {
  for (const stored of await store.collections()) {
    const one = current.get(stored.name)
    if (!one || stored.version >= one.target.version) continue
    if (alsoVersions || generationOf(one.projection, stored.version) !== undefined)
      await store.drop(stored)
  }
}

const LOOK_EVERY_MS = 1_000

/** Asks whoever has the lead for a rebuild, and waits until another generation is served. */
export async function rebuiltElsewhere(
  deps: {
    readonly events: Pick<EventStore, 'head'>
    readonly projections: readonly AnyProjection[]
    readonly served: Served
    readonly signal: AbortSignal
  },
  name: string,
  onProgress?: OnProgress,
): Promise<void> {
  const { events, projections, served, signal } = deps
  await served.look()
  const projection = projections.find((one) => one.name === name)
  if (!projection) throw new Error(`no projection is called ${name}`)
  const { generation } = served.of(name)
  await served.wish(name)
  const head = await events.head()
  while (!signal.aborted) {
    await pause(LOOK_EVERY_MS, signal)
    const next = generations(projection, await served.look()).at(-1)
    if (served.of(name).generation > generation) break
    if (next) onProgress?.(next.checkpoint < head ? next.checkpoint : head, head)
  }
  onProgress?.(head, head)
}
