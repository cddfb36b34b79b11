/**
 * Jobs in memory. A stop of the process forgets them: the sweeps find the work again in the views.
 *
 * One record per id from `add` until it succeeds or is dropped, so adding twice is adding once, also
 * while it runs.
 */
import type { Job, JobQueue, JobWorker } from '../../ports/job-queue.ts'
import type { Logger } from '../../ports/logger.ts'

const DEFAULT_MAX_ATTEMPTS = 5
const FIRST_RETRY_MS = 1_000
const LONGEST_RETRY_MS = 60_000
/** Jobs of one queue at once; more are not taken, the next sweep offers them again. */
const MAX_JOBS = 100_000
const MAX_TIMER_MS = 2 ** 31 - 1

interface Entry {
  readonly id: string
  readonly payload: unknown
  attempt: number
  delayMs: number
  state: 'waiting' | 'delayed' | 'running' | 'gone'
  timer: NodeJS.Timeout | undefined
  abort: AbortController | undefined
}

export function createJobQueue(logger: Logger): JobQueue & { close(): Promise<void> } {
  const queues = new Map<string, Queue>()
  const queueOf = (name: string) => {
    const queue = queues.get(name) ?? new Queue(name, logger)
    queues.set(name, queue)
    return queue
  }
  return {
    add: async (name, jobs) => queueOf(name).add(jobs),
    work: (name, handler, options) => queueOf(name).work(handler, options),
    counts: async (name) => queueOf(name).counts(),
    clear: async () => {
      for (const queue of queues.values()) queue.clear()
    },
    close: async () => {
      await Promise.all([...queues.values()].map((queue) => queue.close()))
    },
  }
}

class Queue {
  readonly #name: string
  readonly #logger: Logger
  readonly #entries = new Map<string, Entry>()
  readonly #workers = new Set<Worker>()
  /** Jobs that may run now, oldest first; taken ones before `#taken` are cut off now and then. */
  #ready: Entry[] = []
  #taken = 0
  #closed = false

  constructor(name: string, logger: Logger) {
    this.#name = name
    this.#logger = logger
  }

  add(jobs: Parameters<JobQueue['add']>[1]): void {
    for (const { id, payload, delayMs = 0 } of jobs) {
      if (this.#closed || this.#entries.has(id) || this.#entries.size >= MAX_JOBS) continue
      const entry: Entry = {
        id,
        payload,
        attempt: 1,
        delayMs,
        state: 'waiting',
        timer: undefined,
        abort: undefined,
      }
      this.#entries.set(id, entry)
      this.#release(entry)
    }
    this.#wakeWorkers()
  }

  work(handler: Handler, options: { concurrency: number; maxAttempts?: number }): JobWorker {
    const worker = new Worker(this, handler, options.concurrency, {
      done: (entry) => this.#finish(entry),
      failed: (entry, error, stopping) =>
        this.#failed(entry, error, stopping, options.maxAttempts ?? DEFAULT_MAX_ATTEMPTS),
      stopped: () => this.#workers.delete(worker),
    })
    this.#workers.add(worker)
    worker.pump()
    return worker
  }

  take(): { entry: Entry; job: Job } | undefined {
    while (this.#taken < this.#ready.length) {
      const entry = this.#ready[this.#taken++]
      if (this.#taken > 1_024 && this.#taken * 2 > this.#ready.length) {
        this.#ready = this.#ready.slice(this.#taken)
        this.#taken = 0
      }
      if (entry?.state !== 'waiting') continue
      entry.state = 'running'
      entry.abort = new AbortController()
      const { id, payload, attempt } = entry
      return { entry, job: { id, queue: this.#name, payload, attempt } }
    }
    return undefined
  }

  counts(): { waiting: number; running: number; delayed: number } {
    const counts = { waiting: 0, running: 0, delayed: 0 }
    for (const { state } of this.#entries.values()) if (state !== 'gone') counts[state]++
    return counts
  }

  clear(): void {
    for (const entry of this.#entries.values()) {
      clearTimeout(entry.timer)
      entry.state = 'gone'
      entry.abort?.abort()
    }
    this.#entries.clear()
    this.#ready = []
    this.#taken = 0
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#workers].map((worker) => worker.stop()))
    this.clear()
  }

  /** Makes a job ready, after its delay. */
  #release(entry: Entry): void {
    if (entry.delayMs <= 0) {
      entry.state = 'waiting'
      this.#ready.push(entry)
      return
    }
    entry.state = 'delayed'
    const step = Math.min(entry.delayMs, MAX_TIMER_MS)
    entry.delayMs -= step
    entry.timer = setTimeout(() => {
      this.#release(entry)
      this.#wakeWorkers()
    }, step)
    entry.timer.unref()
  }

  #finish(entry: Entry): void {
    if (entry.state === 'gone') return
    entry.state = 'gone'
    this.#entries.delete(entry.id)
  }

  #failed(entry: Entry, error: unknown, stopping: boolean, maxAttempts: number): void {
    if (entry.state === 'gone') return
    const { id, attempt } = entry
    const dropped = attempt >= maxAttempts
    if (!stopping) {
      this.#logger.warn({ queue: this.#name, id, attempt, dropped, err: error }, 'job failed')
    }
    if (dropped) {
      this.#finish(entry)
      return
    }
    entry.attempt++
    entry.delayMs = stopping ? 0 : Math.min(FIRST_RETRY_MS * 2 ** (attempt - 1), LONGEST_RETRY_MS)
    this.#release(entry)
    this.#wakeWorkers()
  }

  #wakeWorkers(): void {
    for (const worker of this.#workers) worker.pump()
  }
}

type Handler = (job: Job, signal: AbortSignal) => Promise<void>
interface Outcomes {
  done(entry: Entry): void
  failed(entry: Entry, error: unknown, stopping: boolean): void
  stopped(): void
}

class Worker implements JobWorker {
  readonly #queue: Queue
  readonly #handler: Handler
  readonly #concurrency: number
  readonly #outcomes: Outcomes
  readonly #running = new Map<Entry, Promise<void>>()
  #stopping = false

  constructor(queue: Queue, handler: Handler, concurrency: number, outcomes: Outcomes) {
    this.#queue = queue
    this.#handler = handler
    this.#concurrency = concurrency
    this.#outcomes = outcomes
  }

  /** Takes jobs while there is room. Handlers start in a later microtask, never inside `add`. */
  pump(): void {
    while (!this.#stopping && this.#running.size < this.#concurrency) {
      const taken = this.#queue.take()
      if (taken === undefined) return
      this.#running.set(taken.entry, this.#run(taken.entry, taken.job))
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true
    for (const entry of this.#running.keys()) entry.abort?.abort()
    await Promise.all(this.#running.values())
    this.#outcomes.stopped()
  }

  async #run(entry: Entry, job: Job): Promise<void> {
    const signal = (entry.abort ??= new AbortController()).signal
    await Promise.resolve()
    try {
      await this.#handler(job, signal)
      this.#running.delete(entry)
      this.#outcomes.done(entry)
    } catch (error) {
      this.#running.delete(entry)
      this.#outcomes.failed(entry, error, this.#stopping)
    }
    this.pump()
  }
}
