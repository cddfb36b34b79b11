/** Jobs through our adapter beside BullMQ as it comes, with the same options: added and run, to the last. */
import { setTimeout as delay } from 'node:timers/promises'
import { Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { createJobQueue } from '../../../src/engines/distributed/job-queue.ts'
import { openRedis } from '../../../src/engines/distributed/redis/connection.ts'
import {
  type Bench,
  cpuSince,
  inTurns,
  rowOf,
  type Row,
  type Sample,
  type Settings,
} from '../../harness.ts'
import { urlOf, withNamespace } from '../../servers.ts'
import { onlyErrors } from '../../system.ts'
import { cpuSaid } from './events.ts'

const AT_ONCE = 16
const LEAST = 0.9
/** Jobs in one call, as a sweep adds them. */
const TOGETHER = 100
const LOCK_MS = 20_000
const CHECK_EVERY_MS = 5_000
const EVENTS_KEPT = 100
const ATTEMPTS = 5

interface NewJob {
  readonly id: string
  readonly payload: object
}
interface Side {
  add(jobs: readonly NewJob[]): Promise<unknown>
  /** Calls `ran` for each job. */
  work(ran: () => void): void
  close(): Promise<void>
}

async function ours(namespace: string): Promise<Side> {
  const redis = await openRedis({ url: urlOf('REDIS_URL'), namespace, logger: onlyErrors })
  const queue = createJobQueue({ redis, logger: onlyErrors })
  return {
    add: (jobs) => queue.add('bench', jobs),
    work: (ran) => queue.work('bench', async () => ran(), { concurrency: AT_ONCE }),
    async close() {
      await queue.close()
      await redis.close()
    },
  }
}

function bare(namespace: string): Side {
  const prefix = `{${namespace}}:bare`
  const connection = new Redis(urlOf('REDIS_URL'), { maxRetriesPerRequest: null })
  const queue = new Queue<object>('bench', {
    connection,
    prefix,
    streams: { events: { maxLen: EVENTS_KEPT } },
  })
  const workers: Worker[] = []
  const entry = ({ id, payload }: NewJob) => ({
    name: 'bench',
    data: payload,
    opts: {
      jobId: id,
      attempts: ATTEMPTS,
      backoff: { type: 'exponential', delay: 1_000 },
      stackTraceLimit: 0,
      removeOnComplete: true,
      removeOnFail: true,
    },
  })
  return {
    add(jobs) {
      const [first, ...more] = jobs.map(entry)
      if (first === undefined) return Promise.resolve()
      if (more.length === 0) return queue.add(first.name, first.data, first.opts)
      return queue.addBulk([first, ...more])
    },
    work(ran) {
      const lock = { lockDuration: LOCK_MS, stalledInterval: CHECK_EVERY_MS }
      const options = { connection, prefix, concurrency: AT_ONCE, ...lock }
      workers.push(new Worker('bench', async () => ran(), options))
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.close()))
      await queue.close()
      connection.disconnect()
    },
  }
}

const jobOf = (): NewJob => {
  const id = crypto.randomUUID()
  return {
    id: `call-${id}`,
    payload: { invocationId: `inv_${id}`, orgId: `org_${id}`, attempt: 1 },
  }
}

/** From the first job added to the last one run. */
async function turn(side: Side, count: number, together: number): Promise<Sample> {
  const all = Promise.withResolvers<void>()
  let ran = 0
  side.work(() => {
    if (++ran === count) all.resolve()
  })
  // A worker's connections are there before the first job comes.
  await delay(300)
  const cpuBefore = process.cpuUsage()
  const begun = performance.now()
  let added = 0
  const add = async () => {
    while (added < count) {
      const jobs = Array.from({ length: Math.min(together, count - added) }, jobOf)
      added += jobs.length
      await side.add(jobs)
    }
  }
  await Promise.all([...Array.from({ length: together > 1 ? 1 : AT_ONCE }, add), all.promise])
  const value = count / ((performance.now() - begun) / 1_000)
  return { value, cpuUs: cpuSince(cpuBefore) / count }
}

async function addedAndRun(settings: Settings, name: string, together: number): Promise<Row[]> {
  const count = settings.quick ? 1_500 : 6_000
  const timed = async (opened: Side) => {
    try {
      return await turn(opened, count, together)
    } finally {
      await opened.close()
    }
  }
  return withNamespace(async (namespace) => {
    const compared = await inTurns(
      settings.rounds,
      async () => timed(await ours(namespace)),
      () => timed(bare(namespace)),
    )
    const added = together > 1 ? `added ${together} at a time` : `${AT_ONCE} added at once`
    const given = {
      name,
      unit: 'jobs/s',
      besideName: 'BullMQ, the same options',
      target: { of: 'ratio', least: LEAST },
      notes: `${count} jobs, ${added}, ${AT_ONCE} run at once; ${cpuSaid(compared)}`,
    } as const
    return [rowOf(given, compared)]
  })
}

export const jobRows: readonly Bench[] = [
  {
    names: ['jobs'],
    title: 'jobs added one by one, and run',
    needs: ['REDIS_URL'],
    run: (settings) => addedAndRun(settings, 'jobs', 1),
  },
  {
    names: ['jobs-bulk'],
    title: 'jobs added a hundred at a time, and run',
    needs: ['REDIS_URL'],
    run: (settings) => addedAndRun(settings, 'jobs-bulk', TOGETHER),
  },
]
