// Guarantee: an organization makes, changes and disables its own policies; each change is a version that stays readable, and nothing it says can widen what it may do.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newId, step } from '../../../src/commands/context.ts'
import { idFromUuid } from '../../../src/domain/ids.ts'
import type { ResourceAccess } from '../../../src/domain/policy/events.ts'
import { policySet } from '../../../src/domain/policy/policy-set.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { fund, type Funded } from '../../support/funded.ts'
import { operatorRoot } from '../../support/seed.ts'
import { asking, factsOf, limit, refusalOf } from './policies.ts'

let app: TestApp
let owner: Funded
let stranger: Funded

beforeAll(async () => {
  app = await startTestApp({}, {}, { limits: 'kept' })
  owner = await fund(app)
  stranger = await fund(app)
})
afterAll(() => app.stop())

const { as, create, created, read, patch, everyPolicy } = asking(
  () => app,
  () => owner,
)

describe('making one', () => {
  test.each([
    [limit, { window_seconds: 60 }],
    [{ ...limit, measure: 'concurrency', per: 'key', name: 'At once' }, {}],
    [
      {
        ...limit,
        measure: 'tokens',
        per: 'organization',
        limit: 100_000,
        window_seconds: 3_600,
        burst: 50_000,
        models: ['test-model'],
      },
      {},
    ],
    [
      {
        kind: 'resource_access',
        name: 'Auditors read no prompts',
        effect: 'deny',
        roles: ['auditor', 'key'],
        resources: ['agent'],
        actions: ['render'],
      },
      {},
    ],
    [
      {
        kind: 'budget',
        name: 'A dollar',
        amount: '1.00',
        period: 'month',
        per: 'end_user',
        hard: false,
        thresholds: [50, 100],
      },
      { amount: { amount: '1.000000000', currency: 'USD' } },
    ],
  ])('shows %o as it was sent', async (body, shown) => {
    const who = await fund(app)
    const reply = await create(body, who)
    expect(reply.status, reply.text).toBe(201)
    const { id } = reply.body
    expect(reply.headers).toMatchObject({ location: `/policies/${id}`, etag: '"1"' })
    expect(reply.headers['x-position']).toMatch(/^\d+$/)
    const at = app.clock.now().toISOString()
    const expected = {
      ...body,
      ...shown,
      id,
      owner: who.orgId,
      version: 1,
      enabled: true,
      built_in: false,
      created_at: at,
      changed_at: at,
    }
    expect(reply.body).toEqual(expected)
    expect((await read(id, who)).body).toEqual({
      ...expected,
      versions: [{ version: 1, enabled: true, at }],
    })
  })

  test.each([
    ['an action of the platform', { ...limit, on: 'login', per: 'ip' }, 'on'],
    ['a webhook', { ...limit, on: 'webhook', per: 'ip' }, 'on'],
    ['a right', { kind: 'resource_access', name: 'x', effect: 'allow' }, 'effect'],
    [
      'the platform’s spend',
      { kind: 'budget', name: 'x', amount: '1', period: 'day', per: 'platform', hard: true },
      'per',
    ],
  ])('an organization has no say about %s', async (_what, body, field) => {
    const reply = await create(body)
    expect(refusalOf(reply)).toEqual([422, 'policy_widens'])
    expect(factsOf(reply)).toMatchObject({ field })
  })

  test.each([
    ['burst', { ...limit, burst: 21 }],
    ['per', { ...limit, on: 'request', per: 'agent' }],
    ['window_seconds', { ...limit, measure: 'concurrency', window_seconds: 60 }],
    [
      'agents',
      {
        kind: 'budget',
        name: 'x',
        amount: '1',
        period: 'day',
        per: 'user',
        hard: true,
        agents: ['agt_0123456789abcdefghjkmnpqrs'],
      },
    ],
    [
      'thresholds',
      { kind: 'budget', name: 'x', amount: '1', period: 'day', per: 'user', hard: false },
    ],
  ])('refuses a nonsensical %s', async (field, body) => {
    const reply = await create(body)
    expect(refusalOf(reply)).toEqual([422, 'policy_invalid'])
    expect(factsOf(reply)).toMatchObject({ field })
  })

  test.each([
    {},
    { kind: 'rate_limit' },
    { ...limit, limit: 0 },
    { ...limit, limit: '20' },
    { ...limit, name: ' ' },
    { ...limit, effect: 'deny' },
    { ...limit, windowSeconds: 60 },
    { ...limit, kind: 'wish' },
    { kind: 'budget', name: 'x', amount: 1, period: 'day', per: 'user', hard: true },
    { kind: 'budget', name: 'x', amount: '0', period: 'day', per: 'user', hard: true },
  ])('refuses %o', async (body) => {
    expect(refusalOf(await create(body))).toEqual([400, 'invalid_input'])
  })

  test('names no agent of others', async () => {
    const reply = await create({ ...limit, agents: [owner.agentId, stranger.agentId] })
    expect(refusalOf(reply)).toEqual([404, 'agent_not_found'])
    const own = await created({ ...limit, agents: [owner.agentId] })
    expect(refusalOf(await patch(own.id, { agents: [stranger.agentId] }))).toEqual([
      404,
      'agent_not_found',
    ])
  })

  test('names no resource and no action that nothing has', async () => {
    const access = { kind: 'resource_access', name: 'x', effect: 'deny' }
    const facts = async (body: object) => {
      const reply = await create({ ...access, ...body })
      expect(refusalOf(reply)).toEqual([422, 'policy_invalid'])
      return factsOf(reply)
    }
    expect(await facts({ resources: ['agent', 'agnet'] })).toEqual({
      field: 'resources',
      found: 'agnet',
      expected: expect.stringMatching(/^agent, \w+, \w+$/),
    })
    const invoice = { field: 'actions', found: 'invoice' }
    for (const resources of [undefined, ['agent', 'usage']])
      expect(await facts({ ...(resources && { resources }), actions: ['invoice'] })).toEqual({
        ...invoice,
        expected: expect.stringMatching(/\binvoke\b/),
      })
    // An action of agents alone.
    expect(await facts({ resources: ['usage'], actions: ['invoke'] })).toMatchObject({
      field: 'actions',
      found: 'invoke',
    })
    const { id } = await created({ ...access, resources: ['agent'], actions: ['invoke'] })
    for (const wrong of [{ resources: ['agents'] }, { actions: ['invoked'] }])
      expect(refusalOf(await patch(id, wrong))).toEqual([422, 'policy_invalid'])
    expect((await patch(id, { resources: null, actions: ['render'] })).status).toBe(200)
  })

  test('a name that a release took away stays readable, and does not hinder a change', async () => {
    const { streams, ids } = app.app.deps
    const root = operatorRoot(app.app.deps)
    const owned = owner.orgId
    const policyId = newId(ids, root, 'policy')
    const terms: ResourceAccess = {
      kind: 'resource_access',
      name: 'of long ago',
      effect: 'deny',
      resources: ['telegraph'],
    }
    await streams.transact(
      policySet(owned),
      owned,
      { type: 'CreatePolicy', policyId, owner: owned, terms, at: root.at },
      step(ids, root, policyId),
    )
    expect((await read(policyId)).body).toMatchObject({ resources: ['telegraph'] })
    const changed = await patch(policyId, { name: 'of today', actions: ['invoke'] })
    expect(changed.body).toMatchObject({ resources: ['telegraph'], actions: ['invoke'] })
  })

  test('no more than a thousand bind', async () => {
    const who = await fund(app)
    const { streams, ids } = app.app.deps
    const root = operatorRoot(app.app.deps)
    const at = root.at
    await Promise.all(
      Array.from({ length: 1_000 }, (_, n) => {
        const policyId = idFromUuid('policy', ids.derive(root.id, String(n)))
        const terms: ResourceAccess = {
          kind: 'resource_access',
          name: 'x',
          effect: 'deny',
          models: [`m-${n}`],
        }
        return streams.transact(
          policySet(who.orgId),
          who.orgId,
          { type: 'CreatePolicy', policyId, owner: who.orgId, terms, at },
          step(ids, root, policyId),
        )
      }),
    )
    const reply = await create(limit, who)
    expect(refusalOf(reply)).toEqual([409, 'too_many_policies'])
    expect(factsOf(reply)).toMatchObject({ limit: 1_000 })
    const [first] = await everyPolicy(who, '/policies', '&kind=resource_access')
    expect((await as(who, `DELETE /policies/${first?.id}`)).status).toBe(204)
    await created(limit, who)
  })
})

