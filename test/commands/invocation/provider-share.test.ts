// A provider that is asked too much is asked in turns, so that one organization's many calls starve nobody,
// and nothing at all happens while it takes everything.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  createProviderShare,
  type Place,
  type ProviderShare,
} from '../../../src/commands/invocation/provider-share.ts'
import { LlmFailure } from '../../../src/ports/llm.ts'

const target = { baseUrl: 'https://api.example.com/v1', apiKey: 'sk-1', model: 'm-1' }
const TAKEN = { kind: 'taken' } as const
const refused = (retryAfterMs?: number) => ({ kind: 'refused', retryAfterMs }) as const

let share: ProviderShare
beforeEach(() => {
  vi.useFakeTimers()
  share = createProviderShare()
})
afterEach(() => void vi.useRealTimers())

const enter = (orgId: string, change: Partial<Parameters<ProviderShare['enter']>[0]> = {}) =>
  share.enter({ target, orgId, waitMs: 10_000, signal: new AbortController().signal, ...change })

/** Enters and notes when it may go. */
function line() {
  const order: string[] = []
  const places: Place[] = []
  const failed: string[] = []
  return {
    order,
    places,
    failed,
    add: (orgId: string, waitMs = 10_000): void => {
      void enter(orgId, { waitMs }).then(
        (place) => {
          order.push(orgId)
          places.push(place)
        },
        (error: LlmFailure) => failed.push(`${orgId}: ${error.reason}`),
      )
    },
  }
}
const settle = () => vi.advanceTimersByTimeAsync(0)

/** The lane as it is after `atOnce` calls of org_a of which the provider took none. */
async function narrowed(atOnce: number): Promise<void> {
  const places = await Promise.all(Array.from({ length: atOnce }, () => enter('org_a')))
  for (const place of places) place(refused(1_000))
}

describe('while nothing is refused', () => {
  test('everybody goes at once, whatever else a call ends with', async () => {
    const places = await Promise.all(Array.from({ length: 500 }, () => enter('org_a')))
    for (const place of places) place({ kind: 'unknown' })
    await Promise.all(Array.from({ length: 500 }, () => enter('org_b')))
    expect(share.load().narrow).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('after a refusal', () => {
  test('calls wait for the rest that the provider asked for, then go one by one', async () => {
    await narrowed(8)
    expect(share.load().narrow).toBe(1)
    const { add, order, places } = line()
    for (let n = 0; n < 3; n++) add('org_a')
    await vi.advanceTimersByTimeAsync(999)
    expect(order).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    // Nothing of the burst was taken: one tries.
    expect(order).toHaveLength(1)
    places[0]?.(TAKEN)
    await settle()
    // And as it was taken, two may.
    expect(order).toHaveLength(3)
  })

  test('who has fewer under way goes first, and of equals in turns', async () => {
    await narrowed(2)
    const { add, order, places } = line()
    for (let n = 0; n < 20; n++) add('org_greedy')
    await vi.advanceTimersByTimeAsync(1_000)
    add('org_small')
    add('org_small')
    add('org_other')
    for (let n = 0; n < 6; n++) {
      places.shift()?.(TAKEN)
      await settle()
    }
    expect(order.slice(0, 6).filter((one) => one === 'org_small')).toHaveLength(2)
    expect(order.slice(0, 6)).toContain('org_other')
  })

  test('another organization tries one call during the rest; if it is taken the rest is over', async () => {
    await narrowed(4)
    const { add, order, places } = line()
    add('org_a')
    add('org_b')
    add('org_b')
    await settle()
    expect(order).toEqual(['org_b'])
    places[0]?.(TAKEN)
    await settle()
    expect(order).toHaveLength(3)
  })

  test('a wait is bounded, and in vain where the rest is longer', async () => {
    await narrowed(2)
    const { add, failed } = line()
    add('org_a', 500)
    await settle()
    expect(failed).toEqual(['org_a: rate_limited'])
    // One is under way and never ends.
    await vi.advanceTimersByTimeAsync(1_000)
    void enter('org_a')
    add('org_b', 2_000)
    await vi.advanceTimersByTimeAsync(2_000)
    expect(failed).toEqual(['org_a: rate_limited', 'org_b: rate_limited'])
  })

  test('who gives up while waiting has used nothing', async () => {
    await narrowed(2)
    const gone = new AbortController()
    const waiting = enter('org_a', { signal: gone.signal })
    gone.abort()
    await expect(waiting).rejects.toMatchObject({ reason: 'aborted', usage: { output: 0 } })
    expect(vi.getTimerCount()).toBe(0)
  })

  test('no rest is longer than a wait, and without a word of the provider it grows', async () => {
    const [first] = [await enter('org_a')]
    first(refused(600_000))
    const { add, order, places } = line()
    add('org_a', 10_000)
    await vi.advanceTimersByTimeAsync(8_000)
    expect(order).toHaveLength(1)
    places[0]?.(refused())
    add('org_a')
    await vi.advanceTimersByTimeAsync(499)
    expect(order).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(order).toHaveLength(2)
  })

  test('the lane is open again after a minute without one', async () => {
    const places = await Promise.all(Array.from({ length: 4 }, () => enter('org_a')))
    for (const place of places) place(refused(0))
    await vi.advanceTimersByTimeAsync(60_000)
    await Promise.all(Array.from({ length: 100 }, () => enter('org_a')))
    expect(share.load().narrow).toBe(0)
  })

  test('other models, keys and addresses are not held up', async () => {
    await narrowed(2)
    const others = [{ model: 'm-2' }, { apiKey: 'sk-2' }, { baseUrl: 'https://other.example/v1' }]
    for (const change of others) await enter('org_a', { target: { ...target, ...change } })
    expect(share.load().narrow).toBe(1)
  })
})

test('a provider that takes n at once is soon asked for about n, by everybody', async () => {
  const { add, order, places } = line()
  const CAPACITY = 8
  const ORGS = ['org_a', 'org_b', 'org_c']
  let under = 0
  let refusals = 0
  const seen = new Map<string, number>()
  const step = async (ms: number) => {
    await vi.advanceTimersByTimeAsync(ms)
    // Whoever came beyond the capacity is refused at once; the others take a second.
    while (places.length > 0) {
      const place = places.shift()
      const orgId = order[order.length - places.length - 1] ?? ''
      if (under >= CAPACITY) {
        refusals++
        place?.(refused(1_000))
        continue
      }
      under++
      seen.set(orgId, (seen.get(orgId) ?? 0) + 1)
      setTimeout(() => {
        under--
        place?.(TAKEN)
      }, 1_000)
    }
  }
  for (let n = 0; n < 30; n++) {
    for (let i = 0; i < 20; i++) add('org_a', 600_000)
    add('org_b', 600_000)
    add('org_c', 600_000)
    for (let i = 0; i < 20; i++) await step(100)
  }
  expect(refusals).toBeLessThan(60)
  // What the small ones asked for, they got.
  for (const one of ORGS.slice(1)) expect(seen.get(one) ?? 0).toBeGreaterThan(26)
  expect(seen.get('org_a') ?? 0).toBeGreaterThan(200)
})
