/**
 * The position of the last event of this installation.
 *
 * Asked every second by every process, so it costs one event where nothing else happens: the log is looked
 * at from its end backwards, until an event of this installation or a place that was looked at before. Where
 * others write much meanwhile, the server looks through what is new and leaves out what is foreign.
 */
import { BEFORE_ALL } from '../../../ports/event-store.ts'
import type { Position } from '../../../ports/event-store.ts'
import type { LogReader } from './reader.ts'

/** Foreign events that are looked at one by one. */
const LOOK_BACK = 200
const PAGE = 1_000

export class LogHead {
  readonly #reader: LogReader
  #head: Position = BEFORE_ALL
  /** Up to here the log has been looked through. */
  #seen: Position = BEFORE_ALL
  #running: Promise<Position> | undefined
  #next: Promise<Position> | undefined

  constructor(reader: LogReader) {
    this.#reader = reader
  }

  /** An event of this installation is there. */
  saw(position: Position): void {
    if (position > this.#head) this.#head = position
  }

  /** A look never began before it was asked for; those who ask while one runs share the next one. */
  read(): Promise<Position> {
    if (this.#running === undefined) return this.#start()
    this.#next ??= this.#running.then(
      () => this.#start(),
      () => this.#start(),
    )
    return this.#next
  }

  #start(): Promise<Position> {
    this.#next = undefined
    const running = this.#look().finally(() => {
      if (this.#running === running) this.#running = undefined
    })
    this.#running = running
    return running
  }

  async #look(): Promise<Position> {
    let newest: Position | undefined
    let found = false
    await this.#reader.backwards(LOOK_BACK, (position, ours) => {
      newest ??= position
      if (ours) this.saw(position)
      found = ours || position <= this.#seen || position <= this.#head
      return !found
    })
    if (newest === undefined) return this.#head
    if (!found) await this.#lookThrough()
    if (newest > this.#seen) this.#seen = newest
    return this.#head
  }

  async #lookThrough(): Promise<void> {
    let after = this.#seen > this.#head ? this.#seen : this.#head
    for (let complete = false; !complete;) {
      const page = await this.#reader.page(after, PAGE)
      const last = page.events.at(-1)
      if (last !== undefined) {
        this.saw(last.position)
        after = last.position
      }
      complete = page.complete
    }
  }
}
