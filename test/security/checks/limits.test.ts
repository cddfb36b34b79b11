// Checks S-12, S-13, S-83, S-87 and S-91 with the limits that an installation begins with: guessing is slow, many at once are few at a time, and who is refused is told when to come back.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type Reply, startTestApp, type TestApp } from '../../support/app.ts'
import { fund } from '../../support/funded.ts'
import { freshEmail, newPerson, PASSWORD, type Person } from '../../support/people.ts'
import { signIn } from '../../support/seed.ts'
import { openable } from '../../support/upstream.ts'
import { everyRoute } from '../../support/whole-api.ts'

let app: TestApp
let ada: Person
beforeAll(async () => {
  app = await startTestApp({ TRUST_PROXY: '10.0.0.0/8' }, {}, { limits: 'kept' })
  ada = await newPerson(app)
})
afterAll(() => app.stop())

const WRONG = 'not the right phrase'
let places = 0
/** Another network address, as the trusted proxy names it. */
const elsewhere = (): string => `198.51.${(++places >> 8) & 255}.${places & 255}`

async function from(ip: string, url: string, payload: object) {
  const { statusCode, headers, body } = await app.app.server.inject({
    method: 'POST',
    url,
    remoteAddress: '10.0.0.1',
    headers: { 'x-forwarded-for': ip },
    payload,
  })
  return { status: statusCode, headers, body: JSON.parse(body) as Record<string, unknown> }
}
const login = (ip: string, email: string, password = WRONG) =>
  from(ip, '/auth/login', { email, password })
const nextMinute = () => app.clock.advance(61_000)
const nextHour = () => app.clock.advance(3_601_000)

function expectRefused({ status, headers, body }: Pick<Reply, 'status' | 'headers' | 'body'>) {
  expect([status, body['code']]).toEqual([429, 'rate_limited'])
  expect(Number(headers['retry-after'])).toBeGreaterThan(0)
  expect(headers['ratelimit']).toMatch(/^"pol_[^"]+";r=0;t=\d+$/)
  expect(headers['ratelimit-policy']).toMatch(/^"pol_[^"]+";q=\d+;w=\d+$/)
  expect(body['facts']).toMatchObject({ policy_id: expect.stringMatching(/^pol_/) })
}

describe('S-12 S-91 wrong passwords for one address', () => {
  test('are five a minute, from wherever they come, and the sixth is told when to come back', async () => {
    nextMinute()
    for (const _ of [1, 2, 3, 4, 5]) expect((await login(elsewhere(), ada.email)).status).toBe(401)
    expectRefused(await login(elsewhere(), ada.email))
    // The right one neither, so nobody learns it from being let in.
    expectRefused(await login(elsewhere(), ada.email, PASSWORD))
    // Whoever is signed in stays so.
    const body = { refresh_token: ada.refreshToken }
    expect((await app.request('POST /auth/refresh', { body })).status).toBe(200)
    nextMinute()
    expect((await login(elsewhere(), ada.email, PASSWORD)).status).toBe(200)
  })
  test('of an address that nobody has are counted the same', async () => {
    nextMinute()
    const email = freshEmail()
    for (const _ of [1, 2, 3, 4, 5]) expect((await login(elsewhere(), email)).status).toBe(401)
    expectRefused(await login(elsewhere(), email))
    // Another spelling is the same address.
    expectRefused(await login(elsewhere(), ` ${email.toUpperCase()} `))
  })
  test('10,000 guesses in an hour: 300 are looked at', { timeout: 30_000 }, async () => {
    let looked = 0
    // The part that matters: each minute gives five, whatever is tried in it.
    for (let minute = 0; minute < 3; minute++) {
      nextMinute()
      for (let guess = 0; guess < 12; guess++)
        if ((await login(elsewhere(), ada.email)).status === 401) looked++
    }
    expect(looked).toBe(15)
  })
})

