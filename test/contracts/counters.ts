/** Counters: never more than the limit in any window, all or nothing, leases that end by themselves. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Counters, Reservation } from '../../src/ports/counters.ts'
import { unique } from './harness.ts'
import type { OpenEngine } from './harness.ts'

const NOW = Date.parse('2030-01-31T12:00:00Z')
const MINUTE = 60_000
/** A dense window may free units up to 1/64 later than a log of single units would. */
const SLACK = MINUTE / 64

const rate = (key: string, limit: number, units = 1, windowMs = MINUTE): Reservation => ({
  kind: 'window',
  key,
  limit,
  windowMs,
  units,
})
const lease = (key: string, limit: number, holder: string, ttlMs = MINUTE): Reservation => ({
  kind: 'lease',
  key,
  limit,
  ttlMs,
  holder,
})

/** Counters asked at a moment: the store's clock stands there. */
async function timed(open: OpenEngine) {
  let time = NOW
  const { counters } = (await open({ clock: { now: () => new Date(time) } })).engine
  const at = (now: number): Counters => {
    time = now
    return counters
  }
  return {
    reserve: (all: readonly Reservation[], now: number) => at(now).reserve(all),
    release: (all: readonly Reservation[], now: number) => at(now).release(all),
    peek: (all: readonly Reservation[], now: number) => at(now).peek(all),
    set: (key: string, value: string, ttlMs: number, now: number) => at(now).set(key, value, ttlMs),
    get: (key: string, now: number) => at(now).get(key),
  }
}
type Timed = Awaited<ReturnType<typeof timed>>

const fits = async (counters: Timed, reservation: Reservation, now = NOW) =>
  (await counters.reserve([reservation], now)).ok

