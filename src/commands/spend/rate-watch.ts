/**
 * Tells the operator's log when calls suddenly cost far more than they usually do: the last ten minutes
 * against the average of the day before them. Counts from the log as it is read; memory is a day of
 * minutes. It only tells: the ceiling is what refuses.
 */
import type { AccountData } from '../../domain/account/events.ts'
import { decimalFromNanos } from '../../domain/money.ts'
import type { Clock } from '../../ports/clock.ts'
import type { StoredEvent } from '../../ports/event-store.ts'
import type { Logger } from '../../ports/logger.ts'

const MINUTE_MS = 60_000
const RECENT_MINUTES = 10
const USUAL_MINUTES = 24 * 60
/** Before an hour has been seen nothing is usual. */
const SEEN_MINUTES = 60
const TIMES = 5n
/** A quarter of a dollar in ten minutes is nobody's alarm. */
const TRIFLE_NANOS = 250_000_000n
const QUIET_MINUTES = 60

export interface RateWatch {
  observe(events: readonly StoredEvent[]): void
}

export function createRateWatch({ clock, logger }: { clock: Clock; logger: Logger }): RateWatch {
  const minutes = new Map<number, bigint>()
  let first: number | undefined
  let looked = Number.NEGATIVE_INFINITY
  let quietUntil = Number.NEGATIVE_INFINITY

  function sumOf(from: number, to: number): bigint {
    let sum = 0n
    for (const [minute, cost] of minutes) if (minute >= from && minute < to) sum += cost
    return sum
  }

  function look(now: number): void {
    for (const minute of minutes.keys())
      if (minute < now - USUAL_MINUTES - RECENT_MINUTES) minutes.delete(minute)
    const recentFrom = now - RECENT_MINUTES + 1
    const usualFrom = Math.max(first ?? now, recentFrom - USUAL_MINUTES)
    const seen = recentFrom - usualFrom
    if (seen < SEEN_MINUTES || now < quietUntil) return
    const recent = sumOf(recentFrom, now + 1)
    const usual = (sumOf(usualFrom, recentFrom) * BigInt(RECENT_MINUTES)) / BigInt(seen)
    if (recent < TRIFLE_NANOS || recent <= usual * TIMES) return
    quietUntil = now + QUIET_MINUTES
    logger.warn(
      {
        recentUsd: decimalFromNanos(recent),
        usualUsd: decimalFromNanos(usual),
        minutes: RECENT_MINUTES,
      },
      'calls cost far more than usual: see GET /admin/spend',
    )
  }

  return {
    observe(events) {
      for (const { type, data, metadata } of events) {
        if (type !== 'HoldSettled') continue
        // By the stored contract of the account.
        const { costNanos, practice } = data as unknown as AccountData<'HoldSettled'>
        if (practice) continue
        const minute = Math.floor(Date.parse(metadata.recordedAt) / MINUTE_MS)
        first = Math.min(first ?? minute, minute)
        minutes.set(minute, (minutes.get(minute) ?? 0n) + BigInt(costNanos))
      }
      const now = Math.floor(clock.now().getTime() / MINUTE_MS)
      if (now === looked || minutes.size === 0) return
      looked = now
      look(now)
    },
  }
}
