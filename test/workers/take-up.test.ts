// One organization that cannot be served keeps no other from being served.
import { expect, test } from 'vitest'
import { takeUp } from '../../src/workers/take-up.ts'
import { silent } from '../support/silent.ts'

test('goes on after a failure, counts what was done, stops when asked', async () => {
  const abort = new AbortController()
  const seen: number[] = []
  const work = async (item: number) => {
    seen.push(item)
    if (item === 2) throw new Error('cannot')
    if (item === 5) abort.abort()
    return item !== 3
  }
  const taken = await takeUp({ logger: silent }, 'test', [1, 2, 3, 4, 5, 6], abort.signal, work)
  expect(seen).toEqual([1, 2, 3, 4, 5])
  expect(taken).toBe(3)
})
