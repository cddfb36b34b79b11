/** Keys: the first one made stays, a destroyed one never comes back, a new wrapping needs the old one. */
import { describe, expect, test } from 'vitest'
import type { StoredKey } from '../../src/ports/key-store.ts'
import { bytes, unique } from './harness.ts'
import type { OpenEngine } from './harness.ts'

const wrapped = (text: string, masterKeyId = 'm1'): StoredKey => ({
  wrapped: bytes(text),
  masterKeyId,
})
const textOf = (key: StoredKey | undefined) =>
  key && 'wrapped' in key ? `${Buffer.from(key.wrapped).toString()}@${key.masterKeyId}` : key

export function keyStoreContract(open: OpenEngine): void {
  describe('key store', () => {
    test('knows nothing of a key that was never made', async () => {
      const { keys } = (await open()).engine
      expect(await keys.get(unique('user'))).toBeUndefined()
    })
    test('gives back a key as it was stored', async () => {
      const { keys } = (await open()).engine
      const id = unique('user')
      expect(textOf(await keys.create(id, wrapped('k')))).toBe('k@m1')
      expect(textOf(await keys.get(id))).toBe('k@m1')
    })
    test('answers the first key to everybody who makes one', async () => {
      const { keys } = (await open()).engine
      const id = unique('user')
      const answers = await Promise.all(
        ['a', 'b', 'c', 'd'].map((text) => keys.create(id, wrapped(text))),
      )
      expect(new Set(answers.map(textOf)).size).toBe(1)
      expect(textOf(await keys.get(id))).toBe(textOf(answers[0]))
    })
    test('keeps keys and gravestones over a restart', async () => {
      const { engine, reopen } = await open()
      const [kept, gone] = [unique('user'), unique('user')]
      await engine.keys.create(kept, wrapped('k'))
      await engine.keys.create(gone, wrapped('g'))
      await engine.keys.destroy(gone)
      const { keys } = await reopen()
      expect(textOf(await keys.get(kept))).toBe('k@m1')
      expect(await keys.get(gone)).toEqual({ destroyed: true })
    })
    test('never makes a destroyed key again', async () => {
      const { keys } = (await open()).engine
      const id = unique('user')
      await keys.create(id, wrapped('k'))
      await keys.destroy(id)
      await keys.destroy(id)
      expect(await keys.get(id)).toEqual({ destroyed: true })
      expect(await keys.create(id, wrapped('again'))).toEqual({ destroyed: true })
    })
    test('destroys a key before it was ever made', async () => {
      const { keys } = (await open()).engine
      const id = unique('user')
      await keys.destroy(id)
      expect(await keys.create(id, wrapped('late'))).toEqual({ destroyed: true })
    })
    test('rewraps a key that is still wrapped as expected', async () => {
      const { keys } = (await open()).engine
      const id = unique('user')
      await keys.create(id, wrapped('old'))
      await keys.rewrap(id, wrapped('old'), wrapped('new', 'm2'))
      expect(textOf(await keys.get(id))).toBe('new@m2')
    })
    test('leaves a key alone whose wrapping is not the expected one', async () => {
      const { keys } = (await open()).engine
      const id = unique('user')
      await keys.create(id, wrapped('old'))
      await keys.rewrap(id, wrapped('other'), wrapped('new', 'm2'))
      await keys.rewrap(id, wrapped('old', 'm0'), wrapped('new', 'm2'))
      expect(textOf(await keys.get(id))).toBe('old@m1')
    })
    test('leaves a gravestone alone', async () => {
      const { keys } = (await open()).engine
      const id = unique('user')
      await keys.create(id, wrapped('old'))
      await keys.destroy(id)
      await keys.rewrap(id, wrapped('old'), wrapped('new', 'm2'))
      expect(await keys.get(id)).toEqual({ destroyed: true })
    })
    test('lists the ids of a prefix in order, in pages, gravestones too', async () => {
      const { keys } = (await open()).engine
      const prefix = `${unique('user')}/`
      for (const name of ['c', 'a', 'b']) await keys.create(prefix + name, wrapped(name))
      await keys.destroy(`${prefix}b`)
      expect(await keys.list({ prefix, limit: 2 })).toEqual([`${prefix}a`, `${prefix}b`])
      expect(await keys.list({ prefix, after: `${prefix}b`, limit: 2 })).toEqual([`${prefix}c`])
    })
    test('keeps the master key, where it keeps one', async () => {
      const { engine, reopen } = await open()
      const before = await engine.keys.masterKey()
      const after = await (await reopen()).keys.masterKey()
      expect(after).toEqual(before)
      if (before) expect(before.byteLength).toBe(32)
    })
  })
}
