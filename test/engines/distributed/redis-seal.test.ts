// Live text in Redis is opened only by who has the master key, in the feed it was said in, unchanged.
import { expect, test } from 'vitest'
import { createFeedSeal } from '../../../src/engines/distributed/redis/feed-seal.ts'

const seal = createFeedSeal(new Uint8Array(32).fill(1))

test.each(['hello', 'é🙂', 'x'.repeat(100_000)])('%.20s comes back', (text) => {
  expect(seal.open('feed', seal.seal('feed', text))).toBe(text)
})
test('the same text is never sealed the same way', () => {
  const sealed = Array.from({ length: 2_000 }, () => seal.seal('feed', 'hello'))
  expect(new Set(sealed).size).toBe(2_000)
})
test('nothing else opens it', () => {
  const sealed = seal.seal('feed', 'hello')
  expect(seal.open('another feed', sealed)).toBeUndefined()
  expect(createFeedSeal(new Uint8Array(32).fill(2)).open('feed', sealed)).toBeUndefined()
  const bytes = Buffer.from(sealed, 'base64')
  for (let at = 0; at < bytes.byteLength; at++) {
    const changed = Buffer.from(bytes)
    changed[at] = (changed[at] ?? 0) ^ 1
    expect(seal.open('feed', changed.toString('base64'))).toBeUndefined()
  }
  for (const short of ['', 'aGVsbG8=']) expect(seal.open('feed', short)).toBeUndefined()
})
test('more feeds than keys are kept are sealed and opened all the same', () => {
  const sealed = Array.from({ length: 5_000 }, (_, n) => seal.seal(`feed ${n}`, `text ${n}`))
  expect(sealed.map((one, n) => seal.open(`feed ${n}`, one))).toEqual(
    sealed.map((_, n) => `text ${n}`),
  )
})
