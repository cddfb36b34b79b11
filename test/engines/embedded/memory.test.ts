// What lives in memory is bounded, forgets in time, and waits longer after each failure.
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createCounters } from '../../../src/engines/embedded/counters.ts'
import { createJobQueue } from '../../../src/engines/embedded/job-queue.ts'
import { createLiveFeed } from '../../../src/engines/embedded/live-feed.ts'
import type { FeedItem, LiveFeed } from '../../../src/ports/live-feed.ts'
import { never } from '../../contracts/harness.ts'
import { fakeClock } from '../../support/clock.ts'
import { silent } from '../../support/silent.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const say = (feed: LiveFeed, id: string, offset: number, text: string) =>
  feed.publish(id, { kind: 'delta', attempt: 1, offset, text })

/** What is kept of an invocation right now. */
async function kept(feed: LiveFeed, id: string): Promise<FeedItem[]> {
  const stop = new AbortController()
  const items: FeedItem[] = []
  const all = (async () => {
    for await (const item of feed.listen(id, { signal: stop.signal })) items.push(item)
  })()
  await nextTurn()
  stop.abort()
  await all
  return items
}

describe('live feed', () => {
  const limits = { feedBytes: 1_000, totalBytes: 3_000, keepMs: 60_000 }

  test('keeps the newest pieces of an invocation', async () => {
    const feed = createLiveFeed(limits)
    for (let n = 1; n <= 50; n++) say(feed, 'a', n * 36, 'x'.repeat(36))
    const items = await kept(feed, 'a')
    expect(items.length).toBeGreaterThan(5)
    expect(items.length).toBeLessThanOrEqual(10)
    expect(items.at(-1)).toMatchObject({ offset: 50 * 36 })
  })
  test('forgets the oldest invocations when all together are too many', async () => {
    const feed = createLiveFeed(limits)
    for (const id of ['a', 'b', 'c', 'd', 'e']) say(feed, id, 736, 'x'.repeat(736))
    expect(await kept(feed, 'a')).toEqual([])
    expect(await kept(feed, 'e')).toHaveLength(1)
  })
  test('a listener that fell behind goes on with what is left', async () => {
    const feed = createLiveFeed(limits)
    const items = feed.listen('a', { signal: never() })[Symbol.asyncIterator]()
    say(feed, 'a', 1, 'x')
    expect((await items.next()).value).toMatchObject({ offset: 1 })
    for (let n = 2; n <= 100; n++) say(feed, 'a', n, 'x')
    const { value } = await items.next()
    expect(value).toMatchObject({ kind: 'delta', offset: expect.any(Number) })
    expect((value as { offset: number }).offset).toBeGreaterThan(50)
  })
  test('forgets an invocation a minute after its end', async () => {
    const feed = createLiveFeed(limits)
    say(feed, 'a', 1, 'x')
    feed.publish('a', { kind: 'end' })
    vi.advanceTimersByTime(59_999)
    expect(await kept(feed, 'a')).toHaveLength(2)
    vi.advanceTimersByTime(1)
    expect(await kept(feed, 'a')).toEqual([])
  })
})

describe('counters', () => {
  test('let go of what has expired while new keys come', async () => {
    const clock = fakeClock()
    const counters = createCounters(clock)
    const before = process.memoryUsage().heapUsed
    for (let n = 0; n < 300_000; n++) {
      await counters.set(`code ${n}`, 'x'.repeat(100), 1_000)
      clock.advance(1)
    }
    expect(await counters.get('code 299999')).toBeDefined()
    expect(await counters.get('code 1')).toBeUndefined()
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(64 * 1024 * 1024)
  })
  test('let go of what was touched longest ago when nothing expires', async () => {
    const counters = createCounters(fakeClock())
    for (let n = 0; n <= 100_000; n++) await counters.set(`code ${n}`, 'x', 1e9)
    expect(await counters.get('code 0')).toBeUndefined()
    expect(await counters.get('code 1')).toBe('x')
  })
})

describe('job queue', () => {
  test('waits twice as long after each failure, at most a minute', async () => {
    const queue = createJobQueue(silent)
    const attempts: number[] = []
    const work = async (job: { attempt: number }) => {
      attempts.push(job.attempt)
      throw new Error('no')
    }
    queue.work('mail', work, { concurrency: 1, maxAttempts: 9 })
    await queue.add('mail', [{ id: 'a', payload: 0 }])
    await nextTurn()
    for (const seconds of [1, 2, 4, 8, 16, 32, 60, 60]) {
      const before = attempts.length
      await vi.advanceTimersByTimeAsync(seconds * 1_000 - 1)
      expect(attempts).toHaveLength(before)
      await vi.advanceTimersByTimeAsync(1)
      expect(attempts).toHaveLength(before + 1)
    }
    expect(attempts).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(await queue.counts('mail')).toEqual({ waiting: 0, running: 0, delayed: 0 })
  })
  test('holds a job back for longer than a timer can', async () => {
    const queue = createJobQueue(silent)
    const seen: string[] = []
    queue.work('mail', async (job) => void seen.push(job.id), { concurrency: 1 })
    const days = 24 * 3_600_000
    await queue.add('mail', [{ id: 'a', payload: 0, delayMs: 40 * days }])
    await vi.advanceTimersByTimeAsync(39 * days)
    expect(seen).toEqual([])
    await vi.advanceTimersByTimeAsync(days)
    expect(seen).toEqual(['a'])
  })
  test('takes no more jobs than it can hold', async () => {
    const queue = createJobQueue(silent)
    const jobs = Array.from({ length: 100_050 }, (_, n) => ({ id: `j${n}`, payload: 0 }))
    await queue.add('mail', jobs)
    expect(await queue.counts('mail')).toMatchObject({ waiting: 100_000 })
  })
  test('loses nothing and doubles nothing of many jobs', async () => {
    const queue = createJobQueue(silent)
    const seen = new Set<string>()
    let calls = 0
    const jobs = Array.from({ length: 5_000 }, (_, n) => ({ id: `j${n}`, payload: 0 }))
    queue.work('mail', async (job) => void (calls++, seen.add(job.id)), { concurrency: 7 })
    await queue.add('mail', jobs)
    await vi.waitFor(async () =>
      expect(await queue.counts('mail')).toEqual({ waiting: 0, running: 0, delayed: 0 }),
    )
    expect([calls, seen.size]).toEqual([5_000, 5_000])
  })
})
