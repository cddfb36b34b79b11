/**
 * What this process says, on its way into Redis: in order, many pieces in one round trip, and never
 * waited for. While Redis is away a bounded part is kept, the oldest pieces go first, and pieces that
 * belong together become one. A piece may be written twice, which listeners see by its offset.
 */
import type { Redis } from 'ioredis'
import type { FeedItem } from '../../../ports/live-feed.ts'
import type { Logger } from '../../../ports/logger.ts'
import { whenReady } from './connection.ts'
import type { FeedSeal } from './feed-seal.ts'
import { joined, OVERHEAD_BYTES, valuesOf } from './feed-stream.ts'
import { type Script, script } from './script.ts'

/** Entries kept of one invocation, about; how long after the last of them, and after the end. */
const ENTRIES_KEPT = 5_000
const KEPT_MS = 15 * 60_000
const ENDED_KEPT_MS = 60_000
const WRITTEN_AT_ONCE = 250
/** From here on Redis does not keep up, and pieces are put together. */
const MANY_WAITING = 1_000
const JOINED_CHARACTERS = 16 * 1024
const TRY_AGAIN_MS = 100

export interface FeedWriterOptions {
  readonly logger: Logger
  readonly seal: FeedSeal
  /** Kept while Redis does not take it. */
  readonly maxBytes: number
}

/**
 * Many pieces by one command: a command for each would cost this process more than everything else.
 * ARGV: entries kept, ms kept, ms kept after the end; then of each piece the number of its key, attempt
 * ('' is the end), offset and text.
 */
const SAY = `
local lasts = {}
for i = 4, #ARGV, 4 do
  local key = tonumber(ARGV[i])
  if ARGV[i + 1] == '' then
    redis.call('XADD', KEYS[key], 'MAXLEN', '~', ARGV[1], '*', 'e', '1')
    lasts[key] = ARGV[3]
  else
    redis.call('XADD', KEYS[key], 'MAXLEN', '~', ARGV[1], '*',
      'a', ARGV[i + 1], 'o', ARGV[i + 2], 't', ARGV[i + 3])
    lasts[key] = ARGV[2]
  end
end
for key, ms in pairs(lasts) do
  redis.call('PEXPIRE', KEYS[key], ms)
  redis.call('PUBLISH', KEYS[key], '')
end
return 1
`

interface Piece {
  readonly key: string
  item: FeedItem
  bytes: number
}

export class FeedWriter {
  readonly #client: Redis
  readonly #say: Script
  readonly #logger: Logger
  readonly #seal: FeedSeal
  readonly #maxBytes: number
  #waiting: Piece[] = []
  /** The youngest waiting piece of each stream, once many wait. */
  readonly #youngest = new Map<string, Piece>()
  #bytes = 0
  #dropped = 0
  #closed = false
  #writing: Promise<void> | undefined

  constructor(client: Redis, { logger, seal, maxBytes }: FeedWriterOptions) {
    this.#client = client
    this.#say = script(client, SAY)
    this.#logger = logger
    this.#seal = seal
    this.#maxBytes = maxBytes
  }

  write(key: string, item: FeedItem): void {
    if (this.#closed) return
    const size = item.kind === 'delta' ? item.text.length : 0
    if (this.#waiting.length < MANY_WAITING || !this.#join(key, item, size)) {
      const piece = { key, item, bytes: size + OVERHEAD_BYTES }
      this.#waiting.push(piece)
      this.#bytes += piece.bytes
      if (this.#waiting.length >= MANY_WAITING) this.#youngest.set(key, piece)
    }
    if (this.#bytes > this.#maxBytes) this.#drop()
    this.#writing ??= Promise.resolve().then(() => this.#writeAll())
  }

  /** Says what is left, if that takes no longer than `withinMs`. */
  async close(withinMs: number): Promise<void> {
    const over = Promise.withResolvers<void>()
    const timer = setTimeout(over.resolve, withinMs)
    await Promise.race([this.#writing, over.promise])
    clearTimeout(timer)
    this.#closed = true
    this.#waiting = []
  }

  #join(key: string, item: FeedItem, size: number): boolean {
    const piece = this.#youngest.get(key)
    if (piece === undefined || piece.bytes + size > JOINED_CHARACTERS) return false
    const both = joined(piece.item, item)
    if (both === undefined) return false
    piece.item = both
    piece.bytes += size
    this.#bytes += size
    return true
  }

  /** An eighth at a time: taking from the front of the list costs its length. */
  #drop(): void {
    let gone = 0
    for (const { bytes } of this.#waiting) {
      if (this.#bytes <= (this.#maxBytes * 7) / 8) break
      this.#bytes -= bytes
      gone++
    }
    this.#waiting.splice(0, gone)
    this.#youngest.clear()
    this.#lose(gone)
  }

  /** Said when it begins, and how much it was when it is over. */
  #lose(count: number): void {
    if (count > 0 && this.#dropped === 0)
      this.#logger.warn({ service: 'Redis' }, 'live text is dropped: Redis does not take it')
    this.#dropped += count
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0 && !this.#closed) {
      const pieces = this.#waiting.splice(0, WRITTEN_AT_ONCE)
      if (this.#youngest.size > 0) {
        for (const { key } of pieces) this.#youngest.delete(key)
      }
      if (await this.#writePieces(pieces)) {
        for (const { bytes } of pieces) this.#bytes -= bytes
      } else {
        this.#waiting.unshift(...pieces)
        await whenReady(this.#client, TRY_AGAIN_MS)
        // A server that answers but slowly is not asked without a rest.
        await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS))
      }
    }
    this.#writing = undefined
  }

  /** False when Redis could not be asked. What it refuses is lost: it would refuse it again. */
  async #writePieces(pieces: readonly Piece[]): Promise<boolean> {
    const keys = [...new Set(pieces.map(({ key }) => key))]
    const numbers = new Map(keys.map((key, index) => [key, index + 1]))
    const values = pieces.flatMap(({ key, item }) => [
      numbers.get(key) ?? 0,
      ...valuesOf(item, { key, seal: this.#seal }),
    ])
    try {
      await this.#say(keys, [ENTRIES_KEPT, KEPT_MS, ENDED_KEPT_MS, ...values])
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'ReplyError') return false
      this.#lose(pieces.length)
      return true
    }
    if (this.#waiting.length === 0 && this.#dropped > 0) {
      this.#logger.warn({ service: 'Redis', dropped: this.#dropped }, 'live text was dropped')
      this.#dropped = 0
    }
    return true
  }
}
