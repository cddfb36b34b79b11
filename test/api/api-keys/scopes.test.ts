// Guarantee: a key does what its scopes name and nothing more, and sees only what was made with it.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Reply, startTestApp, type TestApp } from '../../support/app.ts'
import { fund, type Funded, publishAgent, version } from '../../support/funded.ts'
import { publishModel } from '../../support/seed.ts'
import { everyRoute } from '../../support/whole-api.ts'
import { all, type Key, keysOf } from './keys.ts'

let app: TestApp
let owner: Funded

beforeAll(async () => {
  app = await startTestApp()
  owner = await fund(app)
})
afterAll(() => app.stop())

const { issued, withKey } = keysOf(
  () => app,
  () => owner,
)
const invoke = (key: string, agentId = owner.agentId, options: object = {}) =>
  withKey<{ invocation_id: string; code: string }>(`POST /agents/${agentId}/invoke`, key, {
    body: { input: 'Hello' },
    ...options,
  })
const refusalOf = ({ status, body }: Reply) => [status, body['code']]

describe('what a key may do', () => {
  test('every route that names a scope takes a key that has it, no other takes any', async () => {
    const { key } = await issued()
    const placed = (path: string) =>
      path.replace('{agent_id}', owner.agentId).replaceAll(/\{(\w+)\}/g, 'x')
    for (const { method, path, access } of everyRoute(app.app)) {
      if (access.actor === 'anyone') continue
      const reply = await withKey(`${method} ${placed(path)}`, key)
      const { code, facts } = (reply.body ?? {}) as { code?: string; facts?: { needed?: string } }
      const refused = reply.status === 403 && code === 'forbidden' ? facts?.needed : undefined
      const expected =
        access.scope !== undefined
          ? undefined
          : access.actor === 'administrator'
            ? 'administrator'
            : 'user'
      expect({ method, path, refused }).toEqual({ method, path, refused: expected })
    }
  })

  test('a key without the scope is told which one it needs', async () => {
    for (const scope of all) {
      const { key } = await issued({ scopes: all.filter((one) => one !== scope) })
      const wants = everyRoute(app.app).filter(({ access }) => access.scope === scope)
      for (const { method, path } of wants) {
        const reply = await withKey(`${method} ${path.replaceAll(/\{\w+\}/g, 'x')}`, key)
        expect({ path, status: reply.status, facts: reply.body['facts'] ?? reply.body }).toEqual({
          path,
          status: 403,
          facts: expect.objectContaining(
            path.startsWith('/v1/') ? { error: expect.anything() } : { needed: scope },
          ),
        })
      }
    }
  })

  test('invokes for its organization, and sees only what was made with it', async () => {
    const [first, second] = [await issued(), await issued()]
    const made = await invoke(first.key)
    expect(made.status).toBe(200)
    const own = await app.request(`POST /agents/${owner.agentId}/invoke`, {
      token: owner.token,
      body: { input: 'Hello' },
    })
    const id = made.body.invocation_id
    await app.settled()
    const stored = await app.app.deps.streams.read(`invocation-${id}`)
    expect(stored[0]?.data).toMatchObject({ keyId: first.id, orgId: owner.orgId })
    const [accepted] = await app.app.engine.events.readStream(`invocation-${id}`, { limit: 1 })
    expect(accepted?.metadata.actor).toEqual({
      kind: 'apiKey',
      id: first.id,
      orgId: owner.orgId,
    })
    const list = async (key: string) =>
      (await withKey<{ items: { id: string }[] }>('GET /invocations', key)).body.items.map(
        (one) => one.id,
      )
    expect(await list(first.key)).toEqual([id])
    expect(await list(second.key)).toEqual([])
    for (const [key, status] of [
      [first.key, 200],
      [second.key, 404],
    ] as const) {
      expect((await withKey(`GET /invocations/${id}`, key)).status).toBe(status)
      expect((await withKey(`GET /invocations/${id}/events`, key)).status).toBe(status)
    }
    const ofPerson = `GET /invocations/${String(own.body['invocation_id'])}`
    expect(refusalOf(await withKey(ofPerson, first.key))).toEqual([404, 'invocation_not_found'])
    expect(refusalOf(await withKey(`POST /invocations/${id}/cancel`, second.key))).toEqual([
      404,
      'invocation_not_found',
    ])
    expect(refusalOf(await withKey(`POST /invocations/${id}/cancel`, first.key))).toEqual([
      409,
      'invocation_ended',
    ])
  })

  test('adds up only its own', async () => {
    const [first, second] = [await issued(), await issued()]
    await invoke(first.key)
    await app.settled()
    for (const group of ['day', 'agent', 'key', 'model']) {
      const sums = async (key: string) =>
        (
          await withKey<{ total: { calls: number }; items: { calls: number }[] }>(
            `GET /usage/summary?group_by=${group}`,
            key,
          )
        ).body
      expect(await sums(first.key)).toMatchObject({ total: { calls: 1 }, items: [{ calls: 1 }] })
      expect(await sums(second.key)).toMatchObject({ total: { calls: 0 }, items: [] })
    }
    const file = await withKey('GET /usage/export.csv?rows=invocations', first.key)
    expect(file.text.split('\r\n').filter(Boolean)).toHaveLength(2)
    expect(file.text).toContain(first.id)
    expect(refusalOf(await withKey(`GET /usage?user_id=${owner.userId}`, first.key))).toEqual([
      403,
      'forbidden',
    ])
  })

  test('its requests are listed as its own, and its last use is known', async () => {
    const [first, second] = [await issued(), await issued()]
    await invoke(first.key)
    // A stop writes what was recorded.
    await app.restart()
    await app.settled()
    const list = async (key: string) =>
      (await withKey<{ items: { key_id: string }[] }>('GET /usage', key)).body.items
    expect(await list(first.key)).toMatchObject([{ key_id: first.id, status: 200 }])
    expect(await list(second.key)).toEqual([])
    const lastUsed = async ({ id }: Key) =>
      (await app.request<Key>(`GET /api-keys/${id}`, { token: owner.token })).body.last_used_at
    expect(await lastUsed(first)).toBe(app.clock.now().toISOString())
  })

  test('reads agents and the account', async () => {
    const { key } = await issued()
    expect((await withKey(`GET /agents/${owner.agentId}`, key)).status).toBe(200)
    const listed = await withKey<{ items: { id: string }[] }>('GET /agents', key)
    expect(listed.body.items.map(({ id }) => id)).toContain(owner.agentId)
    for (const line of ['GET /billing/account', 'GET /billing/ledger', 'GET /billing/holds'])
      expect((await withKey(line, key)).status).toBe(200)
  })

  test('one that is bound to an agent sees no other', async () => {
    const other = await publishAgent(app, owner.orgId, version())
    const { key } = await issued({ agents: [other] })
    await app.settled()
    const listed = await withKey<{ items: { id: string }[] }>('GET /agents', key)
    expect(listed.body.items.map(({ id }) => id)).toEqual([other])
    expect(refusalOf(await withKey(`GET /agents/${owner.agentId}`, key))).toEqual([
      404,
      'agent_not_found',
    ])
    expect((await invoke(key, other)).status).toBe(200)
    expect((await invoke(key)).status).toBeGreaterThanOrEqual(400)
  })

  test('one that is bound to models calls no other', async () => {
    await publishModel(app, { name: 'another-model' })
    const { key } = await issued({ models: ['another-model'] })
    const refused = await invoke(key)
    expect(refused.status).toBeGreaterThanOrEqual(400)
    expect(refused.status).toBeLessThan(500)
  })
})
