/** Views that count: every event that is lost or applied twice shows in a number. */
import type { Position, StoredEvent } from '../../../src/ports/event-store.ts'
import type { ViewCollection, ViewStore } from '../../../src/ports/view-store.ts'
import type { Handler } from '../../../src/projections/projection.ts'
import { unique } from '../../contracts/harness.ts'

export interface Count {
  readonly count: number
  readonly last: string
}

const counting: Handler<Count, Readonly<Record<string, unknown>>> = {
  keys: ({ stream }) => stream,
  project: (view, { position }) => ({ count: (view?.count ?? 0) + 1, last: String(position) }),
}

/** A projection of its own name: how many events each stream has, and where the last one is. */
export const counter = () => ({
  name: unique('counts'),
  version: 1,
  indexes: { byCount: { equals: [], orderBy: 'count' } },
  on: { Noted: counting },
})

/** Events in turn over so many streams, at positions that have gaps. */
export const notes = (count: number, streams = 7): StoredEvent[] =>
  Array.from({ length: count }, (_, n) => ({
    position: BigInt(n * 3 + 1),
    stream: `s${n % streams}`,
    revision: Math.floor(n / streams),
    id: `event ${n}`,
    type: 'Noted',
    data: {},
    // Projections of counts look at nothing of it.
    metadata: {} as StoredEvent['metadata'],
  }))

export const endOf = (events: readonly StoredEvent[]): Position => events.at(-1)?.position ?? -1n

export const countsOf = async (
  views: ViewStore,
  view: ViewCollection,
): Promise<Record<string, unknown>> =>
  Object.fromEntries(
    (await views.scan(view, { limit: 1_000 })).map(({ key, document }) => [key, document]),
  )

/** What the counts must be. */
export function expected(events: readonly StoredEvent[]): Record<string, Count> {
  const counts: Record<string, Count> = {}
  for (const { stream, position } of events)
    counts[stream] = { count: (counts[stream]?.count ?? 0) + 1, last: String(position) }
  return counts
}
