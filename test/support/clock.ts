/** A clock that stands still until it is moved. */
import type { Clock } from '../../src/ports/clock.ts'

export interface FakeClock extends Clock {
  /** Moves forward (or back) by milliseconds. */
  advance(ms: number): void
}

export function fakeClock(start = '2026-11-01T12:00:00.000Z'): FakeClock {
  let now = Date.parse(start)
  return {
    now: () => new Date(now),
    elapsedMs: () => now,
    advance(ms) {
      now += ms
    },
  }
}
