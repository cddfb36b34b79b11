/**
 * One batch of events into one projection: folded in memory per document, each touched document read
 * and written once, together with the checkpoint.
 */
import type { Position, StoredEvent } from '../ports/event-store.ts'
import type { ViewBatch, ViewCollection, ViewStore } from '../ports/view-store.ts'
import type { AnyProjection, Handler } from './projection.ts'

type AnyHandler = Handler<unknown, Readonly<Record<string, unknown>>>

/** Folds and stores. */
export async function foldBatch(
  store: ViewStore,
  projection: AnyProjection,
  target: ViewCollection,
  events: readonly StoredEvent[],
  checkpoint: Position,
): Promise<void> {
  await store.putMany([await folded(store, projection, target, events, checkpoint)])
}

/** What the batch makes of the view, still to be stored. */
export async function folded(
  store: ViewStore,
  projection: AnyProjection,
  target: ViewCollection,
  events: readonly StoredEvent[],
  checkpoint: Position,
): Promise<ViewBatch> {
  const touched: { key: string; event: StoredEvent; handler: AnyHandler }[] = []
  const keys = new Set<string>()
  for (const event of events) {
    if (!Object.hasOwn(projection.on, event.type)) continue
    // Looked up by the event's own type, so the handler's Data is this event's data.
    const handler = projection.on[event.type] as unknown as AnyHandler
    const found = handler.keys(event)
    if (found === undefined) continue
    for (const key of typeof found === 'string' ? [found] : found) {
      touched.push({ key, event, handler })
      keys.add(key)
    }
  }
  if (touched.length === 0) return { view: target, documents: [], checkpoint }
  const stored = await store.getMany(target, [...keys])
  const documents = new Map<string, unknown>()
  for (const [key, { document }] of stored) documents.set(key, document)
  const changed = new Map<string, Position>()
  for (const { key, event, handler } of touched) {
    // A crash between documents and checkpoint, or another process, has applied it already.
    const seen = stored.get(key)
    if (seen && event.position <= seen.position) continue
    const next = handler.project(documents.get(key), event, key)
    documents.set(key, next)
    changed.set(key, event.position)
  }
  return {
    view: target,
    documents: [...changed].map(([key, position]) => ({
      key,
      document: documents.get(key),
      position,
    })),
    checkpoint,
  }
}
