// A server that Daybook cannot work with is refused at the start, in one sentence that names the setting.
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { newEvents, unique } from '../../contracts/harness.ts'
import { killablePeer, openLog, peer, refusal } from './event-store-parts.ts'

const PASSWORD = 's3cret-pass'
const QUICK = { connectMs: 400 }

/** The refusal, after looking that it gives no password away and is one sentence about the setting. */
async function refused(url: string, limits = QUICK): Promise<string> {
  const said = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  onTestFinished(() => said.mockRestore())
  const text = await refusal(url, limits)
  expect(text).toMatch(/^StoreRefused: EVENTSTOREDB_URL\b.*\.$/)
  expect(text).not.toContain(PASSWORD)
  expect(text).not.toContain('s3cret')
  expect(said).not.toHaveBeenCalled()
  return text
}

/** A port at which nothing listens. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

describe('an address', () => {
  test.each([
    ['nothing', ''],
    ['another protocol', 'http://localhost:2113'],
    ['no host', 'esdb://?tls=false'],
    ['a port that is none', 'esdb://localhost:abc?tls=false'],
    ['an option without a value', `esdb://admin:${PASSWORD}@localhost?tls`],
    ['a wrong value', `esdb://admin:${PASSWORD}@localhost?tls=maybe`],
  ])('with %s is refused', async (_, url) => {
    await refused(url)
  })
  test('with an unknown option is refused, and the client does not print it', async () => {
    const text = await refused(`esdb://admin:${PASSWORD}@localhost:2113?tsl=false`)
    expect(text).toContain('"tsl"')
  })
  test('that would not have certificates checked is refused', async () => {
    const text = await refused(`esdb://admin:${PASSWORD}@localhost:2113?tlsVerifyCert=false`)
    expect(text).toContain('tlsCAFile')
  })
  test('with a password that is not encoded is refused', async () => {
    expect(await refused('esdb://admin:p@s3cret@localhost:2113')).toContain('percent-encoded')
    expect(await refused('esdb://admin:100%s3cret@localhost:2113')).toContain('percent-encoded')
  })
  test('with a certificate file that is missing is refused', async () => {
    expect(await refused('esdb://localhost:2113?tlsCAFile=./nowhere.pem')).toContain('nowhere.pem')
  })
})

describe('a server', () => {
  test('that is nowhere is refused when its time is over', async () => {
    const text = await refused(`esdb://127.0.0.1:${await freePort()}?tls=false`)
    expect(text).toContain('nothing listens there')
  })
  test('whose host has no address is refused', async () => {
    const text = await refused('esdb://nowhere.invalid:2113?tls=false')
    expect(text).toContain('nowhere.invalid:2113')
  })
  test('that takes connections and says nothing is refused', async () => {
    const server = await peer()
    server.faults.freeze()
    const text = await refused(server.url, { connectMs: 1_000 })
    expect(text).toContain('did not answer')
  })
  test('is found through the cluster that it belongs to', async () => {
    const server = await peer()
    const seeds = `127.0.0.1:${await freePort()},127.0.0.1:${server.port}`
    const { store } = await openLog(`esdb+discover://127.0.0.1:${server.port}?tls=false`)
    const seeded = await openLog(`esdb://${seeds}?tls=false`)
    for (const each of [store, seeded.store]) {
      expect(await each.append(unique('user'), 'none', newEvents(1))).toMatchObject({ revision: 0 })
    }
  })
  test('of a cluster that is nowhere is refused when its time is over', async () => {
    const began = performance.now()
    const text = await refused(`esdb+discover://127.0.0.1:${await freePort()}?tls=false`)
    expect(text).toContain('nothing listens there')
    expect(performance.now() - began).toBeLessThan(900)
  })
  test('that comes late is waited for', async () => {
    const server = await killablePeer()
    await server.kill()
    const opened = openLog(server.url)
    await server.restart()
    const { store } = await opened
    await store.append(unique('user'), 'none', newEvents(1))
  })
  test.each(['23.6.0', '22.10.5', '5.0.11'])('of version %s is too old', async (version) => {
    const server = await peer({ version })
    const text = await refused(server.url)
    expect(text).toContain(version)
    expect(text).toContain('23.10')
  })
  test.each(['23.10.0', '24.10.14', '25.1.0', '0.0.0'])(
    'of version %s is taken',
    async (version) => {
      const server = await peer({ version })
      expect(await refusal(server.url)).toBe('opened')
    },
  )
  test('that takes only smaller appends is refused, and nothing is written', async () => {
    const server = await peer({ maxAppendSize: 512 * 1024 })
    expect(await refused(server.url)).toContain('524288')
  })
})

describe('a server with TLS and a password', () => {
  const credentials = { username: 'admin', password: PASSWORD }
  const secured = () => peer({ tls: true, credentials })
  const as = (url: string, who: string) => url.replace(/esdb:\/\/([^@]*@)?/, `esdb://${who}@`)
  const anonymous = (url: string) => url.replace(/esdb:\/\/([^@]*@)?/, 'esdb://')

  test('lets in who knows it', async () => {
    const server = await secured()
    const { store } = await openLog(as(server.url, `admin:${PASSWORD}`))
    const stream = unique('user')
    await store.append(stream, 'none', newEvents(1))
    expect(await store.readStream(stream)).toHaveLength(1)
  })
  test('refuses a wrong password', async () => {
    const server = await secured()
    const text = await refused(as(server.url, 'admin:wrong-s3cre7'))
    expect(text).toContain('does not know this user name with this password')
  })
  test('refuses who gives none', async () => {
    const server = await secured()
    expect(await refused(anonymous(server.url))).toContain('wants a user name and a password')
  })
  test('whose certificate nobody vouches for is refused at once', async () => {
    const server = await secured()
    const url = as(server.url, `admin:${PASSWORD}`).replace(/\?.*/, '')
    const began = performance.now()
    expect(await refused(url, { connectMs: 10_000 })).toContain('tlsCAFile')
    expect(performance.now() - began).toBeLessThan(5_000)
  })
  test('is refused at once where the address says that there is no TLS', async () => {
    const server = await secured()
    const url = as(server.url, `admin:${PASSWORD}`).replace(/\?.*/, '?tls=false')
    expect(await refused(url, { connectMs: 10_000 })).toContain('speaks TLS')
  })
})

test('a server without TLS is refused at once where the address wants it', async () => {
  const server = await peer()
  const url = server.url.replace('?tls=false', '')
  expect(await refused(url, { connectMs: 10_000 })).toContain('does not speak TLS')
})
