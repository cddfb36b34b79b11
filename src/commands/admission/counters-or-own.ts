/**
 * Counters that go on counting when their store is away: then this process counts for itself, under the
 * same limits. A limit is never open; at worst each process grants it once.
 */
import type { Counters, Reservation } from '../../ports/counters.ts'
import type { Logger } from '../../ports/logger.ts'
import { Unavailable } from '../../ports/unavailable.ts'

/** The store is asked again after this long; whoever comes meanwhile does not wait for it. */
const AWAY_FOR_MS = 1_000
/** Holders of leases that were taken here, remembered so that what they took is given back here. */
const MAX_HOLDERS = 10_000

export type RateCounters = Pick<Counters, 'reserve' | 'release' | 'peek'>

export interface CountersOrOwn extends RateCounters {
  /** Reservations that this process has counted for itself. */
  readonly countedAlone: () => number
}

export interface CountersOrOwnDeps {
  readonly counters: RateCounters
  /** Of this process; undefined where the store cannot be away. */
  readonly own: RateCounters | undefined
  readonly logger: Logger
}

export function countersOrOwn({ counters, own, logger }: CountersOrOwnDeps): CountersOrOwn {
  if (!own) return { ...plain(counters), countedAlone: () => 0 }
  const here = new Set<string>()
  let awayUntil = 0
  let away = false
  let countedAlone = 0

  /** The store's answer; undefined where it is away. */
  async function ask<T>(question: (of: RateCounters) => Promise<T>): Promise<T | undefined> {
    const now = performance.now()
    if (away) {
      if (now < awayUntil) return undefined
      // One looks whether it is back.
      awayUntil = now + AWAY_FOR_MS
    }
    try {
      const answer = await question(counters)
      if (away) logger.info({}, 'limits are counted together again')
      away = false
      return answer
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error
      if (!away) logger.warn({ error }, 'limits are counted by each process alone')
      away = true
      awayUntil = performance.now() + AWAY_FOR_MS
      return undefined
    }
  }

  function remember(reservations: readonly Reservation[]) {
    countedAlone += 1
    for (const one of reservations) if (one.kind === 'lease') here.add(one.holder)
    for (const oldest of here) {
      if (here.size <= MAX_HOLDERS) break
      here.delete(oldest)
    }
  }

  return {
    async reserve(reservations) {
      const answer = await ask((store) => store.reserve(reservations))
      if (answer) return answer
      const counted = await own.reserve(reservations)
      if (counted.ok) remember(reservations)
      return counted
    },
    async release(reservations) {
      const takenHere = reservations.some((one) => one.kind === 'lease' && here.delete(one.holder))
      if (takenHere) return own.release(reservations)
      // What the store cannot be told now ends by itself: a lease by its time, units by their window.
      await ask((store) => store.release(reservations))
    },
    peek: async (reservations) =>
      (await ask((store) => store.peek(reservations))) ?? own.peek(reservations),
    countedAlone: () => countedAlone,
  }
}

const plain = (counters: RateCounters): RateCounters => ({
  reserve: (reservations) => counters.reserve(reservations),
  release: (reservations) => counters.release(reservations),
  peek: (reservations) => counters.peek(reservations),
})
