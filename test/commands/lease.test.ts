// Of several processes one works under a lease; without anybody to ask, there is work rather than none.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createLeases } from '../../src/commands/lease.ts'
import { createCounters } from '../../src/engines/embedded/counters.ts'
import type { Counters } from '../../src/ports/counters.ts'
import { silent } from '../support/silent.ts'

let counters: Counters
let away = false
const asked: Counters = {
  reserve: (...reservations) =>
    away ? Promise.reject(new Error('away')) : counters.reserve(...reservations),
  release: (...reservations) => counters.release(...reservations),
  set: (...value) => counters.set(...value),
  peek: (...reservations) => counters.peek(...reservations),
  get: (key) => counters.get(key),
}

beforeEach(() => {
  vi.useFakeTimers()
  away = false
  counters = createCounters({ now: () => new Date(Date.now()) })
})
afterEach(() => vi.useRealTimers())

function worker(holder: string) {
  const leases = createLeases({ counters: asked, logger: silent }, holder)
  const state = { working: 0, terms: 0 }
  const lead = leases.lead('sweep', async (signal) => {
    state.working++
    state.terms++
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    state.working--
  })
  return { state, leases, ...lead }
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

describe('a lease', () => {
  test('lets one work, and another as soon as that one stops', async () => {
    const [a, b] = [worker('a'), worker('b')]
    await pass(10)
    expect([a.state.working, b.state.working]).toEqual([1, 0])
    expect(a.leases.held()).toEqual([{ name: 'sweep', held: true }])
    await pass(60_000)
    expect([a.state, b.state]).toEqual([
      { working: 1, terms: 1 },
      { working: 0, terms: 0 },
    ])
    await a.stop()
    await pass(1_100)
    expect([a.state.working, b.state.working]).toEqual([0, 1])
    await b.stop()
  })

  test('of a process that died is taken within seconds', async () => {
    await counters.reserve([
      { kind: 'lease', key: 'lease:sweep', limit: 1, ttlMs: 5_000, holder: 'dead' },
    ])
    const b = worker('b')
    await pass(4_000)
    expect(b.state.working).toBe(0)
    await pass(2_000)
    expect(b.state.working).toBe(1)
    await b.stop()
  })

  test('that was lost while its holder stood still ends its work', async () => {
    const a = worker('a')
    await pass(10)
    counters = createCounters({ now: () => new Date(Date.now()) })
    const b = worker('b')
    await pass(1)
    expect([a.state.working, b.state.working]).toEqual([1, 1])
    await pass(2_000)
    expect([a.state.working, b.state.working]).toEqual([0, 1])
    await Promise.all([a.stop(), b.stop()])
  })

  test('goes to another where the work ends by itself, and comes back when that one stops', async () => {
    const unable = createLeases({ counters: asked, logger: silent }, 'unable')
    let tries = 0
    const lead = unable.lead('sweep', async () => {
      tries++
      await Promise.resolve()
    })
    await pass(10)
    const able = worker('able')
    await pass(5_000)
    expect([tries, able.state.working]).toEqual([1, 1])
    expect(unable.held()).toEqual([{ name: 'sweep', held: false }])
    await pass(60_000)
    expect([tries, able.state.terms]).toEqual([1, 1])
    await able.stop()
    await pass(2_000)
    expect(tries).toBe(2)
    await lead.stop()
  })

  test('is given up also where the work ends while it is being renewed', async () => {
    const ending = Promise.withResolvers<void>()
    const answering = Promise.withResolvers<void>()
    let reserved = 0
    const slow: Counters = {
      ...asked,
      async reserve(...reservations) {
        const answer = await asked.reserve(...reservations)
        if (++reserved === 2) await answering.promise
        return answer
      },
    }
    let terms = 0
    const unable = createLeases({ counters: slow, logger: silent }, 'unable')
    const lead = unable.lead('sweep', () => {
      terms++
      return ending.promise
    })
    await pass(2_000)
    ending.resolve()
    await pass(1)
    answering.resolve()
    const able = worker('able')
    await pass(5_000)
    expect([terms, able.state.working]).toEqual([1, 1])
    await Promise.all([able.stop(), lead.stop()])
  })

  test('that nobody can give is done without after a while', async () => {
    away = true
    const [a, b] = [worker('a'), worker('b')]
    await pass(4_000)
    expect([a.state.working, b.state.working]).toEqual([0, 0])
    await pass(3_000)
    expect([a.state.working, b.state.working]).toEqual([1, 1])
    away = false
    await pass(2_000)
    expect(a.state.working + b.state.working).toBe(1)
    await Promise.all([a.stop(), b.stop()])
  })
})
