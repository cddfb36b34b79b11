// Limits hold: k requests at once on a limit of n let exactly n through, no edge lets twice as many, and a store that is away opens nothing.
import { describe, expect, test } from 'vitest'
import { countersOrOwn } from '../../../src/commands/admission/counters-or-own.ts'
import {
  giveBack,
  reservationsOf,
  reserve,
  takenOf,
} from '../../../src/commands/admission/limiter.ts'
import type { LimitToReserve } from '../../../src/domain/policy/decision.ts'
import { Refusal } from '../../../src/domain/refusal.ts'
import { createCounters } from '../../../src/engines/embedded/counters.ts'
import type { Counters } from '../../../src/ports/counters.ts'
import { Unavailable } from '../../../src/ports/unavailable.ts'
import { idOf } from '../../support/books.ts'
import { fakeClock } from '../../support/clock.ts'
import { silent } from '../../support/silent.ts'

const limit = (rest: Partial<LimitToReserve> = {}): LimitToReserve => ({
  ruling: { policyId: idOf('policy', 1), version: 1, rule: 'a limit', reason: 'so many' },
  key: 'policy/user/somebody',
  measure: 'requests',
  per: 'user',
  limit: 10,
  windowSeconds: 60,
  burst: undefined,
  units: 1,
  ...rest,
})
const lease = (holder: string) => ({ holder, ttlMs: 600_000 })

async function passes(
  counters: Counters,
  limits: LimitToReserve[],
  holder = 'h',
): Promise<boolean> {
  try {
    await reserve(counters, reservationsOf(limits, lease(holder)))
    return true
  } catch (error) {
    if (error instanceof Refusal && error.code === 'rate_limited') return false
    throw error
  }
}
const count = async (times: number, ask: (n: number) => Promise<boolean>) =>
  (await Promise.all(Array.from({ length: times }, (_one, n) => ask(n)))).filter(Boolean).length

function started() {
  const clock = fakeClock()
  return { clock, counters: createCounters(clock) }
}

describe('a limit', () => {
  test('lets exactly so many of parallel requests through', async () => {
    const { counters } = started()
    expect(await count(200, () => passes(counters, [limit({ limit: 37 })]))).toBe(37)
  })
  test('lets no more through around the edge of a minute', async () => {
    const { clock, counters } = started()
    clock.advance(59_900)
    expect(await count(20, () => passes(counters, [limit()]))).toBe(10)
    clock.advance(200)
    expect(await count(20, () => passes(counters, [limit()]))).toBe(0)
    clock.advance(60_000)
    expect(await count(20, () => passes(counters, [limit()]))).toBe(10)
  })
  test('with a burst spreads them over its window', async () => {
    const { clock, counters } = started()
    const limits = [limit({ limit: 100, burst: 5 })]
    expect(await count(20, () => passes(counters, limits))).toBe(5)
    clock.advance(6_200)
    expect(await count(20, () => passes(counters, limits))).toBe(5)
  })
  test('takes all limits of a request or none', async () => {
    const { counters } = started()
    const wide = limit({ key: 'wide', limit: 100 })
    expect(await count(20, () => passes(counters, [wide, limit({ limit: 3 })]))).toBe(3)
    expect(await counters.peek(reservationsOf([wide], lease('h')).reservations)).toEqual([97])
  })
  test('refuses with what it was and when to come again', async () => {
    const { clock, counters } = started()
    await passes(counters, [limit({ limit: 1 })])
    clock.advance(20_000)
    const refused = reserve(counters, reservationsOf([limit({ limit: 1 })], lease('h')))
    await expect(refused).rejects.toMatchObject({
      code: 'rate_limited',
      facts: {
        policyId: idOf('policy', 1),
        version: 1,
        rule: 'a limit',
        dimension: 'user',
        measure: 'requests',
        limit: 1,
        windowSeconds: 60,
        retryAfterMs: 40_000,
      },
    })
  })
  test('tells how the tightest of all stands', async () => {
    const { counters } = started()
    const limits = [limit({ key: 'wide', limit: 100 }), limit({ limit: 4 })]
    expect(await reserve(counters, reservationsOf(limits, lease('h')))).toMatchObject({
      limit: 4,
      remaining: 3,
      windowSeconds: 60,
    })
    expect(await reserve(counters, reservationsOf([], lease('h')))).toBeUndefined()
  })
})

