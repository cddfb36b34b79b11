/**
 * DismissPaddleEvent: an administrator wants no more of what is parked, such as the messages of another
 * product on the same account at Paddle. It stays on the list, with who and why, and a replay puts it
 * back; it waits for nothing any more.
 */
import type { ParkedReason } from '../../domain/paddle-event/events.ts'
import { paddleEvent } from '../../domain/paddle-event/paddle-event.ts'
import type { Position } from '../../ports/event-store.ts'
import { parkedWithin } from '../../projections/paddle-events.ts'
import { type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'

/** So many parked ones are looked at by one wish at most: each is an append of its own. */
export const MAX_DISMISSED = 500

/**
 * Answers the position of what was written; undefined: it was dismissed before.
 * @throws Refusal paddle_event_not_found, paddle_event_not_parked
 */
export async function dismissPaddleEvent(
  { streams, ids }: Pick<Deps, 'streams' | 'ids'>,
  root: Root,
  { eventId, note }: { readonly eventId: string; readonly note: string },
): Promise<Position | undefined> {
  const { position } = await streams.transact(
    paddleEvent,
    eventId,
    { type: 'Dismiss', note, at: root.at },
    step(ids, root, `dismiss:${eventId}`),
  )
  return position
}

export interface Dismissal {
  readonly note: string
  /** Only those that are parked for this; undefined: for whatever. */
  readonly reason?: ParkedReason | undefined
  /** Received at this time or later; undefined: since ever. */
  readonly from?: string | undefined
  /** Received before this time. */
  readonly before: string
}

export interface DismissedRange {
  readonly dismissed: number
  /** There are more: they begin with this time of reception. */
  readonly next: string | undefined
  readonly position: Position | undefined
}

/** All that are parked, oldest first. What was applied since it was listed is left alone. */
export async function dismissPaddleEvents(
  deps: Pick<Deps, 'streams' | 'ids' | 'views'>,
  root: Root,
  { note, reason, from, before }: Dismissal,
): Promise<DismissedRange> {
  const page = { from, to: before, limit: MAX_DISMISSED }
  const { items, more } = await parkedWithin(deps.views, page)
  let dismissed = 0
  let position: Position | undefined
  for (const one of items) {
    if (reason !== undefined && one.reason !== reason) continue
    const { eventId } = one
    // The list may be behind: whatever became of it meanwhile is its end.
    const { state } = await deps.streams.load(paddleEvent, eventId)
    if (state?.status !== 'parked') continue
    position = (await dismissPaddleEvent(deps, root, { eventId, note })) ?? position
    dismissed++
  }
  const next = more ? items.at(-1)?.receivedAt : undefined
  return { dismissed, next, position }
}
