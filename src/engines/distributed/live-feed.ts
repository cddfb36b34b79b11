/**
 * Text of running invocations through Redis: one capped stream for each, written by the process that
 * calls the provider and read once by each process that listens, from any place on.
 *
 * A publisher never waits and a slow listener holds nobody. While Redis is away listeners wait; then
 * they go on without a gap, or, where the stream is gone, with what comes. `end` may be lost with it:
 * the log has the truth. Listening to what nobody publishes lasts until `signal`.
 */
import type { LiveFeed } from '../../ports/live-feed.ts'
import type { Logger } from '../../ports/logger.ts'
import type { RedisParts } from './redis/connection.ts'
import { FeedReader } from './redis/feed-reader.ts'
import { createFeedSeal } from './redis/feed-seal.ts'
import { type Heard, unheard } from './redis/feed-stream.ts'
import { FeedWriter } from './redis/feed-writer.ts'

export interface LiveFeedLimits {
  /** Kept for Redis while it is away, of all invocations. */
  readonly outBytes: number
  /** Kept for one listener that does not take it. */
  readonly listenerBytes: number
}
const LIMITS: LiveFeedLimits = { outBytes: 8 * 1024 * 1024, listenerBytes: 256 * 1024 }
const WRITE_WITHIN_MS = 2_000
const GOODBYE_MS = 500

export interface LiveFeedOptions {
  readonly redis: RedisParts
  readonly logger: Logger
  /** All processes have the same; the text is sealed with what is made of it. */
  readonly masterKey: Uint8Array
  /** Others that open it. */
  readonly otherMasterKeys?: readonly Uint8Array[] | undefined
  readonly limits?: LiveFeedLimits
}

export function createLiveFeed(options: LiveFeedOptions): LiveFeed & { close(): Promise<void> } {
  const { redis, logger, limits = LIMITS } = options
  const keyOf = (invocationId: string) => redis.key(`feed:${invocationId}`)
  const client = redis.connect({ commandTimeout: WRITE_WITHIN_MS })
  const seal = createFeedSeal(options.masterKey, options.otherMasterKeys)
  const writer = new FeedWriter(client, { logger, seal, maxBytes: limits.outBytes })
  const reader = new FeedReader(redis, { logger, seal, queueBytes: limits.listenerBytes })
  return {
    publish(invocationId, item) {
      writer.write(keyOf(invocationId), item)
    },
    async *listen(invocationId, { after, signal }) {
      if (signal.aborted) return
      const key = keyOf(invocationId)
      const listener = reader.listen(key, signal)
      let heard: Heard | undefined = after
      try {
        for (;;) {
          const entry = await listener.next()
          if (entry === undefined) return
          if (entry.item.kind === 'end') {
            yield entry.item
            return
          }
          const delta = unheard(entry.item, heard)
          if (delta === undefined) continue
          heard = delta
          yield delta
        }
      } finally {
        reader.leave(key, listener)
      }
    },
    async close() {
      await writer.close(GOODBYE_MS)
      reader.close()
    },
  }
}
