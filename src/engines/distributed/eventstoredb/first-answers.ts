/**
 * Tells an append that was written by this very call from one that had been written before: the server
 * answers both alike, with the position of the first time.
 *
 * A position at or before one that was known when the call began is an old one. Of the calls of this
 * process that were under way together, the first that is answered with a position has written it. What is
 * left is two processes that send the same append at the same moment: both may be told that it is new.
 */
import { BEFORE_ALL } from '../../../ports/event-store.ts'
import type { Position } from '../../../ports/event-store.ts'

export interface Begun {
  /** The highest position that was known then. */
  readonly known: Position
}

/** Answers kept before the first clearing. */
const KEPT = 1_000

export class FirstAnswers {
  #known: Position = BEFORE_ALL
  readonly #begun = new Set<Begun>()
  readonly #answered = new Set<Position>()
  #clearAt = KEPT

  /** The highest position seen by this process. */
  get known(): Position {
    return this.#known
  }

  /** Something is committed at this position. */
  saw(position: Position): void {
    if (position > this.#known) this.#known = position
  }

  begin(): Begun {
    const begun = { known: this.#known }
    this.#begun.add(begun)
    return begun
  }

  /** Whether what lies at this position was written by the call. */
  isFirst(begun: Begun, position: Position): boolean {
    this.saw(position)
    if (position <= begun.known || this.#answered.has(position)) return false
    this.#answered.add(position)
    return true
  }

  end(begun: Begun): void {
    this.#begun.delete(begun)
    if (this.#begun.size === 0) this.#answered.clear()
    else if (this.#answered.size >= this.#clearAt) this.#clear()
  }

  /** An answer matters only to calls that began before it was known. */
  #clear(): void {
    let oldest = this.#known
    for (const { known } of this.#begun) if (known < oldest) oldest = known
    for (const position of this.#answered) if (position <= oldest) this.#answered.delete(position)
    this.#clearAt = Math.max(KEPT, this.#answered.size * 2)
  }
}
