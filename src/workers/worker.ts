/**
 * A worker reacts to events by doing IO and issuing commands; it never writes streams or views itself.
 * An event makes a job with an id derived from it; the queue may lose jobs, because every worker's work
 * is found again by a sweep over the views.
 */
import type { Deps } from '../commands/deps.ts'
import type { JobWorker } from '../ports/job-queue.ts'
import type { StoredEvent } from '../ports/event-store.ts'

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
const VIEWS_WITHIN_MS = 1_000

export interface Workers {
  start(): void
  /** Runs every sweep once, now. Also at a start, before anything else. */
  sweep(): Promise<void>
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
  let timer: NodeJS.Timeout | undefined
  let sweeping: Promise<void> = Promise.resolve()

  async function runSweeps(): Promise<void> {
    for (const sweep of sweeps) {
      if (abort.signal.aborted) return
      try {
        const found = await sweep.run(abort.signal)
        if (found === 0) continue
        logger.info({ sweep: sweep.name, found }, 'sweep took up unfinished work')
        // The next sweep looks at views: it should see what this one has written.
        await views.passed(streams.lastWritten(), VIEWS_WITHIN_MS)
      } catch (error) {
        logger.error({ sweep: sweep.name, error }, 'sweep failed')
      }
    }
  }

  const sweepInTurn = () => (sweeping = sweeping.then(runSweeps))

  function schedule() {
    timer = setTimeout(() => {
      void sweepInTurn().then(() => {
        if (!abort.signal.aborted) schedule()
      })
    }, SWEEP_EVERY_MS)
    timer.unref()
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
      schedule()
    },
    sweep: sweepInTurn,
    async stop() {
      abort.abort()
      clearTimeout(timer)
      await Promise.all([sweeping, ...running.map((worker) => worker.stop())])
    },
    onEvents(events) {
      for (const event of events)
        for (const worker of workers) {
          const job = worker.on?.[event.type]?.(event)
          if (job)
            jobs
              .add(worker.name, [job])
              .catch((error: unknown) =>
                logger.warn({ worker: worker.name, error }, 'job not added'),
              )
        }
    },
  }
}
