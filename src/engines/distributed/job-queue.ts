/**
 * Jobs in Redis by BullMQ, shared by all processes. A job is a hint: whoever needs the work done looks
 * for it again, so Redis may be emptied at any moment.
 *
 * Adding fails within two seconds when Redis is away; workers go on by themselves when it is back. A
 * job whose worker died, or lost touch for longer than its lock, goes to another one with a higher
 * attempt; that is no failure, and neither is a stop. Nothing stays behind: a job that succeeded or was
 * dropped is removed, and of an error only that there was one gets into Redis.
 */
import {
  type Job as BullJob,
  type JobsOptions,
  Queue,
  UnrecoverableError,
  WaitingError,
  Worker,
} from 'bullmq'
import type { Redis } from 'ioredis'
import type { JobQueue, JobWorker } from '../../ports/job-queue.ts'
import type { Logger } from '../../ports/logger.ts'
import { endConnection, type RedisParts, unavailable, whenReady } from './redis/connection.ts'
import { plain } from './redis/plain.ts'
import { within } from './redis/within.ts'

const DEFAULT_MAX_ATTEMPTS = 5
const FIRST_RETRY_MS = 1_000
const LONGEST_RETRY_MS = 60_000
const ANSWER_WITHIN_MS = 1_500
/** Jobs of one transaction. */
const ADDED_AT_ONCE = 500
/** A dead worker's job is found after a lock and one or two checks. */
const LOCK_MS = 20_000
const CHECK_EVERY_MS = 5_000
/** When the handlers have ended, Redis gets so long to hear of it at a stop. */
const GOODBYE_MS = 2_000
/** Nobody reads BullMQ's own events. */
const EVENTS_KEPT = 100
const UNLIMITED = 1_000_000_000

export interface JobQueueOptions {
  readonly redis: RedisParts
  readonly logger: Logger
  /** How long a job belongs to a worker that says nothing, and how often such jobs are looked for. */
  readonly lockMs?: number
  readonly checkEveryMs?: number
}

export function createJobQueue(options: JobQueueOptions): JobQueue & { close(): Promise<void> } {
  const { redis, logger } = options
  const prefix = redis.key('jobs')
  const queues = new Map<string, Queue<Data>>()
  const workers = new Set<Working>()
  // A timer for each command would cost a third of what adding a job costs: here the connection that
  // is asked and says nothing is given up as a whole.
  const prompt = redis.connect({ commandTimeout: undefined, socketTimeout: ANSWER_WITHIN_MS })
  /** Once: later whoever asks while it is lost is refused at once. */
  const begun = whenReady(prompt, ANSWER_WITHIN_MS)
  const patient = redis.connect({
    enableOfflineQueue: true,
    maxRetriesPerRequest: null,
    autoResendUnfulfilledCommands: true,
    // BullMQ waits up to ten seconds in one command.
    socketTimeout: 15_000,
    commandTimeout: undefined,
  })

  function queueOf(name: string): Queue<Data> {
    let queue = queues.get(name)
    if (queue === undefined) {
      queue = new Queue<Data>(name, {
        connection: prompt,
        prefix,
        skipWaitingForReady: true,
        skipVersionCheck: true,
        streams: { events: { maxLen: EVENTS_KEPT } },
      })
      queue.on('error', (error) => logger.debug({ queue: name, error: plain(error) }, 'job queue'))
      queues.set(name, queue)
    }
    return queue
  }
  const asked = async <T>(answer: Promise<T>): Promise<T> => {
    try {
      return await answer
    } catch (error) {
      throw unavailable(error)
    }
  }

  return {
    async add(name, jobs) {
      const queue = queueOf(name)
      await begun
      const [first, ...more] = jobs
      // Alone it needs no transaction, which would take several times as long.
      if (first && more.length === 0) {
        await asked(queue.add(name, { payload: first.payload }, optionsOf(first)))
        return
      }
      for (let from = 0; from < jobs.length; from += ADDED_AT_ONCE) {
        const bulk = jobs
          .slice(from, from + ADDED_AT_ONCE)
          .map((job) => ({ name, data: { payload: job.payload }, opts: optionsOf(job) }))
        await asked(within(ANSWER_WITHIN_MS, queue.addBulk(bulk)))
      }
    },
    work(name, handler, { concurrency, maxAttempts = DEFAULT_MAX_ATTEMPTS }) {
      const working = new Working(name, handler, { ...options, patient, concurrency, maxAttempts })
      workers.add(working)
      return {
        async stop() {
          await working.stop()
          workers.delete(working)
        },
      }
    },
    async counts(name) {
      await begun
      const {
        wait = 0,
        prioritized = 0,
        active = 0,
        delayed = 0,
      } = await asked(queueOf(name).getJobCounts('wait', 'prioritized', 'active', 'delayed'))
      return { waiting: wait + prioritized, running: active, delayed }
    },
    async clear() {
      // Whatever the queues are called and whoever made them, like a Redis that was emptied.
      const { commands } = redis
      let cursor = '0'
      do {
        const page = commands.scan(cursor, 'MATCH', `${prefix}:*`, 'COUNT', 1_000)
        const [next, found] = await asked(page)
        if (found.length > 0) await asked(commands.unlink(...found))
        cursor = next
      } while (cursor !== '0')
      for (const working of workers) working.abortAll()
    },
    async close() {
      await Promise.all([...workers].map((working) => working.stop()))
      await Promise.all([...queues.values()].map((queue) => queue.close().catch(() => undefined)))
      await Promise.all([prompt, patient].map(endConnection))
    },
  }
}

interface Data {
  readonly payload: unknown
}

