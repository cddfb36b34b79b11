// A Redis that cannot be trusted refuses the start with one sentence that names REDIS_URL, and no secret.
import type { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { openRedis } from '../../../src/engines/distributed/redis/connection.ts'
import { survey } from '../../../src/engines/distributed/redis/survey.ts'
import type { Logger } from '../../../src/ports/logger.ts'
import { StoreRefused } from '../../../src/ports/store-refused.ts'
import { silent } from '../../support/silent.ts'
import { redisMissing, startRedis } from './redis-server.ts'

const SECRET = 'pass-word-of-a-test'

async function server(...options: string[]) {
  const redis = await startRedis(...options)
  onTestFinished(() => redis.close())
  return redis
}

/** The sentence with which a start is refused. */
async function refused(url: string, reachableWithinMs = 2_000): Promise<string> {
  const opened = openRedis({ url, namespace: 'opening', logger: silent, reachableWithinMs })
  const error: unknown = await opened.then(
    (redis) => redis.close(),
    (reason: unknown) => reason,
  )
  if (!(error instanceof StoreRefused)) throw new Error('not refused', { cause: error })
  expect(`${error.message} ${String(error.cause)}`).not.toContain(SECRET)
  expect(error.message).toMatch(/REDIS_URL.*\.$/)
  return error.message
}

test.each(['', 'localhost:6379', 'http://localhost:6379', `redis://:${SECRET}@`, 'redis://'])(
  'refuses %j as no address',
  async (url) => {
    expect(await refused(url)).toMatch(/is not an address like redis:\/\/host:6379/)
  },
)

test('refuses where nobody answers, in bounded time', async () => {
  const began = performance.now()
  expect(await refused(`redis://user:${SECRET}@127.0.0.1:1`, 500)).toMatch(
    /no Redis answered at 127\.0\.0\.1:1 within .*ECONNREFUSED/,
  )
  expect(performance.now() - began).toBeLessThan(3_000)
})

test.each([
  ['redis_version:5.0.14\r\n', /is version 5\.0\.14; 6\.2 or later is needed/],
  ['redis_version:6.0.9\r\n', /is version 6\.0\.9/],
  ['redis_version:6.2.0\r\nmaxmemory_policy:volatile-ttl\r\n', /maxmemory-policy volatile-ttl/],
])('refuses %j', async (info, sentence) => {
  const client = { info: async () => info } as unknown as Redis
  const surveyed = survey(client, { address: 'there:6379', probe: 'probe', logger: silent })
  await expect(surveyed).rejects.toThrow(sentence)
})

if (redisMissing === undefined) {
  describe('a real server', () => {
    test('that throws away what it has no room for is refused', async () => {
      const { url } = await server('--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru')
      expect(await refused(url)).toMatch(/allkeys-lru .*set it to noeviction/)
    })
    test.each([
      ['', 'no password'],
      [':wrong@', 'a wrong password'],
      [`nobody:${SECRET}@`, 'a wrong name'],
    ])('that asks for a password is refused with %s (%s)', async (credentials) => {
      const { url } = await server('--requirepass', SECRET)
      const began = performance.now()
      expect(await refused(url.replace('//', `//${credentials}`), 10_000)).toMatch(
        /refused the user name or the password/,
      )
      expect(performance.now() - began).toBeLessThan(3_000)
    })
    test('that only copies another is refused', async () => {
      const { url } = await server('--replicaof', '127.0.0.1 1', '--masterauth', SECRET)
      expect(await refused(url)).toMatch(/cannot be written to \(READONLY\)|no Redis answered/)
    })
    test('that does not answer for a while is asked again', async () => {
      const redis = await server()
      await redis.freeze()
      const began = performance.now()
      const opening = openRedis({ url: redis.url, namespace: 'opening', logger: silent })
      await vi.waitFor(() => expect(performance.now() - began).toBeGreaterThan(1_000), 5_000)
      redis.thaw()
      const opened = await opening
      expect(await opened.health()).toEqual({ service: 'Redis', ok: true })
      await opened.close()
    })
    test('that comes late is waited for, and told about when it keeps no file', async () => {
      const redis = await server('--appendonly', 'no', '--requirepass', SECRET)
      await redis.kill()
      const warnings: string[] = []
      const logger: Logger = { ...silent, warn: (_, message) => void warnings.push(message) }
      const url = redis.url.replace('//', `//:${SECRET}@`)
      const opening = openRedis({ url, namespace: 'opening', logger })
      await redis.start()
      const opened = await opening
      expect(await opened.health()).toEqual({ service: 'Redis', ok: true })
      await opened.close()
      // Neither the wait nor the end is worth a warning.
      expect(warnings).toEqual([expect.stringMatching(/no append-only file/)])
    })
  })
} else {
  test.skip(`refusals of a real server: ${redisMissing}`, () => undefined)
}