test('S-12 the current password is guessed no faster by a session that was stolen', async () => {
  nextMinute()
  const eve = await newPerson(app)
  const place = elsewhere()
  const guess = async () => {
    const { statusCode } = await app.app.server.inject({
      method: 'PATCH',
      url: '/me',
      remoteAddress: '10.0.0.1',
      headers: { 'x-forwarded-for': place, authorization: `Bearer ${eve.token}` },
      payload: { password: PASSWORD, current_password: WRONG },
    })
    return statusCode
  }
  const statuses: number[] = []
  for (let n = 0; n < 14; n++) statuses.push(await guess())
  expect(statuses).toEqual([...Array<number>(10).fill(403), ...Array<number>(4).fill(429)])
})

test('S-13 one password for many addresses from one place: ten a minute are looked at', async () => {
  nextMinute()
  const place = elsewhere()
  const statuses: number[] = []
  for (let n = 0; n < 40; n++)
    statuses.push((await login(place, freshEmail(), 'Summer 2026!!')).status)
  expect(statuses.filter((status) => status === 401)).toHaveLength(10)
  expect(statuses.filter((status) => status === 429)).toHaveLength(30)
  // A client that is not the proxy cannot name another place.
  const { statusCode } = await app.app.server.inject({
    method: 'POST',
    url: '/auth/login',
    remoteAddress: place,
    headers: { 'x-forwarded-for': elsewhere() },
    payload: { email: freshEmail(), password: WRONG },
  })
  expect(statusCode).toBe(429)
})

test('S-13 registrations are five an hour from one place, resets three for one address', async () => {
  nextHour()
  const place = elsewhere()
  const registering = () =>
    from(place, '/auth/register', { email: freshEmail(), password: PASSWORD })
  for (const _ of [1, 2, 3, 4, 5]) expect((await registering()).status).toBe(202)
  expectRefused(await registering())
  for (const email of [ada.email, freshEmail()]) {
    const forgot = () => from(elsewhere(), '/auth/password/forgot', { email })
    for (const _ of [1, 2, 3]) expect((await forgot()).status).toBe(202)
    expectRefused(await forgot())
  }
})

test('S-83 many calls at once: four run for one person, the rest is told to come back', async () => {
  const who = await fund(app)
  const gate = openable()
  app.upstream.otherwise({ gate })
  const before = app.upstream.requests.length
  const asking = Array.from({ length: 40 }, () =>
    app.request(`POST /agents/${who.agentId}/invoke`, {
      token: who.token,
      body: { input: 'Hello' },
    }),
  )
  await app.upstream.arrived(before + 4)
  gate.open()
  const replies = await Promise.all(asking)
  expect(replies.filter(({ status }) => status === 200)).toHaveLength(4)
  const refused = replies.filter(({ status }) => status === 429)
  expect(refused).toHaveLength(36)
  for (const { headers, body } of refused) {
    expect(body['code']).toBe('rate_limited')
    expect(Number(headers['retry-after'])).toBeGreaterThan(0)
    expect(headers['ratelimit-policy']).toContain('concurrent-requests')
  }
  expect(app.upstream.requests.length).toBe(before + 4)
  app.upstream.otherwise({})
})

test('S-87 every list is paged, by at most 100, and by no offset', async () => {
  const lists = everyRoute(app.app).filter(
    ({ query, path }) => query instanceof z.ZodObject && 'limit' in query.shape && !/\{/.test(path),
  )
  expect(lists.length).toBeGreaterThan(10)
  const { token, orgId } = await fund(app)
  const administrator = (await signIn(app, { administrator: true })).token
  for (const { method, path, access } of lists) {
    const ask = (query: string) =>
      access.actor === 'administrator'
        ? app.request(`${method} ${path}?${query}`, { token: administrator })
        : app.request(`${method} ${path}?${query}`, { token, org: orgId })
    for (const query of ['limit=0', 'limit=-1', 'limit=1000000000', 'limit=1e1', 'offset=1000000'])
      expect((await ask(query)).status, `${path}?${query}`).toBe(400)
    expect((await ask('limit=1')).status, path).toBe(200)
    expect((await ask('limit=1&cursor=e30.00')).status, path).toBe(400)
  }
})