export function windowContract(open: OpenEngine): void {
  describe('windows', () => {
    test('let exactly the limit through and say what is left', async () => {
      const counters = await timed(open)
      const key = unique('rate')
      for (const left of [2, 1, 0]) {
        expect(await counters.reserve([rate(key, 3)], NOW)).toEqual({ ok: true, remaining: [left] })
      }
      expect(await counters.reserve([rate(key, 3)], NOW + 1)).toMatchObject({
        ok: false,
        index: 0,
        remaining: 0,
      })
    })
    test('say when to come again, and are open then', async () => {
      const counters = await timed(open)
      const key = unique('rate')
      await counters.reserve([rate(key, 1)], NOW)
      const refused = await counters.reserve([rate(key, 1)], NOW + 20_000)
      if (refused.ok) throw new Error('not refused')
      expect(refused.retryAfterMs).toBe(40_000)
      expect(await fits(counters, rate(key, 1), NOW + MINUTE - 1)).toBe(false)
      expect(await fits(counters, rate(key, 1), NOW + 20_000 + refused.retryAfterMs)).toBe(true)
    })
    test('give no double burst around an edge', async () => {
      const counters = await timed(open)
      const key = unique('rate')
      const edge = Math.ceil(NOW / MINUTE) * MINUTE
      expect(await fits(counters, rate(key, 10, 10), edge - 1)).toBe(true)
      expect(await fits(counters, rate(key, 10, 1), edge)).toBe(false)
      expect(await fits(counters, rate(key, 10, 1), edge + MINUTE / 2)).toBe(false)
      expect(await fits(counters, rate(key, 10, 10), edge + MINUTE)).toBe(true)
    })
    test('hold each unit for a whole window, also one that came close behind another', async () => {
      const counters = await timed(open)
      const key = unique('rate')
      await counters.reserve([rate(key, 10, 1)], NOW)
      await counters.reserve([rate(key, 10, 9)], NOW + 900)
      expect(await fits(counters, rate(key, 10, 2), NOW + MINUTE + 899)).toBe(false)
      expect(await fits(counters, rate(key, 10, 10), NOW + MINUTE + 900)).toBe(true)
    })
    test('never let more than the limit through in any window, whatever comes', async () => {
      const counters = await timed(open)
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.record({ gap: fc.nat(5_000), units: fc.integer({ min: 1, max: 6 }) }), {
            maxLength: 150,
          }),
          async (requests) => {
            const key = unique('rate')
            const taken: { at: number; units: number }[] = []
            let now = NOW
            for (const { gap, units } of requests) {
              now += gap
              if (await fits(counters, rate(key, 20, units), now)) taken.push({ at: now, units })
            }
            for (const { at } of taken) {
              const inside = taken.filter((other) => other.at >= at && other.at < at + MINUTE)
              expect(inside.reduce((sum, { units }) => sum + units, 0)).toBeLessThanOrEqual(20)
            }
          },
        ),
        { numRuns: 40 },
      )
    })
    test('let nearly the whole limit through at a steady maximum', async () => {
      const counters = await timed(open)
      const key = unique('rate')
      let passed = 0
      for (let now = NOW; now < NOW + 10 * MINUTE; now += 100) {
        if (await fits(counters, rate(key, 300), now)) passed++
      }
      expect(passed).toBeGreaterThanOrEqual(2_900)
      expect(passed).toBeLessThanOrEqual(3_000)
    })
    test('are empty again when the window has passed', async () => {
      const counters = await timed(open)
      const key = unique('rate')
      for (let n = 0; n < 100; n++) await counters.reserve([rate(key, 100)], NOW + n)
      expect(await counters.reserve([rate(key, 100)], NOW + MINUTE + SLACK)).toEqual({
        ok: true,
        remaining: [99],
      })
    })
    test('refuse for ever what is larger than the limit', async () => {
      const counters = await timed(open)
      const key = unique('rate')
      const refused = await counters.reserve([rate(key, 5, 6)], NOW)
      expect(refused).toMatchObject({ ok: false, remaining: 5 })
    })
    test('get back what was released, and no more than was taken', async () => {
      const counters = await timed(open)
      const key = unique('rate')
      await counters.reserve([rate(key, 10, 8)], NOW)
      await counters.release([rate(key, 10, 5)], NOW)
      expect(await counters.reserve([rate(key, 10, 7)], NOW)).toEqual({ ok: true, remaining: [0] })
      await counters.release([rate(key, 10, 1_000)], NOW)
      expect(await fits(counters, rate(key, 10, 11))).toBe(false)
      expect(await fits(counters, rate(key, 10, 10))).toBe(true)
    })
    test('count a correction upwards even past the limit', async () => {
      const counters = await timed(open)
      const key = unique('rate')
      await counters.reserve([rate(key, 10, 4)], NOW)
      await counters.release([rate(key, 10, -8)], NOW)
      expect(await counters.reserve([rate(key, 10, 1)], NOW)).toMatchObject({
        ok: false,
        remaining: 0,
      })
      expect(await fits(counters, rate(key, 10, 10), NOW + MINUTE + SLACK)).toBe(true)
    })
    test('say what remains without taking anything', async () => {
      const counters = await timed(open)
      const key = unique('rate')
      expect(await counters.peek([rate(key, 10)], NOW)).toEqual([10])
      await counters.reserve([rate(key, 10, 4)], NOW)
      for (let n = 0; n < 3; n++) expect(await counters.peek([rate(key, 10, 6)], NOW)).toEqual([6])
      await counters.release([rate(key, 10, -20)], NOW)
      expect(await counters.peek([rate(key, 10), rate(unique('other'), 3)], NOW)).toEqual([0, 3])
      expect(await counters.peek([rate(key, 10)], NOW + MINUTE + SLACK)).toEqual([10])
    })
    test('of different lengths under one key count apart', async () => {
      const counters = await timed(open)
      const key = unique('rate')
      expect(await fits(counters, rate(key, 1, 1, MINUTE))).toBe(true)
      expect(await fits(counters, rate(key, 1, 1, 60 * MINUTE))).toBe(true)
      expect(await fits(counters, rate(key, 1, 1, MINUTE))).toBe(false)
    })
  })
}

export function leaseContract(open: OpenEngine): void {
  describe('leases', () => {
    test('are held by at most as many as the limit', async () => {
      const counters = await timed(open)
      const key = unique('calls')
      expect(await fits(counters, lease(key, 2, 'a'))).toBe(true)
      expect(await fits(counters, lease(key, 2, 'b'))).toBe(true)
      const refused = await counters.reserve([lease(key, 2, 'c')], NOW)
      if (refused.ok) throw new Error('not refused')
      expect(refused.retryAfterMs).toBeGreaterThan(0)
    })
    test('are renewed by their holder, also when all are held', async () => {
      const counters = await timed(open)
      const key = unique('calls')
      await counters.reserve([lease(key, 1, 'a')], NOW)
      expect(await fits(counters, lease(key, 1, 'a'), NOW + 30_000)).toBe(true)
      expect(await fits(counters, lease(key, 1, 'b'), NOW + MINUTE + 1)).toBe(false)
      expect(await fits(counters, lease(key, 1, 'b'), NOW + 30_000 + MINUTE)).toBe(true)
    })
    test('come free by release', async () => {
      const counters = await timed(open)
      const key = unique('calls')
      await counters.reserve([lease(key, 1, 'a')], NOW)
      await counters.release([lease(key, 1, 'not the holder')], NOW)
      expect(await fits(counters, lease(key, 1, 'b'))).toBe(false)
      await counters.release([lease(key, 1, 'a')], NOW)
      expect(await fits(counters, lease(key, 1, 'b'))).toBe(true)
    })
    test('say how many are free without taking one', async () => {
      const counters = await timed(open)
      const key = unique('calls')
      await counters.reserve([lease(key, 2, 'a')], NOW)
      expect(await counters.peek([lease(key, 2, 'b')], NOW)).toEqual([1])
      expect(await counters.peek([lease(key, 2, 'a')], NOW)).toEqual([1])
      expect(await counters.peek([lease(key, 2, 'b')], NOW + MINUTE + 1)).toEqual([2])
    })
    test('come free when their time is over', async () => {
      const counters = await timed(open)
      const key = unique('calls')
      await counters.reserve([lease(key, 1, 'a', 1_000)], NOW)
      expect(await fits(counters, lease(key, 1, 'b'), NOW + 999)).toBe(false)
      expect(await fits(counters, lease(key, 1, 'b'), NOW + 1_000)).toBe(true)
    })
  })
}

