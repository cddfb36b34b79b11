// Another tenant's id answers exactly as an id that does not exist, on every route, in paths and in X-Organization-Id.
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { base32FromHex } from '../../src/domain/ids.ts'
import { type Reply, startTestApp, type TestApp } from '../support/app.ts'
import { fund, type Funded } from '../support/funded.ts'
import type { Wish, World } from '../support/mutations.ts'
import { signIn } from '../support/seed.ts'
import { everyRoute, nameOf, wishesOf } from '../support/whole-api.ts'

const ID = /\b([a-z]{3})_[0-9a-hjkmnp-tv-z]{26}\b/g
/** Whose wish needs a secret instead of an id. */
const BY_SECRET = new Set(['POST /invitations/{token}/accept'])

let app: TestApp
let world: World
let stranger: Funded
/** The owner's own thing on a route. */
let wishOf: (name: string) => Promise<Wish>

beforeAll(async () => {
  app = await startTestApp()
  const administrator = await signIn(app, { administrator: true })
  world = { test: app, owner: await fund(app), administrator }
  stranger = await fund(app)
  wishOf = await wishesOf(world)
}, 30_000)
afterAll(async () => {
  // A call was made to be canceled, and nobody could.
  await app.upstream.close()
  await app.stop()
}, 30_000)

const elsewhere = (line: string): string =>
  line.replaceAll(
    ID,
    (_id, prefix: string) => `${prefix}_${base32FromHex(randomBytes(16).toString('hex'))}`,
  )

/** Of a refusal everything but the ids that the request named itself. */
const shownOf = ({ status, text, headers }: Reply) => ({
  status,
  text: text.replaceAll(ID, '$1').replaceAll(/"request_id":"[^"]*"/g, ''),
  etag: headers['etag'],
  position: headers['x-position'],
})

const ask = ({ line, body }: Wish, org?: string) =>
  app.request(line, {
    token: stranger.token,
    ...(org === undefined ? {} : { org }),
    ...(body === undefined ? {} : { body }),
  })

test('the routes are looked at: some with ids in their paths, some within an organization', () => {
  const all = everyRoute(app.app)
  expect(all.filter(({ path }) => path.includes('{')).length).toBeGreaterThan(15)
  expect(all.filter(({ access }) => access.role !== undefined).length).toBeGreaterThan(10)
})

describe('in a path', () => {
  test('every route with an id', { timeout: 60_000 }, async () => {
    const named = everyRoute(app.app).filter(({ path }) => path.includes('{'))
    for (const name of named.map(nameOf).filter((one) => !BY_SECRET.has(one))) {
      const wish = await wishOf(name)
      expect(wish.line).not.toContain('{')
      const [foreign, unknown] = await app.inOneState(async () => [
        await ask(wish),
        await ask({ ...wish, line: elsewhere(wish.line) }),
      ])
      expect({ name, ...shownOf(foreign) }).toEqual({ name, ...shownOf(unknown) })
      expect({ name, status: foreign.status }).toEqual({
        name,
        status: expect.toSatisfy((status: number) => status === 404 || status === 403),
      })
    }
  })
})

describe('in X-Organization-Id', () => {
  test('every route within an organization', { timeout: 60_000 }, async () => {
    const within = everyRoute(app.app).filter(({ access }) => access.role !== undefined)
    for (const name of within.map(nameOf)) {
      const wish = await wishOf(name)
      const [foreign, unknown] = await app.inOneState(async () => [
        await ask(wish, world.owner.orgId),
        await ask(wish, elsewhere(world.owner.orgId)),
      ])
      expect({ name, ...shownOf(foreign) }).toEqual({ name, ...shownOf(unknown) })
      expect({ name, status: foreign.status }).toEqual({ name, status: 404 })
    }
  })
})
