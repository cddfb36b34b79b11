// Counters, live feed and jobs in Redis keep the contracts of their ports, and leave nothing behind.
import * as fc from 'fast-check'
import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { createCounters as createEmbedded } from '../../../src/engines/embedded/counters.ts'
import type { Reservation } from '../../../src/ports/counters.ts'
import type { Engine } from '../../../src/ports/engine.ts'
import type { FeedItem } from '../../../src/ports/live-feed.ts'
import { leaseContract, reservationContract, windowContract } from '../../contracts/counters.ts'
import { never, type OpenEngine, unique } from '../../contracts/harness.ts'
import { jobQueueContract } from '../../contracts/job-queue.ts'
import { liveFeedContract } from '../../contracts/live-feed.ts'
import { fakeClock } from '../../support/clock.ts'
import { needs, serverUrl } from '../../support/distributed.ts'
import { openParts } from './redis-parts.ts'

const url = () => serverUrl('REDIS_URL')
const empty = { waiting: 0, running: 0, delayed: 0 }

/** Only the parts that Redis holds; they are not opened a second time. */
const open: OpenEngine = async ({ clock } = {}) => {
  const parts = await openParts({ url: url(), clock })
  return {
    engine: parts as unknown as Engine,
    reopen: () => Promise.reject(new Error('these parts are opened once')),
  }
}

/** What stands in Redis under a namespace: keys, their time to live, and everything in them. */
async function stored(namespace: string) {
  const redis = new Redis(url())
  onTestFinished(() => redis.disconnect())
  const keys = (await redis.keys(`{${namespace}}:*`)).filter((key) => !key.endsWith(':opened'))
  const ttls = await Promise.all(keys.map((key) => redis.pttl(key)))
  const dumps = await Promise.all(keys.map((key) => redis.dumpBuffer(key)))
  return {
    keys: keys.map((key) => key.replace(`{${namespace}}:`, '')),
    endless: keys.filter((_, index) => ttls[index] === -1),
    bytes: Buffer.concat(dumps.map((dump) => dump ?? Buffer.of())).toString('latin1'),
  }
}

needs('REDIS_URL')('in Redis', () => {
  windowContract(open)
  leaseContract(open)
  reservationContract(open)
  jobQueueContract(open)
  liveFeedContract(open)
  countersAlike()
  jobsInRedis()
  feedsInRedis()
})

function countersAlike(): void {
  const reservation = fc.oneof(
    fc.record({
      kind: fc.constant('window' as const),
      key: fc.constantFrom('a', 'b'),
      limit: fc.integer({ min: 0, max: 12 }),
      windowMs: fc.constantFrom(1_000, 60_000),
      units: fc.integer({ min: 1, max: 6 }),
    }),
    fc.record({
      kind: fc.constant('lease' as const),
      key: fc.constantFrom('a', 'b'),
      limit: fc.integer({ min: 1, max: 3 }),
      ttlMs: fc.constantFrom(500, 5_000),
      holder: fc.constantFrom('x', 'y', 'z', '1'),
    }),
  )
  const step = fc.record({
    gap: fc.nat(2_000),
    release: fc.boolean(),
    upwards: fc.boolean(),
    all: fc.array(reservation, { minLength: 1, maxLength: 4 }),
  })

  describe('counters', () => {
    test('answer exactly as those of the embedded engine, whatever is asked', async () => {
      const clock = fakeClock()
      const { counters } = await openParts({ url: url(), clock })
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
          const [embedded, apart] = [createEmbedded(clock), unique('run')]
          for (const { gap, release, upwards, all } of steps) {
            clock.advance(gap)
            const own: Reservation[] = all.map((one) => ({ ...one, key: `${apart} ${one.key}` }))
            const corrected = own.map((one) =>
              one.kind === 'window' && upwards ? { ...one, units: -one.units } : one,
            )
            if (release) {
              await Promise.all([embedded.release(corrected), counters.release(corrected)])
            } else {
              expect(await counters.reserve(own)).toEqual(await embedded.reserve(own))
            }
          }
        }),
        { numRuns: 60 },
      )
    })
    test('go by the clock of Redis when no test tells the time', async () => {
      const { counters } = await openParts({ url: url() })
      const calls = { kind: 'lease', key: 'calls', limit: 1, ttlMs: 300 } as const
      const take = (holder: string) => counters.reserve([{ ...calls, holder }])
      expect(await take('a')).toEqual({ ok: true, remaining: [0] })
      expect(await take('b')).toMatchObject({ ok: false })
      await vi.waitFor(async () => expect(await take('b')).toMatchObject({ ok: true }))
    })
    test('leave nothing that does not expire', async () => {
      const { counters, namespace } = await openParts({ url: url() })
      const rate = { kind: 'window', key: 'r', limit: 9, windowMs: 60_000, units: 3 } as const
      const lease = { kind: 'lease', key: 'l', limit: 9, ttlMs: 60_000 } as const
      await counters.reserve([rate, { ...lease, holder: 'a' }, { ...lease, holder: 'b' }])
      await counters.release([
        { ...rate, units: 1 },
        { ...lease, holder: 'a' },
      ])
      await counters.release([{ ...rate, units: -20 }])
      await counters.set('beat', '1', 60_000)
      const { keys, endless } = await stored(namespace)
      expect([keys.length, endless]).toEqual([3, []])
    })
  })
}