export function reservationContract(open: OpenEngine): void {
  describe('reservations of one request', () => {
    test('are all taken or none', async () => {
      const counters = await timed(open)
      const [requests, tokens, calls] = [unique('r'), unique('t'), unique('c')]
      await counters.reserve([lease(calls, 1, 'other')], NOW)
      const wish = [rate(requests, 5), rate(tokens, 100, 60), lease(calls, 1, 'me')]
      expect(await counters.reserve(wish, NOW)).toMatchObject({ ok: false, index: 2 })
      expect(await counters.reserve([rate(requests, 5, 5), rate(tokens, 100, 100)], NOW)).toEqual({
        ok: true,
        remaining: [0, 0],
      })
    })
    test('that fail leave a lease held before as it was', async () => {
      const counters = await timed(open)
      const [calls, requests] = [unique('c'), unique('r')]
      await counters.reserve([lease(calls, 1, 'me', 1_000), rate(requests, 1)], NOW)
      const wish = [lease(calls, 1, 'me', MINUTE), rate(requests, 1)]
      expect(await counters.reserve(wish, NOW + 500)).toMatchObject({ ok: false, index: 1 })
      expect(await fits(counters, lease(calls, 1, 'other'), NOW + 999)).toBe(false)
      expect(await fits(counters, lease(calls, 1, 'other'), NOW + 1_000)).toBe(true)
    })
    test('that fail leave a lease held before as long as it was', async () => {
      const counters = await timed(open)
      const [calls, requests] = [unique('c'), unique('r')]
      await counters.reserve([lease(calls, 1, 'me', MINUTE), rate(requests, 1)], NOW)
      const wish = [lease(calls, 1, 'me', 1_000), rate(requests, 1)]
      expect(await counters.reserve(wish, NOW)).toMatchObject({ ok: false, index: 1 })
      expect(await fits(counters, lease(calls, 1, 'other'), NOW + MINUTE - 1)).toBe(false)
      expect(await fits(counters, lease(calls, 1, 'other'), NOW + MINUTE)).toBe(true)
    })
    test('that fail make nobody wait longer', async () => {
      const counters = await timed(open)
      const [requests, tokens] = [unique('r'), unique('t')]
      await counters.reserve([rate(requests, 1)], NOW)
      await counters.reserve([rate(requests, 2), rate(tokens, 0)], NOW + 10)
      expect(await counters.reserve([rate(requests, 1)], NOW + 10)).toMatchObject({
        ok: false,
        retryAfterMs: MINUTE - 10,
      })
    })
    test('on the same key twice are counted together', async () => {
      const counters = await timed(open)
      const key = unique('r')
      const wish = [rate(key, 3, 2), rate(key, 3, 2)]
      expect(await counters.reserve(wish, NOW)).toMatchObject({ ok: false, index: 1 })
      expect(await fits(counters, rate(key, 3, 3))).toBe(true)
    })
    test('of many at once never pass the limit together', async () => {
      const counters = await timed(open)
      const key = unique('r')
      const answers = await Promise.all(
        Array.from({ length: 100 }, () => counters.reserve([rate(key, 37)], NOW)),
      )
      expect(answers.filter(({ ok }) => ok)).toHaveLength(37)
    })
  })
  describe('values', () => {
    test('are there until their time is over', async () => {
      const counters = await timed(open)
      const key = unique('heartbeat')
      expect(await counters.get(key, NOW)).toBeUndefined()
      await counters.set(key, 'one', 1_000, NOW)
      await counters.set(key, 'two', 1_000, NOW + 500)
      expect(await counters.get(key, NOW + 1_499)).toBe('two')
      expect(await counters.get(key, NOW + 1_500)).toBeUndefined()
    })
  })
}
