// Passwords are kept as argon2id of our own parameters, and hashing never takes more than its share.
import argon2 from 'argon2'
import { expect, test } from 'vitest'
import { createArgon2 } from '../../src/adapters/argon2.ts'
import { Refusal } from '../../src/domain/refusal.ts'

const password = 'correct horse battery'

test('a hash says argon2id, 19 MiB, 2 passes, 1 lane, and verifies only its password', async () => {
  const passwords = createArgon2()
  const hash = await passwords.hash(password)
  expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,p=1,t=2\$[^$]{22}\$[^$]{43}$/)
  expect(await passwords.verify(password, hash)).toEqual({ ok: true, rehash: false })
  for (const other of ['Correct horse battery', `${password} `, password.slice(0, -1)])
    expect(await passwords.verify(other, hash)).toEqual({ ok: false, rehash: false })
  expect(await passwords.hash(password)).not.toBe(hash)
})

test('nothing is cut off: passwords that differ after 72 bytes are different', async () => {
  const passwords = createArgon2()
  const hash = await passwords.hash('x'.repeat(100) + 'a')
  expect((await passwords.verify('x'.repeat(100) + 'b', hash)).ok).toBe(false)
})

test('hashes of other parameters verify and ask to be renewed', async () => {
  const passwords = createArgon2()
  const older = await argon2.hash(password, { memoryCost: 12_288, timeCost: 3, parallelism: 1 })
  expect(await passwords.verify(password, older)).toEqual({ ok: true, rehash: true })
  expect(await passwords.verify('another one', older)).toEqual({ ok: false, rehash: false })
  const kind = { memoryCost: 19_456, timeCost: 2, parallelism: 1, type: argon2.argon2i } as const
  expect(await passwords.verify(password, await argon2.hash(password, kind))).toEqual({
    ok: true,
    rehash: true,
  })
})

test('no hash, or one that cannot be read, verifies nothing, at the cost of a real one', async () => {
  const passwords = createArgon2({ atOnce: 1 })
  const real = await passwords.hash(password)
  const time = async (hash: string | undefined) => {
    const times: number[] = []
    for (let i = 0; i < 5; i++) {
      const start = performance.now()
      expect(await passwords.verify('guess of somebody', hash)).toEqual({
        ok: false,
        rehash: false,
      })
      times.push(performance.now() - start)
    }
    return Math.min(...times)
  }
  const limit = (await time(real)) / 4
  for (const hash of [
    undefined,
    '',
    'nonsense',
    '$argon2id$v=19$m=19456,t=2$aaaa',
    '$argon2id$v=19$m=19456,t=2,p=1$aaaa$aaaaaaaa',
    '$2b$10$abcdefghijklmnopqrstuv',
  ])
    expect(await time(hash), String(hash)).toBeGreaterThan(limit)
})

test('as many at once as allowed, the rest in order, beyond the queue a refusal', async () => {
  const passwords = createArgon2({ atOnce: 1, queue: 2 })
  const ended: number[] = []
  const asked = [0, 1, 2].map((n) => passwords.hash(password).then(() => ended.push(n)))
  await expect(passwords.hash(password)).rejects.toThrow(new Refusal('too_many_hashes'))
  await expect(passwords.verify(password, undefined)).rejects.toThrow(Refusal)
  await Promise.all(asked)
  expect(ended).toEqual([0, 1, 2])
  expect(await passwords.verify(password, undefined)).toEqual({ ok: false, rehash: false })
})
