/**
 * The holds that have ended, remembered just long enough that none can be placed twice: a hold is
 * refused when its request is older than a minute, so after many times that nobody can ask again.
 * Two generations by the time in the events; when the younger has lasted long enough, the older goes.
 */
import { PersistentMap } from './persistent-map.ts'

/** Twice the longest a call may take (CALL_LIMIT, 10 minutes). Each ended hold is kept at least so long. */
export const ENDED_HOLDS_KEPT_MS = 20 * 60_000

export type HoldEnd = 'settled' | 'released'

export interface EndedHolds {
  /** When the younger generation began, epoch milliseconds. */
  readonly since: number
  readonly younger: PersistentMap<HoldEnd>
  readonly older: PersistentMap<HoldEnd>
}

export const noEndedHolds: EndedHolds = {
  since: 0,
  younger: PersistentMap.empty(),
  older: PersistentMap.empty(),
}

export const endOf = (ended: EndedHolds, invocationId: string): HoldEnd | undefined =>
  ended.younger.get(invocationId) ?? ended.older.get(invocationId)

export function rememberEnd(
  ended: EndedHolds,
  invocationId: string,
  end: HoldEnd,
  at: string,
): EndedHolds {
  const now = Date.parse(at)
  if (now - ended.since < ENDED_HOLDS_KEPT_MS)
    return { ...ended, younger: ended.younger.set(invocationId, end) }
  const younger = PersistentMap.empty<HoldEnd>().set(invocationId, end)
  return { since: now, younger, older: ended.younger }
}
