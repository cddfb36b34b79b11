// Checks S-19, S-20, S-23, S-28, S-30, S-49 and S-95 for keys of programs: a key opens what it names, until it is revoked, and its secret is nowhere but with whom it was given to.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseToken } from '../../../src/domain/api-key/token.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { type Funded, fund } from '../../support/funded.ts'
import { eventually } from '../../support/people.ts'
import { everythingStored } from '../../support/stored.ts'
import { everyRoute } from '../../support/whole-api.ts'

interface Issued {
  readonly id: string
  readonly key: string
}

let app: TestApp
let owner: Funded
let issued: Issued
beforeAll(async () => {
  app = await startTestApp()
  owner = await fund(app)
  issued = await issue({ name: 'All', scopes: ['invoke', 'invocations:read', 'audit:read'] })
})
afterAll(() => app.stop())

const everyEvent = () => app.app.engine.events.readAll({ after: -1n, limit: 10_000 })

async function issue(body: object): Promise<Issued> {
  const { token, orgId: org } = owner
  const reply = await app.request<Issued>('POST /api-keys', { token, org, body })
  expect([reply.status, reply.text]).toEqual([201, reply.text])
  return reply.body
}
const invoke = async (token: string): Promise<number> =>
  (await app.request(`POST /agents/${owner.agentId}/invoke`, { token, body: { input: 'x' } }))
    .status

test('the counter-check: the key opens', async () => {
  expect(await invoke(issued.key)).toBe(200)
})

test('S-19 a key with one character changed at any place opens nothing', async () => {
  const { key } = issued
  const survived: number[] = []
  for (let at = 0; at < key.length; at++) {
    const other = key[at] === 'a' ? 'b' : 'a'
    const changed = key.slice(0, at) + other + key.slice(at + 1)
    if ((await app.request('GET /invocations', { token: changed })).status !== 401)
      survived.push(at)
  }
  expect(survived).toEqual([])
  for (const part of [key.slice(0, -1), `${key}0`, key.toUpperCase(), key.split('_')[2] ?? ''])
    expect((await app.request('GET /invocations', { token: part })).status).toBe(401)
})

test('S-20 a key is no session: nothing that belongs to a person or to the installation opens', async () => {
  const odd: unknown[] = []
  for (const { method, path, access } of everyRoute(app.app)) {
    if (access.actor === 'anyone' || access.scope !== undefined) continue
    const line = `${method} ${path.replaceAll(/\{\w+\}/g, 'x')}`
    const { status } = await app.request(line, { token: issued.key })
    if (status !== 403 && status !== 401) odd.push([line, status])
  }
  expect(odd).toEqual([])
  const body = { refresh_token: issued.key }
  expect((await app.request('POST /auth/refresh', { body })).status).toBe(401)
})

test('S-23 a key in the query or in a cookie is not looked at', async () => {
  const { key } = issued
  expect((await app.request(`GET /invocations?api_key=${key}`)).status).toBe(401)
  for (const headers of [{ cookie: `api_key=${key}` }, { 'x-api-key': key }, { 'api-key': key }])
    expect((await app.request('GET /invocations', { headers })).status).toBe(401)
})

test('S-28 a key is stored as a hash of 256 random bits, and shown once', async () => {
  const keyed = await issue({ name: 'Stored', scopes: ['invoke'] })
  const { secret } = parseToken(keyed.key) ?? expect.unreachable()
  expect(secret).toMatch(/^[0-9A-Za-z]{43}$/)
  await app.settled()
  const bytes = Buffer.concat([...(await everythingStored(app.app.config)).values()])
  expect(bytes.includes('ApiKeyIssued')).toBe(true)
  expect(bytes.includes(secret)).toBe(false)
  const { token, orgId: org } = owner
  for (const line of ['GET /api-keys', `GET /api-keys/${keyed.id}`, 'GET /audit/events']) {
    const { status, text } = await app.request(line, { token, org })
    expect([status, text.includes(secret)]).toEqual([200, false])
  }
})

describe('S-30 the next request is judged by the new state', () => {
  test('revoked', async () => {
    const { id, key } = await issue({ name: 'Soon over', scopes: ['invoke'] })
    expect(await invoke(key)).toBe(200)
    const { token, orgId: org } = owner
    expect((await app.request(`DELETE /api-keys/${id}`, { token, org })).status).toBe(204)
    expect(await invoke(key)).toBe(401)
  })
  test('rotated: the secret before goes on for as long as was said', async () => {
    const { id, key } = await issue({ name: 'Turning', scopes: ['invoke'] })
    const { token, orgId: org } = owner
    const turned = await app.request<Issued>(`POST /api-keys/${id}/rotate`, {
      token,
      org,
      body: { overlap_seconds: 60 },
    })
    expect(turned.status).toBe(200)
    expect([await invoke(key), await invoke(turned.body.key)]).toEqual([200, 200])
    app.clock.advance(61_000)
    expect([await invoke(key), await invoke(turned.body.key)]).toEqual([401, 200])
  })
})

test('S-49 a key sees the calls that were made with it, and acts in its own organization alone', async () => {
  const one = await issue({ name: 'One', scopes: ['invoke', 'invocations:read'] })
  const two = await issue({ name: 'Two', scopes: ['invoke', 'invocations:read'] })
  expect([await invoke(one.key), await invoke(two.key), await invoke(two.key)]).toEqual([
    200, 200, 200,
  ])
  await app.settled()
  const calls = async (token: string) =>
    (await app.request<{ items: unknown[] }>('GET /invocations', { token })).body.items.length
  expect([await calls(one.key), await calls(two.key)]).toEqual([1, 2])
  const stranger = await fund(app)
  const foreign = await app.request('GET /invocations', { token: one.key, org: stranger.orgId })
  expect([foreign.status, foreign.body['code']]).toEqual([404, 'organization_not_found'])
})

test('S-95 what a key does and is refused is written down as its own', async () => {
  const bound = await issue({ name: 'Bound', scopes: ['invoke'] })
  expect(await invoke(bound.key)).toBe(200)
  expect((await app.request('GET /usage', { token: bound.key })).status).toBe(403)
  await eventually(async () => {
    const log = await everyEvent()
    const said = (type: string) =>
      JSON.stringify(log.filter((event) => event.type === type).map(({ data }) => data))
    const known = ['AccessDenied', 'InvocationAccepted'].every((type) =>
      said(type).includes(bound.id),
    )
    return known || undefined
  })
})
