/** The live text of an invocation: in order, resumable anywhere, never waiting for a slow listener. */
import { describe, expect, test } from 'vitest'
import type { FeedItem, LiveFeed } from '../../src/ports/live-feed.ts'
import { never, unique } from './harness.ts'
import type { OpenEngine } from './harness.ts'

/** Publishes texts of one attempt with their offsets. */
function speak(feed: LiveFeed, id: string, attempt: number, texts: readonly string[]): void {
  let offset = 0
  for (const text of texts) {
    offset += Buffer.byteLength(text)
    feed.publish(id, { kind: 'delta', attempt, offset, text })
  }
}
async function hear(items: AsyncIterable<FeedItem>, count = Number.POSITIVE_INFINITY) {
  const heard: string[] = []
  for await (const item of items) {
    heard.push(item.kind === 'end' ? '(end)' : `${item.attempt}:${item.text}`)
    if (heard.length >= count) break
  }
  return heard
}

export function liveFeedContract(open: OpenEngine): void {
  describe('live feed', () => {
    test('gives a listener what comes, until the end', async () => {
      const { feed } = (await open()).engine
      const id = unique('inv')
      const heard = hear(feed.listen(id, { signal: never() }))
      speak(feed, id, 1, ['Hel', 'lo'])
      feed.publish(id, { kind: 'end' })
      expect(await heard).toEqual(['1:Hel', '1:lo', '(end)'])
    })
    test('gives a late listener what was said before', async () => {
      const { feed } = (await open()).engine
      const id = unique('inv')
      speak(feed, id, 1, ['a', 'b'])
      const heard = hear(feed.listen(id, { signal: never() }), 3)
      feed.publish(id, { kind: 'delta', attempt: 1, offset: 3, text: 'c' })
      expect(await heard).toEqual(['1:a', '1:b', '1:c'])
    })
    test('ends at once for who listens after the end', async () => {
      const { feed } = (await open()).engine
      const id = unique('inv')
      speak(feed, id, 1, ['a'])
      feed.publish(id, { kind: 'end' })
      expect(await hear(feed.listen(id, { signal: never() }))).toEqual(['1:a', '(end)'])
    })
    test.each([
      [{ attempt: 1, offset: 0 }, ['1:é', '1:bc', '2:xy', '(end)']],
      [{ attempt: 1, offset: 2 }, ['1:bc', '2:xy', '(end)']],
      [{ attempt: 1, offset: 3 }, ['1:c', '2:xy', '(end)']],
      [{ attempt: 1, offset: 4 }, ['2:xy', '(end)']],
      [{ attempt: 2, offset: 1 }, ['2:y', '(end)']],
      [{ attempt: 2, offset: 2 }, ['(end)']],
      [{ attempt: 3, offset: 0 }, ['(end)']],
    ])('goes on after %o', async (after, expected) => {
      const { feed } = (await open()).engine
      const id = unique('inv')
      speak(feed, id, 1, ['é', 'bc'])
      speak(feed, id, 2, ['xy'])
      feed.publish(id, { kind: 'end' })
      expect(await hear(feed.listen(id, { after, signal: never() }))).toEqual(expected)
    })
    test('gives every listener everything', async () => {
      const { feed } = (await open()).engine
      const id = unique('inv')
      const all = Array.from({ length: 5 }, () => hear(feed.listen(id, { signal: never() })))
      speak(feed, id, 1, ['a', 'b'])
      feed.publish(id, { kind: 'end' })
      for (const heard of await Promise.all(all)) expect(heard).toEqual(['1:a', '1:b', '(end)'])
    })
    test('keeps invocations apart', async () => {
      const { feed } = (await open()).engine
      const [one, two] = [unique('inv'), unique('inv')]
      const heard = hear(feed.listen(one, { signal: never() }))
      speak(feed, two, 1, ['not for you'])
      feed.publish(two, { kind: 'end' })
      speak(feed, one, 1, ['for you'])
      feed.publish(one, { kind: 'end' })
      expect(await heard).toEqual(['1:for you', '(end)'])
    })
    test('does not wait for a listener that has stopped taking', async () => {
      const { feed } = (await open()).engine
      const id = unique('inv')
      const slow = feed.listen(id, { signal: never() })[Symbol.asyncIterator]()
      const first = slow.next()
      speak(feed, id, 1, Array<string>(5_000).fill('x'.repeat(1_024)))
      feed.publish(id, { kind: 'end' })
      expect((await first).value).toMatchObject({ kind: 'delta' })
      let bytes = 0
      for (;;) {
        const { value, done } = await slow.next()
        if (done) break
        const item = value as FeedItem
        if (item.kind === 'delta') bytes += item.text.length
      }
      expect(bytes).toBeLessThan(5_000 * 1_024)
    })
    test('waits for an unknown invocation until the signal', async () => {
      const { feed } = (await open()).engine
      const stop = new AbortController()
      const heard = hear(feed.listen(unique('inv'), { signal: stop.signal }))
      stop.abort()
      expect(await heard).toEqual([])
    })
    test('gives nothing to who has already gone', async () => {
      const { feed } = (await open()).engine
      const id = unique('inv')
      speak(feed, id, 1, ['a'])
      expect(await hear(feed.listen(id, { signal: AbortSignal.abort() }))).toEqual([])
    })
    test('says nothing after the end', async () => {
      const { feed } = (await open()).engine
      const id = unique('inv')
      feed.publish(id, { kind: 'end' })
      speak(feed, id, 2, ['too late'])
      expect(await hear(feed.listen(id, { signal: never() }))).toEqual(['(end)'])
    })
  })
}
