/**
 * The text of a running attempt on its way out: to whoever waits here, directly, and to the live feed.
 * Pieces that arrive together leave together, so the work for each of them is small.
 */
import type { FeedItem, LiveFeed } from '../../ports/live-feed.ts'

export type Delta = Extract<FeedItem, { kind: 'delta' }>
export type DeltaListener = (delta: Delta) => void

export class TextOut {
  /** Bytes of text (UTF-8) that have left. */
  offset = 0
  readonly #feed: LiveFeed
  readonly #invocationId: string
  readonly #attempt: number
  readonly #listener: DeltaListener | undefined
  #pending = ''
  #scheduled = false

  constructor(
    feed: LiveFeed,
    invocationId: string,
    attempt: number,
    listener: DeltaListener | undefined,
  ) {
    this.#feed = feed
    this.#invocationId = invocationId
    this.#attempt = attempt
    this.#listener = listener
  }

  readonly push = (text: string): void => {
    this.#pending += text
    if (this.#scheduled) return
    this.#scheduled = true
    // Everything that one read of the provider's socket brought is pushed before this runs.
    queueMicrotask(this.#flush)
  }

  /** What is left, at the end. */
  end(): void {
    this.#say(this.#pending)
    this.#pending = ''
  }

  readonly #flush = (): void => {
    this.#scheduled = false
    const text = this.#pending
    const last = text.charCodeAt(text.length - 1)
    // Half a character waits for its other half: offsets count whole ones.
    const whole = last >= 0xd800 && last <= 0xdbff ? text.length - 1 : text.length
    this.#pending = text.slice(whole)
    this.#say(whole === text.length ? text : text.slice(0, whole))
  }

  #say(text: string): void {
    if (text === '') return
    this.offset += Buffer.byteLength(text)
    const delta: Delta = { kind: 'delta', attempt: this.#attempt, offset: this.offset, text }
    this.#listener?.(delta)
    this.#feed.publish(this.#invocationId, delta)
  }
}
