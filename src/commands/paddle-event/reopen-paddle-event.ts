/**
 * ReopenPaddleEvent: an administrator wants an event applied again, one or all of a time. Where nothing
 * has changed nothing comes of it: the streams know the message.
 */
import { paddleEvent } from '../../domain/paddle-event/paddle-event.ts'
import type { Position } from '../../ports/event-store.ts'
import { receivedWithin } from '../../projections/paddle-events.ts'
import { type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'

/** So many are opened again by one wish at most: each is an append of its own. */
export const MAX_REOPENED = 500

/** @throws Refusal paddle_event_not_found */
export async function reopenPaddleEvent(
  { streams, ids }: Pick<Deps, 'streams' | 'ids'>,
  root: Root,
  eventId: string,
): Promise<Position | undefined> {
  const { position } = await streams.transact(
    paddleEvent,
    eventId,
    { type: 'Reopen', at: root.at },
    step(ids, root, `reopen:${eventId}`),
  )
  return position
}

export interface ReopenedRange {
  readonly reopened: number
  /** There are more: they begin with this time of reception. */
  readonly next: string | undefined
  readonly position: Position | undefined
}

/** All that were received from `from` until before `to`, oldest first. */
export async function reopenPaddleEvents(
  deps: Pick<Deps, 'streams' | 'ids' | 'views'>,
  root: Root,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<ReopenedRange> {
  const found = await receivedWithin(deps.views, { from, to, limit: MAX_REOPENED })
  let position: Position | undefined
  for (const { eventId } of found.items)
    position = (await reopenPaddleEvent(deps, root, eventId)) ?? position
  const next = found.more ? found.items.at(-1)?.receivedAt : undefined
  return { reopened: found.items.length, next, position }
}
