// What is sealed opens only under its own key and context, and a destroyed key erases it for ever.
import { randomBytes } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import * as fc from 'fast-check'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { createSealer } from '../../src/adapters/sealing.ts'
import { ERASED } from '../../src/domain/personal.ts'
import type { KeyStore } from '../../src/ports/key-store.ts'
import { Unavailable } from '../../src/ports/unavailable.ts'
import { memoryKeyStore } from '../support/key-store.ts'

const masterKey = Buffer.alloc(32, 7)
const open = async (keys = memoryKeyStore()) => ({
  keys,
  sealer: await createSealer({ keys, masterKey }),
})

describe('sealing', () => {
  test('any JSON value comes back, and its text is nowhere in what is stored', async () => {
    const { sealer } = await open()
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        const sealed = await sealer.seal('user/usr_1', 'event/email/v1', value)
        expect(await sealer.open(sealed)).toEqual(JSON.parse(JSON.stringify(value)))
      }),
      { numRuns: 50 },
    )
    const sealed = await sealer.seal('user/usr_1', 'c', 'ada@example.com')
    expect(Buffer.from(sealed.sealed, 'base64url').toString('latin1')).not.toContain('ada')
    expect(await sealer.seal('user/usr_1', 'c', 'ada@example.com')).not.toEqual(sealed)
  })

  test('a changed byte anywhere, another key or another context is a defect', async () => {
    const { sealer } = await open()
    const sealed = await sealer.seal('user/usr_1', 'event/email/v1', 'ada')
    const bytes = Buffer.from(sealed.sealed, 'base64url')
    for (let i = 0; i < bytes.length; i++) {
      const changed = Buffer.from(bytes)
      changed[i] = (changed[i] ?? 0) ^ 1
      await expect(
        sealer.open({ ...sealed, sealed: changed.toString('base64url') }),
      ).rejects.toThrow()
    }
    await sealer.seal('user/usr_2', 'c', 'x')
    await expect(sealer.open({ ...sealed, key: 'user/usr_2' })).rejects.toThrow()
    await expect(sealer.open({ ...sealed, context: 'event/name/v1' })).rejects.toThrow()
    await expect(sealer.open({ ...sealed, sealed: 'AAAA' })).rejects.toThrow('cut short')
    await expect(sealer.open({ ...sealed, key: 'user/nobody' })).rejects.toThrow(
      'not in the key store',
    )
  })

  test('bytes too, bound in the same way', async () => {
    const { sealer } = await open()
    const bytes = randomBytes(1000)
    const sealed = await sealer.sealBytes('content/org_1', 'ref', bytes)
    expect(await sealer.openBytes('content/org_1', 'ref', sealed)).toEqual(bytes)
    await expect(sealer.openBytes('content/org_1', 'other', sealed)).rejects.toThrow()
  })

  test('many at once make one key', async () => {
    const { keys, sealer } = await open()
    const sealed = await Promise.all(
      Array.from({ length: 50 }, (_, n) => sealer.seal('user/usr_1', 'c', n)),
    )
    expect([...keys.keys.keys()].filter((id) => id.startsWith('user/'))).toEqual(['user/usr_1'])
    const { sealer: another } = await open(keys)
    expect(await Promise.all(sealed.map((one) => another.open(one)))).toEqual(
      sealed.map((_, n) => n),
    )
  })

  test('more subjects than the cache holds', async () => {
    const keys = memoryKeyStore()
    const sealer = await createSealer({ keys, masterKey, cachedKeys: 3 })
    const sealed = []
    for (let n = 0; n < 10; n++) sealed.push(await sealer.seal(`user/usr_${n}`, 'c', n))
    expect(await Promise.all(sealed.map((one) => sealer.open(one)))).toEqual(
      sealed.map((_, n) => n),
    )
  })
})

