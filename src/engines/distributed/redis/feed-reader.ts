/**
 * Hears all feeds that somebody in this process listens to: each piece is read once, whatever the number
 * of listeners, and handed to each of them. A listener that does not take what it is given is never
 * waited for: past a limit it is left alone and reads the stream itself when it goes on.
 *
 * What is read comes from the streams only, in their order. Which of them have news is said by a nudge
 * (pub/sub): a blocking read of a thousand streams would name them all again for every piece. A nudge
 * may be lost, so all are looked at now and then, and whenever a connection is back.
 */
import type { Redis } from 'ioredis'
import type { Logger } from '../../../ports/logger.ts'
import { type RedisParts, whenReady } from './connection.ts'
import { FeedListener } from './feed-listener.ts'
import type { FeedSeal } from './feed-seal.ts'
import { BEGINNING, entriesOf, type FeedEntry, isAfter, type RawEntries } from './feed-stream.ts'
import { plain } from './plain.ts'

/** Without any nudge everything is read so often. */
const LOOK_EVERY_MS = 2_000
const READ_AT_ONCE = 200
const STREAMS_AT_ONCE = 500
const TRY_AGAIN_MS = 250

interface Feed {
  readonly key: string
  /** The last entry that was handed out. */
  last: string
  readonly listeners: Set<FeedListener>
}

export interface FeedReaderOptions {
  readonly logger: Logger
  readonly seal: FeedSeal
  /** Kept for one listener that does not take it. */
  readonly queueBytes: number
}

export class FeedReader {
  readonly #ear: Redis
  readonly #client: Redis
  readonly #logger: Logger
  readonly #seal: FeedSeal
  readonly #queueBytes: number
  readonly #feeds = new Map<string, Feed>()
  /** Feeds that may have news. */
  #dirty = new Set<Feed>()
  readonly #subscribed = new Set<string>()
  readonly #changed = new Set<string>()
  #lost = false
  #closed = false
  #nudge: (() => void) | undefined

  constructor(redis: RedisParts, { logger, seal, queueBytes }: FeedReaderOptions) {
    this.#logger = logger
    this.#seal = seal
    this.#queueBytes = queueBytes
    this.#client = redis.connect({ commandTimeout: 2_000 })
    this.#client.on('close', () => (this.#lost = true))
    this.#ear = redis.connect({ commandTimeout: 2_000, autoResubscribe: false })
    this.#ear.on('message', (key) => this.#touch(this.#feeds.get(key)))
    this.#ear.on('close', () => this.#subscribed.clear())
    this.#ear.on('ready', () => this.#changeSubscriptions([...this.#feeds.keys()]))
    void this.#readAll()
  }