function jobsInRedis(): void {
  describe('jobs', () => {
    test('may have any id', async () => {
      const { jobs } = await openParts({ url: url() })
      const ids = ['17', '-1', 'a:b', 'a:b:c', 'meta', 'äöü 🙂', '100%', '{x}', 'a/b', '../..']
      const seen: string[] = []
      await jobs.add(
        'mail',
        ids.map((id) => ({ id, payload: id })),
      )
      jobs.work('mail', async ({ id, payload }) => void seen.push(`${id}=${String(payload)}`), {
        concurrency: 1,
      })
      await vi.waitFor(() => expect(seen).toEqual(ids.map((id) => `${id}=${id}`)))
    })
    test('are taken by the thousand, each once', async () => {
      const { jobs } = await openParts({ url: url() })
      const ids = Array.from({ length: 3_000 }, (_, n) => `job ${n}`)
      const seen: string[] = []
      jobs.work('mail', async ({ id }) => void seen.push(id), { concurrency: 20 })
      await jobs.add(
        'mail',
        ids.map((id) => ({ id, payload: 0 })),
      )
      await vi.waitFor(async () => expect(await jobs.counts('mail')).toEqual(empty), 20_000)
      expect(seen.sort()).toEqual(ids.sort())
    })
    test('that are over are gone, and why one failed is not told to Redis', async () => {
      const { jobs, namespace } = await openParts({ url: url() })
      const work = async ({ id }: { id: string }) => {
        if (id === 'bad') throw new Error('somebody@example.com does not exist')
      }
      jobs.work('mail', work, { concurrency: 1, maxAttempts: 2 })
      await jobs.add('mail', [
        { id: 'good', payload: 0 },
        { id: 'bad', payload: 0 },
      ])
      await vi.waitFor(async () =>
        expect(await jobs.counts('mail')).toEqual({ ...empty, delayed: 1 }),
      )
      expect((await stored(namespace)).bytes).not.toContain('somebody')
      await vi.waitFor(async () => expect(await jobs.counts('mail')).toEqual(empty), 5_000)
      const left = (await stored(namespace)).keys.filter((key) => key.includes('job-'))
      expect(left).toEqual([])
    })
  })
}

function feedsInRedis(): void {
  const speak = (text: string, end: number): FeedItem => ({
    kind: 'delta',
    attempt: 1,
    offset: end,
    text,
  })
  async function hearAll(items: AsyncIterable<FeedItem>): Promise<string> {
    let text = ''
    for await (const item of items) if (item.kind === 'delta') text += item.text
    return text
  }

  describe('feeds', () => {
    test('of a thousand invocations reach a thousand listeners whole, over few connections', async () => {
      const speaker = await openParts({ url: url() })
      const listener = await openParts({ url: url(), namespace: speaker.namespace })
      const ids = Array.from({ length: 1_000 }, (_, n) => `inv ${n}`)
      const texts = ids.map((id) => hearAll(listener.feed.listen(id, { signal: never() })))
      const words = Array.from({ length: 20 }, (_, n) => `${n} `)
      let said = ''
      for (const word of words) {
        said += word
        for (const id of ids) speaker.feed.publish(id, speak(word, said.length))
        await new Promise((resolve) => setImmediate(resolve))
      }
      for (const id of ids) speaker.feed.publish(id, { kind: 'end' })
      for (const text of await Promise.all(texts)) expect(text).toBe(said)
      const clients = await listener.redis.commands.client('LIST')
      // Of all tests that run now; a connection for each listener would be a thousand.
      expect(String(clients).split('\n').length).toBeLessThan(200)
    })
    test('are joined by anybody at any time without a gap or a repeat', async () => {
      const { feed, namespace } = await openParts({ url: url() })
      const others = await openParts({ url: url(), namespace })
      const id = unique('inv')
      const heard: Promise<string>[] = []
      let said = ''
      for (let n = 0; n < 1_500; n++) {
        said += `${n} `
        feed.publish(id, speak(`${n} `, said.length))
        if (n % 50 === 0) heard.push(hearAll(others.feed.listen(id, { signal: never() })))
        if (n % 7 === 0) await new Promise((resolve) => setImmediate(resolve))
      }
      feed.publish(id, { kind: 'end' })
      for (const text of await Promise.all(heard)) expect(text).toBe(said)
    })
    test('wait for nobody: who stopped taking goes on where it was', async () => {
      const limits = { outBytes: 8 * 1024 * 1024, listenerBytes: 4_096 }
      const { feed } = await openParts({ url: url(), limits })
      const id = unique('inv')
      const slow = feed.listen(id, { signal: never() })[Symbol.asyncIterator]()
      const quick = hearAll(feed.listen(id, { signal: never() }))
      let said = ''
      for (let n = 0; n < 900; n++) {
        said += `${n} `.padEnd(40)
        feed.publish(id, speak(`${n} `.padEnd(40), said.length))
      }
      const first = await slow.next()
      feed.publish(id, { kind: 'end' })
      expect(await quick).toBe(said)
      const taken = (first.value as Extract<FeedItem, { kind: 'delta' }>).text
      expect(taken + (await hearAll({ [Symbol.asyncIterator]: () => slow }))).toBe(said)
    })
    test('lie in Redis sealed, and not for ever', async () => {
      const { feed, namespace } = await openParts({ url: url() })
      const [id, text] = [unique('inv'), 'what nobody else may read']
      feed.publish(id, speak(text, text.length))
      feed.publish(id, { kind: 'end' })
      expect(await hearAll(feed.listen(id, { signal: never() }))).toBe(text)
      const { keys, endless, bytes } = await stored(namespace)
      expect([keys.length, endless]).toEqual([1, []])
      expect(bytes).not.toContain('nobody')
    })
  })
}
