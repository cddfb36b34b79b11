/**
 * The provider's quota, shared between organizations. Nothing is held back until a provider answers that
 * it is asked too much (429); then its calls go through a lane: as many at once as it has shown to take,
 * to whichever organization has the fewest under way, in turns. The number grows by one for each round
 * that it takes and halves when it refuses (additive increase, multiplicative decrease). Its Retry-After
 * is kept by whom it refused; meanwhile others try one call at a time, for a request may be too large for
 * the provider's minute where all the others are not, and one that is taken ends the rest. A wait is
 * bounded: then the next model is asked, or the call fails.
 *
 * Memory of this process alone: several processes find their shares apart from each other, each from
 * what the provider answers it. A lane is one model at one address with one key, since providers limit
 * models apart: a fallback at the same provider is not held up.
 */
import { LlmFailure, type LlmTarget } from '../../ports/llm.ts'

export interface ShareWanted {
  readonly target: LlmTarget
  readonly orgId: string
  /** Longest wait. */
  readonly waitMs: number
  readonly signal: AbortSignal
}

/** `taken`: the provider answered. `refused`: it said 429. `unknown`: it gave no sign of either. */
export type Sign =
  | { readonly kind: 'taken' | 'unknown' }
  | { readonly kind: 'refused'; readonly retryAfterMs: number | undefined }

/** A place at the provider; given back once, with what the provider showed. */
export type Place = (sign: Sign) => void

export interface ProviderShare {
  /** @throws LlmFailure aborted; rate_limited when its turn does not come in time */
  enter(wanted: ShareWanted): Promise<Place>
  /** Lanes that hold calls back now, and the calls that wait in them. */
  load(): { readonly narrow: number; readonly waiting: number }
}

/** How long a provider is left alone that does not say so, at first; and at most, shorter than a wait. */
const FIRST_REST_MS = 250
const LONGEST_REST_MS = 8_000
/** So long without a 429, and with nobody waiting, a lane is open again. */
const OPEN_AFTER_MS = 60_000
/** Of the usual growth, near what was refused: whoever is refused again loses one of few attempts. */
const SLOW = 0.1
/** A call that was never sent used nothing. */
const NOTHING = { input_uncached: 0, input_cached: 0, output: 0, reasoning: 0 }

interface Waiter {
  readonly go: () => void
}

class Lane {
  /** Calls under way, by organization. */
  readonly #running = new Map<string, number>()
  #total = 0
  /** Those who wait, by organization: whoever had a turn goes to the end. */
  readonly #waiting = new Map<string, Set<Waiter>>()
  /** undefined: open. */
  #limit: number | undefined
  /** So many at once were too many; growth is slow from there. */
  #tooMany = Infinity
  #restUntil = 0
  /** Whom it refused in this rest. */
  readonly #resting = new Set<string>()
  /** A call under way that tries whether the rest is over. */
  #trial: object | undefined
  #lastRefused = 0
  /** Rounds of refusals since a call was taken. */
  #rounds = 0
  /** Counts the decreases: calls of an older one tell nothing new. */
  #epoch = 0
  #timer: NodeJS.Timeout | undefined

  get idle(): boolean {
    return this.#total === 0 && this.#waiting.size === 0 && !this.narrow
  }

