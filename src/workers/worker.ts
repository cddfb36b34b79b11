/**
 * A worker reacts to events by doing IO and issuing commands; it never writes streams or views itself.
 * An event makes a job with an id derived from it; the queue may lose jobs, because every worker's work
 * is found again by a sweep over the views.
 */
import type { Deps } from '../commands/deps.ts'
import type { JobWorker } from '../ports/job-queue.ts'
import type { StoredEvent } from '../ports/event-store.ts'
import { Unavailable } from '../ports/unavailable.ts'
import { pause } from '../projections/pause.ts'

export interface Worker {
  /** What it does; the name of its queue. */
  readonly name: string
  readonly concurrency: number
  /** Which events make a job, by type. The payload is small and holds no personal data. */
  readonly on?: Readonly<Record<string, (event: StoredEvent) => NewJob | undefined>>
  readonly handle: (payload: never, signal: AbortSignal) => Promise<void>
}

export interface NewJob {
  readonly id: string
  readonly payload: unknown
  readonly delayMs?: number
}

/** Looks from the views for what a crash or a lost queue has left unfinished. */
export interface Sweep {
  readonly name: string
  /** Answers how many things it took up. */
  readonly run: (signal: AbortSignal) => Promise<number>
}

const SWEEP_EVERY_MS = 30_000
/** A store was away, or the views are still on their way at a start: again so soon, then ever later. */
const SWEEP_AGAIN_MS = 500
const VIEWS_WITHIN_MS = 1_000
/** A worker looks at the views: its job waits until they have the event, but not for long. */
const EVENT_IN_VIEWS_WITHIN_MS = 2_000
/** So many events wait to become jobs; beyond that the sweep finds the work. */
const MAX_WAITING = 10_000

export interface Workers {
  /** Takes jobs from now on. */
  start(): void
  /** Runs every sweep once, now. */
  sweep(): Promise<void>
  /**
   * Makes jobs of events, and sweeps, every 30 s and at the beginning, until `signal` aborts. Of several
   * processes one does.
   */
  tend(signal: AbortSignal): Promise<void>
  stop(): Promise<void>
  /** To be told of every event, once. */
  onEvents(events: readonly StoredEvent[]): void
}

export function createWorkers(
  deps: Pick<Deps, 'jobs' | 'logger' | 'streams' | 'views'>,
  workers: readonly Worker[],
  sweeps: readonly Sweep[],
): Workers {
  const { jobs, logger, streams, views } = deps
  const running: JobWorker[] = []
  const abort = new AbortController()
  let sweeping: Promise<void> = Promise.resolve()
  let sweepAt = Number.NEGATIVE_INFINITY
  /** Rounds in a row that a store was away for. */
  let roundsAway = 0
  /** How many tend, and what waits to become jobs. */
  let tending = 0
  let feeding: Promise<void> = Promise.resolve()
  let waiting = 0

  async function runSweeps(): Promise<void> {
    let away: { readonly sweep: string; readonly error: unknown } | undefined
    for (const sweep of sweeps) {
      if (abort.signal.aborted) return
      try {
        const found = await sweep.run(abort.signal)
        if (found === 0) continue
        logger.info({ sweep: sweep.name, found }, 'sweep took up unfinished work')
        // The next sweep looks at views: it should see what this one has written.
        await views.passed(streams.lastWritten(), VIEWS_WITHIN_MS)
      } catch (error) {
        if (error instanceof Unavailable) away ??= { sweep: sweep.name, error }
        else logger.error({ sweep: sweep.name, error }, 'sweep failed')
      }
    }
    if (away) logger.warn(away, 'sweeps wait for a store')
    const again = away
      ? Math.min(SWEEP_AGAIN_MS * 2 ** roundsAway++, SWEEP_EVERY_MS)
      : SWEEP_EVERY_MS
    if (!away) roundsAway = 0
    sweepAt = performance.now() + again
  }

  const sweepInTurn = () => (sweeping = sweeping.then(runSweeps))

  function jobOf(worker: Worker, event: StoredEvent): NewJob | undefined {
    try {
      return worker.on?.[event.type]?.(event)
    } catch (error) {
      const { type, position } = event
      logger.error({ worker: worker.name, type, position: String(position), error }, 'no job made')
      return undefined
    }
  }

  async function feed(events: readonly StoredEvent[]): Promise<void> {
    const last = events.at(-1)
    if (last) await views.passed(last.position, EVENT_IN_VIEWS_WITHIN_MS)
    for (const worker of workers) {
      const made = events.flatMap((event) => jobOf(worker, event) ?? [])
      if (made.length === 0) continue
      await jobs
        .add(worker.name, made)
        .catch((error: unknown) => logger.warn({ worker: worker.name, error }, 'jobs not added'))
    }
  }

  return {
    start() {
      for (const worker of workers)
        running.push(
          // A queue's jobs are made by this worker's own `on` and by its sweep.
          jobs.work(worker.name, (job, signal) => worker.handle(job.payload as never, signal), {
            concurrency: worker.concurrency,
          }),
        )
    },
    sweep: sweepInTurn,
    async tend(signal) {
      const until = AbortSignal.any([signal, abort.signal])
      tending++
      while (!until.aborted) {
        const due = sweepAt - performance.now()
        if (due > 0) await pause(due, until)
        else await sweepInTurn()
      }
      tending--
    },
    async stop() {
      abort.abort()
      await Promise.all([sweeping, feeding, ...running.map((worker) => worker.stop())])
    },
    onEvents(events) {
      if (tending === 0) return
      const wanted = events.filter((event) => workers.some((one) => one.on?.[event.type]))
      if (wanted.length === 0 || waiting + wanted.length > MAX_WAITING) return
      waiting += wanted.length
      feeding = feeding
        .then(() => feed(wanted))
        .finally(() => {
          waiting -= wanted.length
        })
    },
  }
}