describe('destroying', () => {
  test('erases what was sealed and what is sealed later, in every process', async () => {
    const { keys, sealer } = await open()
    const { sealer: other } = await open(keys)
    const sealed = await sealer.seal('user/usr_1', 'c', 'ada')
    const bytes = await sealer.sealBytes('user/usr_1', 'c', Buffer.from('ada'))
    expect(await other.open(sealed)).toBe('ada')

    await sealer.destroy('user/usr_1')
    expect(await sealer.open(sealed)).toEqual(ERASED)
    expect(await sealer.openBytes('user/usr_1', 'c', bytes)).toBeUndefined()
    other.forget('user/usr_1')
    expect(await other.open(sealed)).toEqual(ERASED)

    const late = await sealer.seal('user/usr_1', 'c', 'again')
    expect(late).toEqual({ key: 'user/usr_1', context: 'c', sealed: '' })
    expect(await sealer.open(late)).toEqual(ERASED)
    const lateBytes = await sealer.sealBytes('user/usr_1', 'c', Buffer.from('again'))
    expect(lateBytes).toHaveLength(0)
    expect(await sealer.openBytes('user/usr_1', 'c', lateBytes)).toBeUndefined()
  })

  test('a key that was just being read does not stay in memory', async () => {
    const keys = memoryKeyStore()
    const { sealer } = await open(keys)
    const sealed = await sealer.seal('user/usr_1', 'c', 'ada')
    const read = Promise.withResolvers<void>()
    const slow = {
      ...keys,
      get: async (id: string) => {
        const stored = await keys.get(id)
        if (id.startsWith('user/')) await read.promise
        return stored
      },
    }
    const reader = await createSealer({ keys: slow, masterKey })
    const opening = reader.open(sealed)
    await reader.destroy('user/usr_1')
    read.resolve()
    expect(await opening).toBe('ada')
    expect(await reader.open(sealed)).toEqual(ERASED)
  })
})

describe('our own keys', () => {
  test('digests are stable across starts, and differ by purpose and value', async () => {
    const { keys, sealer } = await open()
    const { sealer: later } = await open(keys)
    const digest = sealer.hmac('email', 'ada@example.com')
    expect(digest).toMatch(/^[0-9a-f]{64}$/)
    expect(later.hmac('email', 'ada@example.com')).toBe(digest)
    expect(sealer.hmac('address', 'ada@example.com')).not.toBe(digest)
    expect(sealer.hmac('email', 'bob@example.com')).not.toBe(digest)
    const { sealer: foreign } = await open()
    expect(foreign.hmac('email', 'ada@example.com')).not.toBe(digest)
  })

  test('a key is made once, replaced on purpose, and kept wrapped', async () => {
    const { keys, sealer } = await open()
    const make = async () => Buffer.from('secret material')
    const first = await sealer.ownKey('jwt', make)
    expect(Buffer.from(first).toString()).toBe('secret material')
    expect(await sealer.ownKey('jwt', async () => Buffer.from('other'))).toEqual(first)
    const replaced = await sealer.replaceOwnKey('jwt', async (current) =>
      Buffer.concat([current, Buffer.from(' two')]),
    )
    expect(Buffer.from(replaced).toString()).toBe('secret material two')
    expect(await sealer.ownKey('jwt', make)).toEqual(replaced)
    for (const stored of keys.keys.values())
      if ('wrapped' in stored)
        expect(Buffer.from(stored.wrapped).toString('latin1')).not.toContain('secret')
  })

  test('two that replace at once both have their effect', async () => {
    const { keys, sealer } = await open()
    const { sealer: other } = await open(keys)
    await sealer.ownKey('list', async () => Buffer.from('0'))
    const add = (by: typeof sealer, text: string) =>
      by.replaceOwnKey('list', async (current) => Buffer.concat([current, Buffer.from(text)]))
    await Promise.all([add(sealer, 'a'), add(other, 'b')])
    const list = Buffer.from(await sealer.ownKey('list', async () => Buffer.from('')))
    expect(list.toString().split('').sort().join('')).toBe('0ab')
  })
})