/** Nothing but its id is kept with a job: what becomes of a failed one, its worker knows. */
const optionsOf = ({ id, delayMs = 0 }: { id: string; delayMs?: number }): JobsOptions =>
  delayMs > 0 ? { jobId: encodeId(id), delay: delayMs } : { jobId: encodeId(id) }
/** The worker itself counts, since only it knows how often a job may fail. */
const TRIED_AGAIN: JobsOptions = {
  attempts: UNLIMITED,
  backoff: { type: 'custom' },
  stackTraceLimit: 0,
}

type Handler = Parameters<JobQueue['work']>[1]

interface WorkOptions extends JobQueueOptions {
  readonly patient: Redis
  readonly concurrency: number
  readonly maxAttempts: number
}

class Working implements JobWorker {
  readonly #name: string
  readonly #handler: Handler
  readonly #options: WorkOptions
  readonly #worker: Worker<Data>
  /** BullMQ's second connection of this worker, which waits for jobs. */
  readonly #waiting: Redis[] = []
  readonly #running = new Map<string, { abort: AbortController; taken: boolean }>()
  readonly #handlers = new Set<Promise<void>>()
  #stopped: Promise<void> | undefined

  constructor(name: string, handler: Handler, options: WorkOptions) {
    this.#name = name
    this.#handler = handler
    this.#options = options
    const { redis, logger, patient, concurrency } = options
    this.#worker = new Worker<Data>(name, (job, token) => this.#process(job, token), {
      connection: recordingDuplicates(patient, this.#waiting),
      prefix: redis.key('jobs'),
      concurrency,
      lockDuration: options.lockMs ?? LOCK_MS,
      stalledInterval: options.checkEveryMs ?? CHECK_EVERY_MS,
      maxStalledCount: UNLIMITED,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
      runRetryDelay: 1_000,
      settings: { backoffStrategy: (attempts) => retryAfter(attempts) },
    })
    this.#worker.on('error', (error) => {
      const level = redis.isAway() ? 'debug' : 'warn'
      logger[level]({ queue: name, error: plain(error) }, 'job worker')
    })
    this.#worker.on('lockRenewalFailed', (ids) => {
      for (const id of ids) this.#takeAway(id)
    })
  }

  abortAll(): void {
    for (const id of this.#running.keys()) this.#takeAway(id)
  }

  stop(): Promise<void> {
    return (this.#stopped ??= this.#stop())
  }

  async #stop(): Promise<void> {
    const closed = this.#worker.close()
    for (const { abort } of this.#running.values()) abort.abort()
    while (this.#handlers.size > 0) await Promise.all(this.#handlers)
    try {
      await within(GOODBYE_MS, closed)
    } catch {
      // Redis is away. Its jobs are given to others when their locks end, as after a crash.
      await Promise.all(this.#waiting.map(endConnection))
    }
  }

  #takeAway(id: string): void {
    const running = this.#running.get(id)
    if (running === undefined) return
    running.taken = true
    running.abort.abort()
  }

  async #process(job: BullJob<Data>, token: string | undefined): Promise<void> {
    Object.assign(job.opts, TRIED_AGAIN)
    const id = job.id ?? ''
    const running = { abort: new AbortController(), taken: false }
    let thrown: { readonly error: unknown } | undefined
    if (this.#stopped === undefined) {
      this.#running.set(id, running)
      const handled = this.#handle(job, running.abort.signal)
      const settled = handled.then(
        () => undefined,
        (error: unknown) => void (thrown = { error }),
      )
      this.#handlers.add(settled)
      await settled
      this.#handlers.delete(settled)
      if (this.#running.get(id) === running) this.#running.delete(id)
      if (thrown === undefined && !running.taken) return
    }
    // Whoever has it now decides what becomes of it.
    if (running.taken) throw new WaitingError('taken away')
    if (this.#stopped !== undefined) {
      await job.moveToWait(token)
      throw new WaitingError('stopping')
    }
    this.#fail(job, thrown?.error)
  }

  async #handle(job: BullJob<Data>, signal: AbortSignal): Promise<void> {
    const { payload } = job.data
    const id = decodeId(job.id ?? '')
    await this.#handler({ id, queue: this.#name, payload, attempt: job.attemptsStarted }, signal)
  }

  /** Throws for BullMQ; what went wrong stays here, since it may say something about somebody. */
  #fail(job: BullJob<Data>, error: unknown): never {
    const dropped = job.attemptsMade + 1 >= this.#options.maxAttempts
    const [id, attempt] = [decodeId(job.id ?? ''), job.attemptsStarted]
    this.#options.logger.warn({ queue: this.#name, id, attempt, dropped, err: error }, 'job failed')
    throw dropped ? new UnrecoverableError('failed') : new Error('failed')
  }
}

const retryAfter = (attempts: number): number =>
  Math.round(
    Math.min(FIRST_RETRY_MS * 2 ** (attempts - 1), LONGEST_RETRY_MS) * (1 + Math.random() / 4),
  )

/** BullMQ accepts no numbers and no colons, and keeps names of its own beside the ids. */
const encodeId = (id: string): string => `job-${encodeURIComponent(id)}`
const decodeId = (encoded: string): string => decodeURIComponent(encoded.slice('job-'.length))

/** The connection as BullMQ sees it; the copies that it makes of it can be ended from here. */
function recordingDuplicates(client: Redis, copies: Redis[]): Redis {
  return new Proxy(client, {
    get(target, property) {
      if (property === 'duplicate') {
        return (...options: Parameters<Redis['duplicate']>) => {
          const copy = target.duplicate(...options)
          copies.push(copy)
          return copy
        }
      }
      const value: unknown = Reflect.get(target, property, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}
