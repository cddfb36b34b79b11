// A fresh installation is limited: sign-ins, registrations, resets and calls, each answer saying by which rule.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { type Funded, fund, invoke } from '../../support/funded.ts'
import { freshEmail, PASSWORD } from '../../support/people.ts'
import { openable } from '../../support/upstream.ts'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp({ TRUST_PROXY: '127.0.0.1' }, {}, { limits: 'kept' })
})
afterAll(() => app.stop())

let addresses = 0
const newPlace = () => `198.51.100.${++addresses}`
const from = (ip: string) => ({ headers: { 'x-forwarded-for': ip } })
const login = (ip: string, email: string) =>
  app.request<{ code: string; facts: Record<string, unknown> }>('POST /auth/login', {
    ...from(ip),
    body: { email, password: PASSWORD },
  })
const statuses = async (times: number, ask: () => Promise<{ status: number }>) => {
  const all: number[] = []
  for (let n = 0; n < times; n++) all.push((await ask()).status)
  return all
}

describe('sign-ins', () => {
  test('are 10 a minute from one place, whoever is tried', async () => {
    const ip = newPlace()
    expect(await statuses(10, () => login(ip, freshEmail()))).toEqual(Array(10).fill(401))
    const refused = await login(ip, freshEmail())
    expect(refused.status).toBe(429)
    expect(refused.headers['retry-after']).toBe('60')
    expect(refused.body).toMatchObject({
      code: 'rate_limited',
      facts: {
        policy_id: expect.stringMatching(/^pol_/),
        rule: 'Sign-ins per network address',
        dimension: 'ip',
        measure: 'requests',
        limit: 10,
        window_seconds: 60,
      },
    })
    const name = `"${String(refused.body.facts['policy_id'])}/ip"`
    expect(refused.body).toMatchObject({
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      'violated-policies': [name.slice(1, -1)],
    })
    expect(refused.headers['ratelimit-policy']).toBe(`${name};q=10;w=60`)
    expect(refused.headers['ratelimit']).toBe(`${name};r=0;t=60`)
    expect((await login(newPlace(), freshEmail())).status).toBe(401)
    app.clock.advance(61_000)
    expect((await login(ip, freshEmail())).status).toBe(401)
  })
  test('are 5 a minute for one address, wherever they come from', async () => {
    const email = freshEmail()
    const tries = await statuses(6, () => login(newPlace(), email))
    expect(tries).toEqual([401, 401, 401, 401, 401, 429])
    expect((await login(newPlace(), freshEmail())).status).toBe(401)
  })
})

test('registrations are 5 an hour from one place, and of IPv6 the /64 is one place', async () => {
  let last = 0
  const register = () =>
    app.request('POST /auth/register', {
      ...from(`2001:db8:7:7::${(++last).toString(16)}`),
      body: { email: freshEmail(), password: PASSWORD },
    })
  expect(await statuses(6, register)).toEqual([202, 202, 202, 202, 202, 429])
})

test('password resets are 3 an hour for one address', async () => {
  const email = freshEmail()
  const forgot = () =>
    app.request('POST /auth/password/forgot', { ...from(newPlace()), body: { email } })
  expect((await statuses(4, forgot)).at(-1)).toBe(429)
})

describe('calls', () => {
  test('are 60 a minute for one person; every answer says how many are left', async () => {
    const who = await fund(app)
    const first = await invoke(app, who)
    expect(first.headers['ratelimit']).toMatch(/^"pol_\w+\/user";r=\d+/)
    expect(await statuses(59, () => invoke(app, who))).toEqual(Array(59).fill(200))
    const refused = await invoke(app, who)
    expect(refused.status).toBe(429)
    expect(refused.body.facts).toMatchObject({ rule: 'Calls per person', dimension: 'user' })
    app.clock.advance(61_000)
    expect((await invoke(app, who)).status).toBe(200)
  })
  test('are 4 at once for one person, and the next one may when one has ended', async () => {
    const who = await fund(app)
    const gates = [openable(), openable(), openable(), openable()]
    app.upstream.next(...gates.map((gate) => ({ gate })))
    const before = app.upstream.requests.length
    const running = gates.map(() => invoke(app, who))
    await app.upstream.arrived(before + 4)
    const fifth = await invoke(app, who)
    expect(fifth.status).toBe(429)
    expect(fifth.headers['ratelimit-policy']).toMatch(/;q=4;qu="concurrent-requests"$/)
    gates[0]?.open()
    await Promise.race(running)
    expect((await invoke(app, who)).status).toBe(200)
    for (const gate of gates) gate.open()
    expect((await Promise.all(running)).map(({ status }) => status)).toEqual([200, 200, 200, 200])
  })
  test('stream with the same headers', async () => {
    const who: Funded = await fund(app)
    const reply = await invoke(app, who, { stream: true })
    expect(reply.headers['ratelimit-policy']).toMatch(/^"pol_/)
  })
})

test('health and documents are never limited', async () => {
  const all = await statuses(50, () => app.request('GET /health/live'))
  expect(new Set(all)).toEqual(new Set([200]))
  expect((await app.request('GET /health/live')).headers['ratelimit']).toBeUndefined()
})