  get waiting(): number {
    return [...this.#waiting.values()].reduce((sum, queue) => sum + queue.size, 0)
  }

  get narrow(): boolean {
    if (this.#limit === undefined) return false
    const quiet = performance.now() - this.#lastRefused >= OPEN_AFTER_MS
    if (quiet && this.#waiting.size === 0) this.#limit = undefined
    return this.#limit !== undefined
  }

  enter({ orgId, waitMs, signal }: ShareWanted, left: () => void): Promise<Place> {
    if (!this.narrow) return Promise.resolve(this.#take(orgId, left))
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        go: () => {
          stop()
          resolve(this.#take(orgId, left))
        },
      }
      const giveUp = (failure: LlmFailure) => {
        stop()
        this.#leaveQueue(orgId, waiter)
        left()
        reject(failure)
      }
      const onAbort = () => giveUp(new LlmFailure('aborted', { usage: NOTHING }))
      const timer = setTimeout(() => giveUp(tooBusy()), waitMs)
      const stop = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', onAbort)
      }
      signal.addEventListener('abort', onAbort, { once: true })
      const queue = this.#waiting.get(orgId) ?? new Set()
      this.#waiting.set(orgId, queue.add(waiter))
      this.#pump()
      const inVain = this.#resting.has(orgId) && this.#restUntil - performance.now() > waitMs
      if (inVain && queue.has(waiter)) giveUp(tooBusy())
    })
  }

  #take(orgId: string, left: () => void): Place {
    this.#running.set(orgId, (this.#running.get(orgId) ?? 0) + 1)
    this.#total++
    const epoch = this.#epoch
    const self = {}
    if (this.#rests()) this.#trial = self
    let over = false
    return (sign) => {
      if (over) return
      over = true
      const running = (this.#running.get(orgId) ?? 1) - 1
      if (running > 0) this.#running.set(orgId, running)
      else this.#running.delete(orgId)
      const before = this.#total--
      const tried = this.#trial === self
      if (tried) this.#trial = undefined
      if (sign.kind === 'taken') this.#grow(tried)
      if (sign.kind === 'refused') {
        this.#resting.add(orgId)
        this.#shrink(before, epoch, sign.retryAfterMs)
      }
      this.#pump()
      left()
    }
  }

  #grow(tried: boolean): void {
    this.#rounds = 0
    if (tried) this.#restUntil = 0
    if (this.#limit === undefined) return
    const pace = this.#limit + 1 < this.#tooMany ? 1 : SLOW
    this.#limit += pace / this.#limit
  }

  #shrink(running: number, epoch: number, retryAfterMs: number | undefined): void {
    const now = performance.now()
    this.#lastRefused = now
    const first = epoch === this.#epoch
    if (first) {
      this.#epoch++
      this.#rounds++
      this.#tooMany = running
      this.#limit = Math.max(1, Math.floor(Math.min(this.#limit ?? running, running) / 2))
    } else if (this.#limit !== undefined) {
      // One of a burst that is being refused: what is left under way is what the provider takes.
      this.#limit = Math.max(1, Math.min(this.#limit, running - 1))
    }
    const own = FIRST_REST_MS * 2 ** Math.min(this.#rounds - 1, 10)
    const restMs = Math.min(retryAfterMs ?? own, LONGEST_REST_MS)
    if (first || retryAfterMs !== undefined)
      this.#restUntil = Math.max(this.#restUntil, now + restMs)
  }

  #rests(): boolean {
    const rests = performance.now() < this.#restUntil
    if (!rests) this.#resting.clear()
    return rests
  }

  #mayGo(orgId: string): boolean {
    if (!this.narrow) return true
    if (this.#total >= Math.floor(this.#limit ?? Infinity)) return false
    return !this.#rests() || (this.#trial === undefined && !this.#resting.has(orgId))
  }

  #pump(): void {
    for (let next = this.#next(); next; next = this.#next()) next.go()
    clearTimeout(this.#timer)
    if (this.#waiting.size === 0) return
    const restMs = this.#restUntil - performance.now()
    // Else whoever gives a place back goes on.
    if (restMs > 0) this.#timer = setTimeout(() => this.#pump(), Math.ceil(restMs))
  }

  /** Of the organization with the fewest calls under way; of several, the one whose turn is longest ago. */
  #next(): Waiter | undefined {
    let chosen: string | undefined
    let fewest = Infinity
    for (const orgId of this.#waiting.keys()) {
      const running = this.#running.get(orgId) ?? 0
      if (running < fewest && this.#mayGo(orgId)) [chosen, fewest] = [orgId, running]
    }
    if (chosen === undefined) return undefined
    const queue = this.#waiting.get(chosen)
    const [waiter] = queue ?? []
    if (!queue || !waiter) return undefined
    queue.delete(waiter)
    this.#waiting.delete(chosen)
    if (queue.size > 0) this.#waiting.set(chosen, queue)
    return waiter
  }

  #leaveQueue(orgId: string, waiter: Waiter): void {
    const queue = this.#waiting.get(orgId)
    queue?.delete(waiter)
    if (queue?.size === 0) this.#waiting.delete(orgId)
    if (this.#waiting.size === 0) clearTimeout(this.#timer)
  }
}

const tooBusy = (): LlmFailure =>
  new LlmFailure('rate_limited', { detail: 'no place at the provider in time' })

export function createProviderShare(): ProviderShare {
  const lanes = new Map<string, Lane>()
  return {
    async enter(wanted) {
      if (wanted.signal.aborted) throw new LlmFailure('aborted', { usage: NOTHING })
      const { baseUrl, apiKey, model } = wanted.target
      const name = JSON.stringify([baseUrl, apiKey, model])
      const lane = lanes.get(name) ?? new Lane()
      lanes.set(name, lane)
      return lane.enter(wanted, () => {
        if (lane.idle && lanes.get(name) === lane) lanes.delete(name)
      })
    },
    load() {
      const narrow = [...lanes.values()].filter((lane) => lane.narrow)
      return { narrow: narrow.length, waiting: narrow.reduce((sum, lane) => sum + lane.waiting, 0) }
    },
  }
}
