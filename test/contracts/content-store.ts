/** Contents: one immutable part per key, there once `put` has answered, gone once deleted. */
import { describe, expect, test } from 'vitest'
import { bytes, unique } from './harness.ts'
import type { OpenEngine } from './harness.ts'

export function contentStoreContract(open: OpenEngine): void {
  describe('content store', () => {
    test('gives back the bytes of a key', async () => {
      const { contents } = (await open()).engine
      const key = unique('inv')
      const part = Uint8Array.from({ length: 256 }, (_, n) => n)
      await contents.put(key, part)
      expect(new Uint8Array((await contents.get(key)) ?? [])).toEqual(part)
    })
    test('knows nothing of a key that was never stored', async () => {
      const { contents } = (await open()).engine
      expect(await contents.get(unique('inv'))).toBeUndefined()
    })
    test('keeps an empty part apart from a missing one', async () => {
      const { contents } = (await open()).engine
      const key = unique('inv')
      await contents.put(key, new Uint8Array())
      expect((await contents.get(key))?.byteLength).toBe(0)
    })
    test('never changes a part: the same key again leaves the first bytes', async () => {
      const { contents } = (await open()).engine
      const key = unique('inv')
      await contents.put(key, bytes('first'))
      await contents.put(key, bytes('first'))
      await contents.put(key, bytes('second'))
      expect(Buffer.from((await contents.get(key)) ?? []).toString()).toBe('first')
    })
    test('keeps a part of four megabytes', async () => {
      const { contents } = (await open()).engine
      const key = unique('inv')
      const part = new Uint8Array(4 * 1024 * 1024).fill(7)
      await contents.put(key, part)
      expect((await contents.get(key))?.byteLength).toBe(part.byteLength)
    })
    test('takes many parts at once', async () => {
      const { contents } = (await open()).engine
      const keys = Array.from({ length: 100 }, () => unique('inv'))
      await Promise.all(keys.map((key) => contents.put(key, bytes(key))))
      for (const key of keys)
        expect(Buffer.from((await contents.get(key)) ?? []).toString()).toBe(key)
    })
    test('keeps parts over a restart', async () => {
      const { engine, reopen } = await open()
      const key = unique('inv')
      await engine.contents.put(key, bytes('kept'))
      const { contents } = await reopen()
      expect(Buffer.from((await contents.get(key)) ?? []).toString()).toBe('kept')
    })
    test('deletes parts, also twice, and ignores keys it does not know', async () => {
      const { contents } = (await open()).engine
      const [one, two] = [unique('inv'), unique('inv')]
      await contents.put(one, bytes('1'))
      await contents.put(two, bytes('2'))
      await contents.delete([one, unique('inv')])
      await contents.delete([one])
      await contents.delete([])
      expect(await contents.get(one)).toBeUndefined()
      expect(await contents.get(two)).toBeDefined()
    })
    test('lists the keys of a prefix in order, in pages, with their times', async () => {
      const { contents } = (await open()).engine
      const prefix = `${unique('org')}/`
      const started = Date.now()
      for (const name of ['c', 'a', 'd', 'b']) await contents.put(prefix + name, bytes(name))
      await contents.put(`${prefix.slice(0, -1)}0`, bytes('another prefix'))
      const first = await contents.list({ prefix, limit: 3 })
      expect(first.map(({ key }) => key)).toEqual(['a', 'b', 'c'].map((name) => prefix + name))
      for (const { storedAt } of first) {
        expect(storedAt).toBeGreaterThanOrEqual(started)
        expect(storedAt).toBeLessThanOrEqual(Date.now())
      }
      const rest = await contents.list({ prefix, after: `${prefix}c`, limit: 3 })
      expect(rest.map(({ key }) => key)).toEqual([`${prefix}d`])
      expect(await contents.list({ prefix, after: `${prefix}d`, limit: 3 })).toEqual([])
    })
  })
}
