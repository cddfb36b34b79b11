/**
 * The newest events of the log, a bounded number of them: what the subscription brings is taken from here
 * by every subscriber at his own pace. Whoever is further behind reads the log.
 */
import type { Position, StoredEvent } from '../../../ports/event-store.ts'

export interface RingLimits {
  readonly events: number
  /** Rough size of what they hold. */
  readonly bytes: number
}

/** An event without its texts: position, names, metadata. */
const EVENT_BYTES = 1_000

export class Ring {
  readonly #limits: RingLimits
  #events: StoredEvent[] = []
  #sizes: number[] = []
  #bytes = 0
  #first = 0
  #after: Position

  /** Every event after this position will be added. */
  constructor(after: Position, limits: RingLimits) {
    this.#after = after
    this.#limits = limits
  }

  /** Every event of the log after this position, as far as it has come, is here. */
  get after(): Position {
    return this.#after
  }

  add(event: StoredEvent): void {
    const size = EVENT_BYTES + weigh(event.data)
    this.#events.push(event)
    this.#sizes.push(size)
    this.#bytes += size
    while (
      this.#events.length - this.#first > this.#limits.events ||
      this.#bytes > this.#limits.bytes
    ) {
      if (!this.#drop()) break
    }
  }

  /** Events after a position, at most `count`; undefined where some of them are no longer here. */
  take(position: Position, count: number): StoredEvent[] | undefined {
    if (position < this.#after) return undefined
    let low = this.#first
    let high = this.#events.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#events[middle] as StoredEvent).position <= position) low = middle + 1
      else high = middle
    }
    return this.#events.slice(low, low + count)
  }

  /** False when only the newest event is left: that one stays. */
  #drop(): boolean {
    const oldest = this.#events[this.#first]
    if (oldest === undefined || this.#first === this.#events.length - 1) return false
    this.#bytes -= this.#sizes[this.#first] as number
    this.#after = oldest.position
    this.#first++
    // Moving all that is left at each step would cost more than the room.
    if (this.#first >= 512 && this.#first * 2 >= this.#events.length) {
      this.#events = this.#events.slice(this.#first)
      this.#sizes = this.#sizes.slice(this.#first)
      this.#first = 0
    }
    return true
  }
}

/** Rough bytes of a value that came from JSON: nearly all of a large one is its texts. */
function weigh(value: unknown): number {
  if (typeof value === 'string') return value.length
  if (typeof value !== 'object' || value === null) return 8
  let total = 16
  for (const one of Object.values(value)) total += 16 + weigh(one)
  return total
}