describe('changing one', () => {
  test('is a version, field by field', async () => {
    const { id } = await created({ ...limit, burst: 5, window_seconds: 30 })
    app.clock.advance(1_000)
    const changed = await patch(id, { limit: 30, burst: null })
    expect(changed.status).toBe(200)
    expect(changed.headers['etag']).toBe('"2"')
    expect(changed.body).toMatchObject({ limit: 30, window_seconds: 30, version: 2 })
    expect(changed.body).not.toHaveProperty('burst')
    const again = await patch(id, { limit: 30 })
    expect(again.body.version).toBe(2)
    const now = await read(id)
    expect(now.body.versions.map((one) => one.version)).toEqual([2, 1])
    const then = await read(id, owner, '?version=1')
    expect(then.body).toMatchObject({ version: 1, limit: 20, burst: 5 })
    expect(then.headers['etag']).toBe('"2"')
    expect(refusalOf(await read(id, owner, '?version=3'))).toEqual([404, 'version_not_found'])
    for (const wrong of ['0', 'x', '1.5'])
      expect((await read(id, owner, `?version=${wrong}`)).status).toBe(400)
  })

  test('only at the version that was read; others in the stream do not matter', async () => {
    const { id } = await created()
    const headers = { 'if-match': '"1"' }
    await created({ ...limit, name: 'Another' })
    expect((await patch(id, { limit: 21 }, { headers })).status).toBe(200)
    expect(refusalOf(await patch(id, { limit: 22 }, { headers }))).toEqual([
      412,
      'precondition_failed',
    ])
    expect(refusalOf(await as(owner, `DELETE /policies/${id}`, { headers }))).toEqual([
      412,
      'precondition_failed',
    ])
  })

  test('disables it and lets it bind again', async () => {
    const { id } = await created()
    expect((await as(owner, `DELETE /policies/${id}`)).status).toBe(204)
    expect((await as(owner, `DELETE /policies/${id}`)).status).toBe(204)
    expect((await read(id)).body).toMatchObject({ enabled: false, version: 2, limit: 20 })
    expect((await patch(id, { limit: 5 })).body).toMatchObject({ enabled: false, limit: 5 })
    expect((await patch(id, { enabled: true })).body).toMatchObject({ enabled: true, limit: 5 })
    expect((await patch(id, { enabled: false })).body).toMatchObject({ enabled: false })
    const listed = await everyPolicy(owner, '/policies', '&enabled=false')
    expect(listed.map((one) => one.id)).toContain(id)
    const binding = await everyPolicy(owner, '/policies', '&enabled=true')
    expect(binding.map((one) => one.id)).not.toContain(id)
  })

  test('refuses what it could not be made with', async () => {
    const { id } = await created()
    expect(refusalOf(await patch(id, { on: 'login', per: 'ip' }))).toEqual([422, 'policy_widens'])
    expect(refusalOf(await patch(id, { hard: true }))).toEqual([422, 'policy_invalid'])
    expect(refusalOf(await patch(id, { per: 'platform' }))).toEqual([422, 'policy_invalid'])
    expect(refusalOf(await patch(id, { limit: null }))).toEqual([400, 'invalid_input'])
    expect(refusalOf(await patch(id, {}))).toEqual([400, 'invalid_input'])
    expect(refusalOf(await patch(id, { kind: 'budget' }))).toEqual([400, 'invalid_input'])
    expect((await read(id)).body.version).toBe(1)
  })

  test('bites with the next request', async () => {
    const who = await fund(app)
    const invoke = () => as(who, `POST /agents/${who.agentId}/invoke`, { body: { input: 'Hello' } })
    expect((await invoke()).status).toBe(200)
    const { id } = await created(
      { kind: 'resource_access', name: 'Not now', effect: 'deny', actions: ['invoke'] },
      who,
    )
    expect((await invoke()).status).toBe(403)
    await as(who, `DELETE /policies/${id}`)
    expect((await invoke()).status).toBe(200)
  })
})
