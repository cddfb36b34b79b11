/**
 * Turns of the processes that write one stream at once. Whoever has just written knows first where the
 * stream ends, and would be the first again and again, while the others read, decide and come too late. So
 * a process that has written for a turn, in a stream that another one has written lately too, holds the
 * answer to one append back for a moment: what it decides next, it decides upon what the others wrote.
 */

/** Short enough that each of a few processes has several turns while a command waits. */
const TURN_MS = 100
/** Another process is expected to come again for so long. */
const REMEMBERED_MS = 5_000
/** So long without an append of ours was an opening for the others. */
const OPENING_MS = 20
/** Others read the end and decide, then they append. */
const DECIDING_MS = 10
const APPENDS_LONG = 1.5
const LONGEST_MS = 200
const STREAMS_KEPT = 1_000

interface Rivalry {
  /** When another process was quicker. */
  readonly at: number
  /** When our turn has begun, and when our last append in it was answered. */
  since: number
  until: number
}

export class Turns {
  readonly #now: () => number
  readonly #rivalries = new Map<string, Rivalry>()

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Another process was quicker. */
  lost(stream: string): void {
    const now = this.#now()
    if (this.#rivalries.size >= STREAMS_KEPT)
      for (const [name, { at }] of this.#rivalries)
        if (now - at > REMEMBERED_MS) this.#rivalries.delete(name)
    this.#rivalries.set(stream, { at: now, since: now, until: Number.NEGATIVE_INFINITY })
  }

  /** For how many milliseconds the answer to an append that was begun then is held back. */
  won(stream: string, begunAt: number): number {
    const rivalry = this.#rivalries.get(stream)
    if (rivalry === undefined) return 0
    const now = this.#now()
    if (now - rivalry.at > REMEMBERED_MS) {
      this.#rivalries.delete(stream)
      return 0
    }
    if (begunAt - rivalry.until > OPENING_MS) rivalry.since = begunAt
    rivalry.until = now
    if (now - rivalry.since < TURN_MS) return 0
    const held = Math.min(LONGEST_MS, DECIDING_MS + APPENDS_LONG * (now - begunAt))
    rivalry.since = now + held
    rivalry.until = now + held
    return held
  }
}