  listen(key: string, signal: AbortSignal): FeedListener {
    let feed = this.#feeds.get(key)
    const listener = new FeedListener(this.#queueBytes, {
      // What was handed out before it came stands in the stream.
      behind: feed !== undefined && feed.last !== BEGINNING,
      read: (from) => this.#page(key, from),
      last: () => this.#feeds.get(key)?.last ?? BEGINNING,
      signal,
    })
    if (feed === undefined) {
      feed = { key, last: BEGINNING, listeners: new Set() }
      this.#feeds.set(key, feed)
      this.#touch(feed)
      this.#changeSubscriptions([key])
    }
    feed.listeners.add(listener)
    return listener
  }

  leave(key: string, listener: FeedListener): void {
    listener.close()
    const feed = this.#feeds.get(key)
    if (!feed?.listeners.delete(listener) || feed.listeners.size > 0) return
    this.#feeds.delete(key)
    this.#dirty.delete(feed)
    this.#changeSubscriptions([key])
  }

  close(): void {
    this.#closed = true
    this.#nudge?.()
    for (const { listeners } of this.#feeds.values())
      for (const listener of listeners) listener.close()
  }

  #touch(feed: Feed | undefined): void {
    if (feed === undefined) return
    this.#dirty.add(feed)
    this.#nudge?.()
  }

  /** Once per turn for all that came and went in it. */
  #changeSubscriptions(keys: readonly string[]): void {
    if (this.#changed.size === 0) queueMicrotask(() => void this.#subscribe())
    for (const key of keys) this.#changed.add(key)
  }

  async #subscribe(): Promise<void> {
    const keys = [...this.#changed]
    this.#changed.clear()
    const wanted = keys.filter((key) => this.#feeds.has(key) && !this.#subscribed.has(key))
    const unwanted = keys.filter((key) => !this.#feeds.has(key) && this.#subscribed.has(key))
    for (const key of wanted) this.#subscribed.add(key)
    for (const key of unwanted) this.#subscribed.delete(key)
    try {
      if (unwanted.length > 0) await this.#ear.unsubscribe(...unwanted)
      if (wanted.length > 0) await this.#ear.subscribe(...wanted)
    } catch {
      // Not connected: all are subscribed when it is. Until then they are looked at now and then.
      for (const key of wanted) this.#subscribed.delete(key)
    }
    // What was said before the subscription stood came without a nudge.
    for (const key of wanted) this.#touch(this.#feeds.get(key))
  }

  async #page(key: string, from: string): Promise<FeedEntry[]> {
    const raw = await this.#client.xrange(key, `(${from}`, '+', 'COUNT', READ_AT_ONCE)
    return entriesOf(raw, { key, seal: this.#seal })
  }

  async #readAll(): Promise<void> {
    while (!this.#closed) {
      if (this.#dirty.size === 0) await this.#news()
      const feeds = [...this.#dirty].slice(0, STREAMS_AT_ONCE)
      if (feeds.length === 0 || this.#closed) continue
      for (const feed of feeds) this.#dirty.delete(feed)
      try {
        if (this.#lost) await this.#findEnds(feeds)
        this.#handOut(feeds, await this.#read(feeds))
        if (this.#dirty.size === 0) this.#lost = false
      } catch (error) {
        await this.#recover(error)
      }
    }
  }

  async #news(): Promise<void> {
    const nudged = Promise.withResolvers<void>()
    this.#nudge = nudged.resolve
    const timer = setTimeout(() => this.#look(), LOOK_EVERY_MS).unref()
    await nudged.promise
    clearTimeout(timer)
    this.#nudge = undefined
  }

  #look(): void {
    // A peer that is gone without a word is found out by asking it something.
    if (this.#feeds.size > 0) this.#ear.ping().catch(() => undefined)
    for (const feed of this.#feeds.values()) this.#dirty.add(feed)
    this.#nudge?.()
  }

  async #recover(error: unknown): Promise<void> {
    if (this.#closed) return
    // A Redis that is away is no news of this connection; one that refuses is.
    const refused = error instanceof Error && error.name === 'ReplyError'
    if (!this.#lost || refused)
      this.#logger[refused ? 'warn' : 'debug']({ error: plain(error) }, 'live feeds are not read')
    this.#lost = true
    if (this.#client.status !== 'ready') await whenReady(this.#client, TRY_AGAIN_MS)
    else await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS))
    for (const feed of this.#feeds.values()) this.#dirty.add(feed)
  }

  async #read(feeds: readonly Feed[]): Promise<readonly (readonly [string, RawEntries])[]> {
    const where = [...feeds.map(({ key }) => key), ...feeds.map(({ last }) => last)]
    return (await this.#client.xread('COUNT', READ_AT_ONCE, 'STREAMS', ...where)) ?? []
  }

  #handOut(feeds: readonly Feed[], streams: readonly (readonly [string, RawEntries])[]): void {
    const asked = new Map(feeds.map((feed) => [feed.key, feed]))
    for (const [key, raw] of streams) {
      const feed = asked.get(key)
      const last = raw.at(-1)?.[0]
      // Left, and perhaps begun anew, while the read was on its way.
      if (last === undefined || feed === undefined || this.#feeds.get(key) !== feed) continue
      feed.last = last
      const entries = entriesOf(raw, { key, seal: this.#seal })
      for (const listener of feed.listeners) listener.give(entries)
      if (raw.length >= READ_AT_ONCE) this.#dirty.add(feed)
    }
  }

  /** After a loss: a stream that begins anew may have ids before those that were read last. */
  async #findEnds(feeds: readonly Feed[]): Promise<void> {
    const pipeline = this.#client.pipeline()
    for (const { key } of feeds) pipeline.xrevrange(key, '+', '-', 'COUNT', 1)
    const answers = (await pipeline.exec()) ?? []
    for (const [index, feed] of feeds.entries()) {
      const [error, raw] = answers[index] ?? [new Error('no answer')]
      if (error) throw error
      const end = (raw as RawEntries)[0]?.[0]
      if (end === undefined || isAfter(feed.last, end)) feed.last = BEGINNING
    }
  }
}