describe('the master key', () => {
  const next = Buffer.alloc(32, 9)

  test('a wrong one stops the start with a sentence', async () => {
    const { keys } = await open()
    await expect(createSealer({ keys, masterKey: next })).rejects.toThrow(
      'does not open the keys of this data',
    )
    await expect(createSealer({ keys, masterKey: Buffer.alloc(16) })).rejects.toThrow('32 bytes')
  })

  test('is one, also where two processes begin at once with two of them', async () => {
    const keys = memoryKeyStore()
    let made = 0
    const slow: KeyStore = {
      ...keys,
      async create(id, key) {
        if (made++ % 3 === 0) await setImmediate()
        return keys.create(id, key)
      },
    }
    const both = [masterKey, next]
    const begun = await Promise.allSettled(
      both.map((key) => createSealer({ keys: slow, masterKey: key })),
    )
    expect(begun.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    const [winner = masterKey] = both.filter((_, index) => begun[index]?.status === 'fulfilled')
    await expect(createSealer({ keys, masterKey: winner })).resolves.toBeDefined()
  })

  test('is rotated without changing a sealed value', async () => {
    const { keys, sealer } = await open()
    const sealed = await sealer.seal('user/usr_1', 'c', 'ada')
    await sealer.seal('user/usr_2', 'c', 'bob')
    await sealer.destroy('user/usr_2')
    const digest = sealer.hmac('email', 'x')
    expect(await sealer.rewrapAll(next)).toBe(10)
    expect(await sealer.rewrapAll(next)).toBe(0)
    expect(await sealer.open(sealed)).toBe('ada')
    const after = await createSealer({ keys, masterKey: next })
    expect(await after.open(sealed)).toBe('ada')
    expect(after.hmac('email', 'x')).toBe(digest)
    await expect(open(keys)).rejects.toThrow('does not open the keys of this data')
  })

  test('a key that another process destroys opens nothing two seconds later', async () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    onTestFinished(() => void vi.useRealTimers())
    const { keys, sealer: other } = await open()
    let away = false
    const asked = {
      ...keys,
      async get(id: string) {
        if (away) throw new Unavailable('key store')
        return keys.get(id)
      },
    }
    const sealer = await createSealer({ keys: asked, masterKey, alone: false })
    const sealed = await sealer.seal('user/usr_1', 'c', 'ada')
    const openedAfter = (ms: number) => {
      vi.advanceTimersByTime(ms)
      return sealer.open(sealed)
    }
    expect(await openedAfter(1_999)).toBe('ada')
    // Nobody can be asked: what is known goes on being used, not for ever.
    away = true
    expect(await openedAfter(2_000)).toBe('ada')
    expect(await openedAfter(200_000)).toBe('ada')
    await expect(openedAfter(100_000)).rejects.toThrow(Unavailable)
    away = false
    expect(await openedAfter(2_000)).toBe('ada')
    await other.destroy('user/usr_1')
    expect(await openedAfter(2_000)).toBe(ERASED)
    away = true
    expect(await openedAfter(400_000)).toBe(ERASED)
  })

  test('a rotation that was killed half way is finished with both keys', async () => {
    const { keys, sealer } = await open()
    const sealed = await sealer.seal('user/usr_1', 'c', 'ada')
    let left = 3
    const dying = {
      ...keys,
      rewrap: async (...[id, from, to]: Parameters<typeof keys.rewrap>) => {
        if (left-- === 0) throw new Error('killed')
        await keys.rewrap(id, from, to)
      },
    }
    const killed = await createSealer({ keys: dying, masterKey })
    await expect(killed.rewrapAll(next)).rejects.toThrow('killed')
    const resumed = await createSealer({ keys, masterKey: next, previousMasterKeys: [masterKey] })
    expect(await resumed.open(sealed)).toBe('ada')
    expect(await resumed.rewrapAll(next)).toBe(7)
    const after = await createSealer({ keys, masterKey: next })
    expect(await after.open(sealed)).toBe('ada')
  })
})
