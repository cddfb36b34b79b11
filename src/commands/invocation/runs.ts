/**
 * Which runs of processes live. A call that a dead run had started is interrupted; one of a run that may
 * live is left alone, so in doubt a run lives: its calls then end by their own deadline.
 */
import type { Clock } from '../../ports/clock.ts'
import type { Counters } from '../../ports/counters.ts'
import type { Logger } from '../../ports/logger.ts'

const BEAT_MS = 10_000
const BEAT_LASTS_MS = 30_000
/** Missing for so long while the counters answer: dead. Lost counters are filled again in one beat. */
const DEAD_AFTER_MS = 60_000

export interface Runs {
  /** No other process works on this log. */
  readonly alone: boolean
  isDead(runId: string): Promise<boolean>
  /** This run says that it lives, now and every ten seconds. */
  start(): void
  stop(): void
}

export interface RunsOptions {
  readonly runId: string
  /** No other process works on this log: every other run is dead. */
  readonly alone: boolean
}

export function createRuns(
  { counters, clock, logger }: { counters: Counters; clock: Clock; logger: Logger },
  { runId: own, alone }: RunsOptions,
): Runs {
  // By the date a process whose clock is set right would take living runs for dead.
  const elapsedMs = clock.elapsedMs ?? (() => performance.now())
  const missingSince = new Map<string, number>()
  let timer: NodeJS.Timeout | undefined

  const beat = () =>
    counters
      .set(`run:${own}`, '1', BEAT_LASTS_MS)
      .catch((error: unknown) => logger.warn({ error }, 'heartbeat not written'))

  return {
    alone,
    async isDead(runId) {
      if (runId === own) return false
      if (alone) return true
      const now = elapsedMs()
      let living: string | undefined
      try {
        living = await counters.get(`run:${runId}`)
      } catch {
        // Nobody can be heard, so nobody's silence means anything.
        missingSince.clear()
        return false
      }
      if (living !== undefined) {
        missingSince.delete(runId)
        return false
      }
      const since = missingSince.get(runId) ?? now
      missingSince.set(runId, since)
      return now - since >= DEAD_AFTER_MS
    },
    start() {
      if (alone || timer) return
      void beat()
      timer = setInterval(() => void beat(), BEAT_MS).unref()
    },
    stop() {
      clearInterval(timer)
      timer = undefined
    },
  }
}
