/**
 * Text of running invocations, in memory: per invocation the last 256 KiB, for all together 64 MiB.
 *
 * A publisher never waits: a listener reads from the shared buffer at its own pace, and one that falls
 * out of the buffer goes on with the oldest piece that is left (it sees the gap in the offsets; the
 * content store has the whole text after the end). After `end` a feed is kept for a minute. Listening to
 * an invocation that is not known waits for its first piece until `signal`: the caller decides how long.
 */
import type { FeedItem, LiveFeed } from '../../ports/live-feed.ts'

type Delta = Extract<FeedItem, { kind: 'delta' }>

export interface LiveFeedLimits {
  readonly feedBytes: number
  readonly totalBytes: number
  readonly keepMs: number
}
const LIMITS: LiveFeedLimits = {
  feedBytes: 256 * 1024,
  totalBytes: 64 * 1024 * 1024,
  keepMs: 60_000,
}
/** What a piece costs beside its text, so that many tiny ones are bounded too. */
const OVERHEAD_BYTES = 64

interface Kept {
  readonly delta: Delta
  readonly bytes: number
}
interface Feed {
  /** Pieces kept; the first has the number `first`. */
  kept: Kept[]
  first: number
  bytes: number
  ended: boolean
  readonly listeners: Set<() => void>
  forget: NodeJS.Timeout | undefined
}

export function createLiveFeed(limits: LiveFeedLimits = LIMITS): LiveFeed & { close(): void } {
  const feeds = new Map<string, Feed>()
  let total = 0

  function feedOf(id: string): Feed {
    let feed = feeds.get(id)
    if (feed === undefined) {
      feed = { kept: [], first: 0, bytes: 0, ended: false, listeners: new Set(), forget: undefined }
      feeds.set(id, feed)
    }
    return feed
  }
  /** Drops the oldest pieces until `allowed` bytes are left. */
  function shrink(feed: Feed, allowed: number): void {
    let gone = 0
    let bytes = feed.bytes
    while (bytes > allowed) bytes -= feed.kept[gone++]?.bytes ?? bytes
    if (gone === 0) return
    feed.kept.splice(0, gone)
    feed.first += gone
    total -= feed.bytes - bytes
    feed.bytes = bytes
  }
  function remove(id: string, feed: Feed): void {
    clearTimeout(feed.forget)
    shrink(feed, 0)
    if (feeds.get(id) === feed) feeds.delete(id)
  }
  function keep(feed: Feed, delta: Delta): void {
    const bytes = Buffer.byteLength(delta.text) + OVERHEAD_BYTES
    feed.kept.push({ delta, bytes })
    feed.bytes += bytes
    total += bytes
    // An eighth at a time: removing from the front of the list costs its length.
    if (feed.bytes > limits.feedBytes) shrink(feed, Math.floor((limits.feedBytes * 7) / 8))
    for (const [id, oldest] of feeds) {
      if (total <= limits.totalBytes) break
      if (oldest === feed) continue
      if (oldest.listeners.size > 0) shrink(oldest, 0)
      else remove(id, oldest)
    }
  }

  return {
    publish(id, item) {
      const feed = feedOf(id)
      if (feed.ended) return
      if (item.kind === 'delta') {
        keep(feed, item)
      } else {
        feed.ended = true
        feed.forget = setTimeout(() => remove(id, feed), limits.keepMs).unref()
      }
      for (const wake of feed.listeners) wake()
    },
    async *listen(id, { after, signal }) {
      const feed = feedOf(id)
      const news = new News(feed.listeners, signal)
      let next = 0
      try {
        while (!signal.aborted) {
          next = Math.max(next, feed.first)
          const piece = feed.kept[next - feed.first]
          if (piece) {
            next++
            const unseen = rest(piece.delta, after)
            if (unseen) yield unseen
          } else if (feed.ended) {
            yield { kind: 'end' }
            return
          } else {
            await news.wait()
          }
        }
      } finally {
        news.stop()
        if (feed.listeners.size === 0 && feed.kept.length === 0 && !feed.ended) remove(id, feed)
      }
    },
    close() {
      for (const [id, feed] of feeds) remove(id, feed)
    },
  }
}

/** What a listener at `after` has not seen of a piece. */
function rest(
  delta: Delta,
  after: { attempt: number; offset: number } | undefined,
): Delta | undefined {
  if (after === undefined || delta.attempt > after.attempt) return delta
  if (delta.attempt < after.attempt || delta.offset <= after.offset) return undefined
  const bytes = Buffer.from(delta.text)
  const seen = after.offset - (delta.offset - bytes.byteLength)
  return seen <= 0 ? delta : { ...delta, text: bytes.subarray(seen).toString() }
}

/** Resolves at the next `wake` or abort; a wake between two waits is not lost, since nothing awaits there. */
class News {
  readonly #listeners: Set<() => void>
  readonly #signal: AbortSignal
  readonly #wake = () => this.#resolve?.()
  #resolve: (() => void) | undefined

  constructor(listeners: Set<() => void>, signal: AbortSignal) {
    this.#listeners = listeners
    this.#signal = signal
    listeners.add(this.#wake)
    signal.addEventListener('abort', this.#wake)
  }

  wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  stop(): void {
    this.#listeners.delete(this.#wake)
    this.#signal.removeEventListener('abort', this.#wake)
  }
}
