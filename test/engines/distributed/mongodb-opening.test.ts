// What is wrong with MongoDB is said at the start: in one sentence that names the setting, and no password.
import { createServer } from 'node:net'
import { afterAll, describe, expect, test } from 'vitest'
import {
  type MongoSettings,
  openMongo,
} from '../../../src/engines/distributed/mongodb/connection.ts'
import { StoreRefused } from '../../../src/ports/store-refused.ts'
import { dropMongoDatabases, freshNamespace, needs, serverUrl } from '../../support/distributed.ts'
import { startPeer } from './mongodb-peer.ts'

const PASSWORD = 'do-not-print-me'
const namespace = freshNamespace()

async function refusal(settings: Partial<MongoSettings>): Promise<string> {
  const opening = openMongo({
    mongodbUrl: serverUrlOr('mongodb://127.0.0.1:1'),
    namespace,
    connectMs: 700,
    ...settings,
  })
  const error = await opening.then(
    async (opened) => {
      await opened.close()
      throw new Error('it was opened')
    },
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(StoreRefused)
  const { message, cause } = error as StoreRefused
  expect(`${message} ${String(cause)}`).not.toContain(PASSWORD)
  expect(message).not.toContain('\n')
  return message
}

const serverUrlOr = (otherwise: string): string => process.env['MONGODB_URL'] || otherwise
const urlOf = (address: string) => `mongodb://daybook:${PASSWORD}@${address}/?authSource=admin`

/** A port at which nothing listens. */
async function deadAddress(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return `127.0.0.1:${address.port}`
}

describe('MongoDB is refused at the start', () => {
  test.each([
    'redis://127.0.0.1',
    `mongodb://daybook:${PASSWORD}@127.0.0.1:99999999`,
    `mongodb://daybook:${PASSWORD}@127.0.0.1/?unheard=of`,
    `mongodb://daybook:${PASSWORD}%ZZ@127.0.0.1`,
    `mongodb://${PASSWORD}`.replace('//', '/'),
  ])('where the setting is no connection string: %#', async (mongodbUrl) => {
    expect(await refusal({ mongodbUrl })).toMatch(/^MONGODB_URL is not a connection string/)
  })

  test('where nothing listens, after the time that a server has to be there', async () => {
    const address = await deadAddress()
    const began = performance.now()
    const said = await refusal({ mongodbUrl: urlOf(address) })
    expect(said).toMatch(/^MONGODB_URL: no MongoDB .*ECONNREFUSED/)
    expect(said).toContain(address)
    expect(performance.now() - began).toBeLessThan(5_000)
  })

  test('where user or password is wrong', async () => {
    const denied = { ok: 0, code: 18, codeName: 'AuthenticationFailed', errmsg: 'no' }
    const address = await startPeer({ saslStart: denied })
    expect(await refusal({ mongodbUrl: urlOf(address) })).toMatch(
      /^MONGODB_URL: MongoDB at .* does not accept user and password/,
    )
  })

  test('where the user may not write', async () => {
    const address = await startPeer({
      insert: { ok: 0, code: 13, codeName: 'Unauthorized', errmsg: 'not authorized on x' },
    })
    expect(await refusal({ mongodbUrl: `mongodb://${address}` })).toMatch(/may not read and write/)
  })

  test('where the server speaks too old a protocol', async () => {
    const address = await startPeer({ hello: { maxWireVersion: 7 } })
    const long = { mongodbUrl: `mongodb://${address}`, connectMs: 20_000 }
    expect(await refusal(long)).toMatch(/^MONGODB_URL: .* needs MongoDB 4\.4 or newer/)
  })

  test('where the server speaks no protocol that we know yet', async () => {
    const address = await startPeer({ hello: { minWireVersion: 900, maxWireVersion: 999 } })
    expect(await refusal({ mongodbUrl: `mongodb://${address}` })).toMatch(/is too new/)
  })

  test('where the server is too old', async () => {
    const address = await startPeer({ buildInfo: { ok: 1, version: '4.2.25' } })
    expect(await refusal({ mongodbUrl: `mongodb://${address}` })).toMatch(
      /is MongoDB 4\.2\.25; Daybook needs MongoDB 4\.4 or newer/,
    )
  })

  test.each([
    ['no majority', { ok: 1, n: 1, writeConcernError: { code: 64, errmsg: 'waiting' } }],
    ['too few members', { ok: 1, n: 1, writeConcernError: { code: 100, errmsg: 'too few' } }],
    ['no journal', { ok: 0, code: 2, codeName: 'BadValue', errmsg: "cannot use 'j'" }],
  ])('where writes are not confirmed: %s', async (_why, insert) => {
    const address = await startPeer({ insert })
    expect(await refusal({ mongodbUrl: `mongodb://${address}` })).toMatch(
      /^MONGODB_URL: .*does not confirm a write by a majority .*\(w: majority, j: true\)/,
    )
  })

  test('where what was confirmed is not given back', async () => {
    const cursor = { firstBatch: [], id: 0n, ns: 'a.b' }
    const address = await startPeer({ find: { ok: 1, cursor } })
    expect(await refusal({ mongodbUrl: `mongodb://${address}` })).toMatch(/does not give back/)
  })
})

needs('MONGODB_URL')('MongoDB is refused at the start, beside one that is well', () => {
  afterAll(() => dropMongoDatabases(namespace))
  const named = (database: string): string => {
    const url = new URL(serverUrl('MONGODB_URL'))
    url.pathname = database
    return url.href
  }

  test('where the server of the keys is away: the sentence names its setting', async () => {
    const keysMongodbUrl = urlOf(await deadAddress())
    expect(await refusal({ keysMongodbUrl })).toMatch(/^KEYS_MONGODB_URL: no MongoDB/)
  })

  test('where the database is that of another installation', async () => {
    const opened = await openMongo({ mongodbUrl: serverUrl('MONGODB_URL'), namespace })
    await opened.close()
    const mongodbUrl = named(`${namespace}_views`)
    expect(await refusal({ mongodbUrl, namespace: 'another' })).toMatch(
      new RegExp(`belongs to the NAMESPACE ${namespace}, not to another`),
    )
  })

  test('where keys and views would share a database', async () => {
    const shared = named(`${namespace}_keys`)
    expect(await refusal({ mongodbUrl: shared })).toMatch(/^MONGODB_URL: .*holds the /)
  })
})
