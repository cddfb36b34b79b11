/** A subscription to the log: everything once, in order, without a gap, at the consumer's pace. */
import { describe, expect, test } from 'vitest'
import { BEFORE_ALL } from '../../src/ports/event-store.ts'
import type { StoredEvent } from '../../src/ports/event-store.ts'
import { idsOf, never, newEvent, newEvents, take, unique } from './harness.ts'
import type { OpenEngine } from './harness.ts'

export function subscriptionContract(open: OpenEngine): void {
  describe('subscribe', () => {
    test('catches up, then goes live, with nothing between lost or doubled', async () => {
      const { events } = (await open()).engine
      const after = await events.head()
      const stream = unique('user')
      const before = newEvents(3)
      await events.append(stream, 'none', before)
      const taken = take(events.subscribe({ after, signal: never() }), 5)
      const later = newEvents(2)
      await events.append(stream, 2, later)
      expect(idsOf(await taken)).toEqual(idsOf([...before, ...later]))
    })
    test('begins after the position given, not at it', async () => {
      const { events } = (await open()).engine
      const { position } = await events.append(unique('user'), 'none', newEvents(1))
      const taken = take(events.subscribe({ after: position, signal: never() }), 1)
      const next = newEvent()
      await events.append(unique('user'), 'none', [next])
      expect(idsOf(await taken)).toEqual([next.id])
    })
    test('from before all begins with the first event of the log', async () => {
      const { events } = (await open()).engine
      await events.append(unique('user'), 'none', newEvents(1))
      const [first] = await events.readAll({ after: BEFORE_ALL, limit: 1 })
      const [seen] = await take(events.subscribe({ after: BEFORE_ALL, signal: never() }), 1)
      expect(seen).toEqual(first)
    })
    test('sees the log in the very order of readAll while many write', async () => {
      const { events } = (await open()).engine
      const after = await events.head()
      const taken = take(events.subscribe({ after, signal: never() }), 400)
      await Promise.all(
        Array.from({ length: 20 }, async () => {
          const stream = unique('account')
          for (let n = 0; n < 10; n++) {
            await events.append(stream, n === 0 ? 'none' : n * 2 - 1, newEvents(2))
          }
        }),
      )
      const seen = await taken
      expect(seen).toEqual(await events.readAll({ after, limit: 1_000 }))
      expect(seen).toHaveLength(400)
    })
    test('gives batches of at most a thousand', async () => {
      const { events } = (await open()).engine
      const after = await events.head()
      const stream = unique('account')
      await events.append(stream, 'none', newEvents(1_300))
      await events.append(stream, 1_299, newEvents(1_300))
      const sizes: number[] = []
      for await (const batch of events.subscribe({ after, signal: never() })) {
        sizes.push(batch.length)
        if (sizes.reduce((sum, size) => sum + size, 0) >= 2_600) break
      }
      expect(Math.max(...sizes)).toBeLessThanOrEqual(1_000)
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(2_600)
    })
    test('waits for a consumer that takes its time, and then gives it all', async () => {
      const { events } = (await open()).engine
      const after = await events.head()
      const subscription = events.subscribe({ after, signal: never() })[Symbol.asyncIterator]()
      const stream = unique('account')
      await events.append(stream, 'none', newEvents(1))
      const seen: StoredEvent[] = [...((await subscription.next()).value as StoredEvent[])]
      await events.append(stream, 0, newEvents(50))
      await events.append(stream, 50, newEvents(50))
      while (seen.length < 101) seen.push(...((await subscription.next()).value as StoredEvent[]))
      await subscription.return?.()
      expect(seen.map(({ revision }) => revision)).toEqual(seen.map((_, n) => n))
    })
    test('feeds several consumers at different places', async () => {
      const { events } = (await open()).engine
      const after = await events.head()
      const stream = unique('account')
      await events.append(stream, 'none', newEvents(5))
      const middle = (await events.readStream(stream))[2]?.position ?? BEFORE_ALL
      const all = take(events.subscribe({ after, signal: never() }), 8)
      const rest = take(events.subscribe({ after: middle, signal: never() }), 5)
      await events.append(stream, 4, newEvents(3))
      expect((await all).map(({ revision }) => revision)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
      expect((await rest).map(({ revision }) => revision)).toEqual([3, 4, 5, 6, 7])
    })
    test('ends without an error when the signal aborts while it waits', async () => {
      const { events } = (await open()).engine
      const stop = new AbortController()
      const ended = take(
        events.subscribe({ after: await events.head(), signal: stop.signal }),
        Number.POSITIVE_INFINITY,
      )
      stop.abort()
      expect(await ended).toEqual([])
    })
    test('gives nothing when the signal has aborted before', async () => {
      const { events } = (await open()).engine
      await events.append(unique('user'), 'none', newEvents(1))
      const signal = AbortSignal.abort()
      expect(await take(events.subscribe({ after: BEFORE_ALL, signal }), 1)).toEqual([])
    })
  })
}
