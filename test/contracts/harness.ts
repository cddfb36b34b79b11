/** What a contract suite needs of an engine, and small helpers that every suite uses. */
import { randomUUID } from 'node:crypto'
import type { Clock } from '../../src/ports/clock.ts'
import type { Engine } from '../../src/ports/engine.ts'
import type { NewEvent, Position, StoredEvent } from '../../src/ports/event-store.ts'
import type { ViewBatch, ViewCollection, ViewStore } from '../../src/ports/view-store.ts'

/**
 * Opens an engine for one test and closes it when the test has ended. It need not be empty: suites use
 * names of their own and begin at the head of the log. `reopen` closes it and opens the same data again.
 * A `clock` stands in for the store's own, for suites that move time.
 */
export type OpenEngine = (options?: {
  clock?: Clock
}) => Promise<{ engine: Engine; reopen: () => Promise<Engine> }>

/** A name that no other test uses. */
export const unique = (prefix: string): string => `${prefix}-${randomUUID()}`

export const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))

export const RECORDED_AT = '2030-01-31T12:00:00.000Z'

export function newEvent(data: unknown = { n: 1 }, type = 'Noted'): NewEvent {
  return {
    id: randomUUID(),
    type,
    data: JSON.stringify(data),
    metadata: JSON.stringify({
      v: 1,
      recordedAt: RECORDED_AT,
      commandId: 'cmd',
      $correlationId: 'cor',
      $causationId: 'cau',
      actor: { kind: 'system', name: 'contract' },
    }),
  }
}

export const newEvents = (count: number): NewEvent[] =>
  Array.from({ length: count }, (_, n) => newEvent({ n }))

export const idsOf = (events: readonly { id: string }[]): string[] => events.map(({ id }) => id)

/** Takes from a subscription until `count` events have come, then ends it. */
export async function take(
  batches: AsyncIterable<readonly StoredEvent[]>,
  count: number,
): Promise<StoredEvent[]> {
  const events: StoredEvent[] = []
  for await (const batch of batches) {
    events.push(...batch)
    if (events.length >= count) break
  }
  return events
}

/** A signal that never aborts while the test runs. */
export const never = (): AbortSignal => new AbortController().signal

/** One batch of one view. */
export const put = (
  views: ViewStore,
  view: ViewCollection,
  documents: ViewBatch['documents'],
  checkpoint: Position,
): Promise<void> => views.putMany([{ view, documents, checkpoint }])

/** Versions that exist of one projection, with their checkpoints. */
export const versionsOf = async (
  views: ViewStore,
  name: string,
): Promise<{ version: number; checkpoint: Position }[]> =>
  (await views.collections())
    .filter((one) => one.name === name)
    .map(({ version, checkpoint }) => ({ version, checkpoint }))