describe('what a call took', () => {
  const concurrency = limit({ measure: 'concurrency', key: 'at once', limit: 2 })
  const tokens = limit({ measure: 'tokens', key: 'tokens', limit: 1_000, units: 400 })
  test('is its place until it ends', async () => {
    const { counters } = started()
    expect(await count(5, (n) => passes(counters, [concurrency], `call ${n}`))).toBe(2)
    const taken = takenOf(reservationsOf([concurrency], lease('call 0')))
    await giveBack(counters, taken, 'call 0', undefined)
    expect(await count(5, (n) => passes(counters, [concurrency], `next ${n}`))).toBe(1)
  })
  test.each([
    ['fewer tokens', 100, 900],
    ['as many tokens', 400, 600],
    ['more tokens', 700, 300],
    ['none, since nobody was asked', 0, 1_000],
    ['nobody knows how many', undefined, 600],
  ])('is corrected: %s', async (_name, used, remaining) => {
    const { counters } = started()
    const wanted = reservationsOf([tokens], lease('call'))
    await reserve(counters, wanted)
    await giveBack(counters, takenOf(wanted), 'call', used)
    expect(await counters.peek(wanted.reservations)).toEqual([remaining])
  })
  test('is what stands first in what is kept of it', () => {
    const kept = takenOf(reservationsOf([limit(), tokens, concurrency], lease('call')))
    expect(kept.map(({ measure }) => measure)).toEqual(['concurrency', 'tokens', 'requests'])
  })
})

describe('without the store', () => {
  function away() {
    const clock = fakeClock()
    const shared = createCounters(clock)
    const state = { away: false, asked: 0, warned: 0 }
    const ask = <T>(answer: () => Promise<T>): Promise<T> => {
      state.asked++
      return state.away ? Promise.reject(new Unavailable('Redis')) : answer()
    }
    const counters = countersOrOwn({
      counters: {
        reserve: (all) => ask(() => shared.reserve(all)),
        release: (all) => ask(() => shared.release(all)),
        peek: (all) => ask(() => shared.peek(all)),
      },
      own: createCounters(clock),
      logger: { ...silent, warn: () => void state.warned++ },
    })
    return { state, counters, shared }
  }
  const one = (counters: Pick<Counters, 'reserve'>, limits: LimitToReserve[], holder = 'h') =>
    passes(counters as Counters, limits, holder)

  test('the process counts for itself, under the same limits', async () => {
    const { state, counters } = away()
    expect(await count(4, () => one(counters, [limit({ limit: 6 })]))).toBe(4)
    state.away = true
    expect(await count(50, () => one(counters, [limit({ limit: 6 })]))).toBe(6)
    expect(counters.countedAlone()).toBe(6)
    expect(state.warned).toBe(1)
  })
  test('nobody waits for it again and again', async () => {
    const { state, counters } = away()
    state.away = true
    for (let n = 0; n < 50; n++) await one(counters, [limit()])
    expect(state.asked).toBeLessThan(5)
  })
  test('places are given back where they were taken', async () => {
    const { state, counters } = away()
    const concurrency = limit({ measure: 'concurrency', limit: 1 })
    state.away = true
    expect(await one(counters, [concurrency], 'a')).toBe(true)
    expect(await one(counters, [concurrency], 'b')).toBe(false)
    const taken = takenOf(reservationsOf([concurrency], lease('a')))
    await giveBack(counters, taken, 'a', undefined)
    expect(await one(counters, [concurrency], 'b')).toBe(true)
  })
  test('a defect of the store is not taken for an absence', async () => {
    const broken = countersOrOwn({
      counters: {
        reserve: () => Promise.reject(new Error('a wrong script')),
        release: () => Promise.resolve(),
        peek: () => Promise.resolve([]),
      },
      own: createCounters(fakeClock()),
      logger: silent,
    })
    await expect(one(broken, [limit()])).rejects.toThrow('a wrong script')
  })
})
