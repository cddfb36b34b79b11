/**
 * Notices a subscription that stays open and brings nothing though the log has moved on: a proxy that
 * keeps half a connection, a server that forgot. Nothing else would, since silence is also how it looks
 * when nothing is written.
 */
import type { Position } from '../../../ports/event-store.ts'
import { pause } from './pace.ts'

export interface Watched {
  readonly everyMs: number
  /** Where the log ends. */
  readonly head: () => Promise<Position>
  /** How far the subscription has come. */
  readonly reached: () => Position
  readonly signal: AbortSignal
}

/** Resolves true when it was behind at one look and had not moved at the next; false when `signal` aborts. */
export async function stalled({ everyMs, head, reached, signal }: Watched): Promise<boolean> {
  let before = reached()
  let behind = false
  for (;;) {
    await pause(everyMs, signal)
    if (signal.aborted) return false
    const now = reached()
    if (now !== before) behind = false
    else if (behind) return true
    else
      behind = await head().then(
        (end) => end > reached(),
        // A server that does not answer is noticed by the connection.
        () => false,
      )
    before = now
  }
}
