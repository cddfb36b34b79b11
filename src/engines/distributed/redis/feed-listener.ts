/**
 * One listener's place in a feed: what it was given and has not taken, bounded. Whoever is behind gets
 * nothing more and reads the stream page by page, until nothing lies between it and what is handed out.
 */
import { BEGINNING, type FeedEntry, isAfter } from './feed-stream.ts'

const TRY_AGAIN_MS = 250

export interface FeedSource {
  /** It has missed what was handed out before. */
  readonly behind: boolean
  /** The entries after one, as many as come at once; none at the end. */
  readonly read: (from: string) => Promise<FeedEntry[]>
  /** The last entry that was handed out to all. */
  readonly last: () => string
  /** Ends it. */
  readonly signal: AbortSignal
}

export class FeedListener {
  readonly #maxBytes: number
  readonly #source: FeedSource
  #queue: FeedEntry[] = []
  #taken = 0
  #bytes = 0
  /** The last entry that it took. */
  #cursor = BEGINNING
  #behind: boolean
  #closed = false
  #news: (() => void) | undefined

  constructor(maxBytes: number, source: FeedSource) {
    this.#maxBytes = maxBytes
    this.#source = source
    this.#behind = source.behind
    source.signal.addEventListener('abort', this.#close)
  }

  give(entries: readonly FeedEntry[]): void {
    if (this.#behind) return
    this.#queueUp(entries)
    if (this.#bytes > this.#maxBytes) {
      this.#forget()
      this.#behind = true
    }
    this.#news?.()
  }

  /** The next entry; undefined when it has ended. */
  async next(): Promise<FeedEntry | undefined> {
    while (!this.#closed) {
      const entry = this.#take()
      if (entry) return entry
      if (this.#behind) await this.#catchUp()
      else await this.#newsWithin()
    }
    return undefined
  }

  close(): void {
    this.#close()
  }

  readonly #close = (): void => {
    this.#source.signal.removeEventListener('abort', this.#close)
    this.#closed = true
    this.#news?.()
  }

  #queueUp(entries: readonly FeedEntry[]): void {
    for (const entry of entries) {
      this.#queue.push(entry)
      this.#bytes += entry.bytes
    }
  }

  #take(): FeedEntry | undefined {
    const entry = this.#queue[this.#taken]
    if (entry === undefined) return undefined
    this.#taken++
    this.#bytes -= entry.bytes
    this.#cursor = entry.id
    if (this.#taken === this.#queue.length) this.#forget()
    return entry
  }

  #forget(): void {
    this.#queue = []
    this.#taken = 0
    this.#bytes = 0
  }

  /** One page. At the end of the stream it is in step again, unless more was handed out meanwhile. */
  async #catchUp(): Promise<void> {
    const goal = this.#source.last()
    try {
      const page = await this.#source.read(this.#cursor)
      this.#queueUp(page)
      if (page.length > 0) return
      // What was handed out and is not in the stream any more cannot be waited for.
      if (isAfter(goal, this.#cursor)) this.#cursor = goal
      this.#behind = isAfter(this.#source.last(), this.#cursor)
    } catch {
      await this.#newsWithin(TRY_AGAIN_MS)
    }
  }

  #newsWithin(ms?: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = ms === undefined ? undefined : setTimeout(() => this.#news?.(), ms)
      this.#news = () => {
        clearTimeout(timer)
        this.#news = undefined
        resolve()
      }
    })
  }
}
