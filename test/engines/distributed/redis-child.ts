/**
 * A process of its own beside a test: `work` takes a job and holds it, `reserve` takes what it can of
 * one limit, `idle` opens everything. It ends by itself when it is told to stop.
 */
import { once } from 'node:events'
import { createCounters } from '../../../src/engines/distributed/counters.ts'
import { createJobQueue } from '../../../src/engines/distributed/job-queue.ts'
import { createLiveFeed } from '../../../src/engines/distributed/live-feed.ts'
import { openRedis } from '../../../src/engines/distributed/redis/connection.ts'
import { silent as logger } from '../../support/silent.ts'

const [mode = '', url = '', namespace = ''] = process.argv.slice(2)
const say = (line: string) => process.stdout.write(`${line}\n`)

const redis = await openRedis({ url, namespace, logger })
const jobs = createJobQueue({ redis, logger, lockMs: 1_000, checkEveryMs: 250 })
const feed = createLiveFeed({ redis, logger, masterKey: new Uint8Array(32) })
const counters = createCounters({ redis })

if (mode === 'reserve') {
  const rate = { kind: 'window', key: 'shared', limit: 150, windowMs: 600_000, units: 1 } as const
  say('ready')
  await once(process.stdin, 'data')
  const answers = await Promise.all(Array.from({ length: 200 }, () => counters.reserve([rate])))
  say(`passed ${answers.filter(({ ok }) => ok).length}`)
} else {
  const listening = new AbortController()
  const heard = feed.listen('inv', { signal: listening.signal })[Symbol.asyncIterator]().next()
  jobs.work(
    'calls',
    async ({ id, attempt }, signal) => {
      say(`started ${id} ${attempt}`)
      if (!signal.aborted) await once(signal, 'abort')
      throw new Error('aborted')
    },
    { concurrency: 1 },
  )
  say('ready')
  await once(process.stdin, 'data')
  listening.abort()
  await heard
}
await feed.close()
await jobs.close()
await redis.close()
process.stdin.destroy()
say('closed')
