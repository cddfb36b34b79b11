/** The parts of an engine that Redis holds, under a name of their own that is removed in the end. */
import { onTestFinished } from 'vitest'
import { createCounters } from '../../../src/engines/distributed/counters.ts'
import { createJobQueue } from '../../../src/engines/distributed/job-queue.ts'
import { createLiveFeed, type LiveFeedLimits } from '../../../src/engines/distributed/live-feed.ts'
import { openRedis } from '../../../src/engines/distributed/redis/connection.ts'
import type { Clock } from '../../../src/ports/clock.ts'
import type { Logger } from '../../../src/ports/logger.ts'
import { dropRedisKeys, freshNamespace } from '../../support/distributed.ts'
import { silent } from '../../support/silent.ts'

export const MASTER_KEY = new Uint8Array(32).fill(7)

export interface PartsOptions {
  readonly url: string
  readonly namespace?: string
  readonly clock?: Clock | undefined
  readonly logger?: Logger
  readonly lockMs?: number
  readonly checkEveryMs?: number
  readonly limits?: LiveFeedLimits
}

export async function openParts(options: PartsOptions) {
  const { url, namespace = freshNamespace(), logger = silent, limits } = options
  const { lockMs = 20_000, checkEveryMs = 5_000 } = options
  const redis = await openRedis({ url, namespace, logger })
  const jobs = createJobQueue({ redis, logger, lockMs, checkEveryMs })
  const feed = createLiveFeed({
    redis,
    logger,
    masterKey: MASTER_KEY,
    ...(limits ? { limits } : {}),
  })
  const counters = createCounters({ redis, clock: options.clock })
  let closed: Promise<void> | undefined
  const close = () =>
    (closed ??= (async () => {
      await feed.close()
      await jobs.close()
      await redis.close()
    })())
  onTestFinished(async () => {
    await close()
    if (options.namespace === undefined) await dropRedisKeys(namespace, url)
  })
  return { namespace, redis, jobs, feed, counters, close }
}
