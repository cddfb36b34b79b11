// Guarantee: an organization sees its own policies and those of the platform that bind it, no others; the platform's are the administrator's, from the beginning.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SPEND_CEILING } from '../../../src/domain/policy/defaults.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { fund, type Funded, publishAgent, version } from '../../support/funded.ts'
import { signIn, type SignedIn, signInMember } from '../../support/seed.ts'
import { asking, factsOf, limit, refusalOf } from './policies.ts'

let app: TestApp
let owner: Funded
let stranger: Funded
let administrator: SignedIn
const LOGIN = 'pol_7atetaqhqwbnn90j3rbxa5qm89'
const CALLS = 'pol_3ss610xd0qb0q9q98adktdz70x'

beforeAll(async () => {
  app = await startTestApp({}, {}, { limits: 'kept' })
  owner = await fund(app)
  stranger = await fund(app)
  administrator = await signIn(app, { administrator: true })
})
afterAll(() => app.stop())

const { as, created, read, patch, everyPolicy } = asking(
  () => app,
  () => owner,
)

describe('who sees and changes which', () => {
  test('admins and owners of the organization', async () => {
    const { id } = await created()
    for (const [role, status] of [
      ['auditor', 403],
      ['member', 403],
      ['admin', 200],
    ] as const) {
      const { token } = await signInMember(app, owner.orgId, role)
      const asked = { token, org: owner.orgId }
      expect((await app.request('GET /policies', asked)).status).toBe(status)
      const change = { ...asked, body: { limit: 19 } }
      expect((await app.request(`PATCH /policies/${id}`, change)).status).toBe(status)
    }
  })

  test('own ones first, then those of the platform that bind it', async () => {
    const who = await fund(app)
    const own = await created(limit, who)
    const all = await everyPolicy(who)
    expect(all[0]).toMatchObject({ id: own.id, owner: who.orgId })
    const platform = all.slice(1)
    expect(new Set(platform.map((one) => one.owner))).toEqual(new Set(['platform']))
    expect(platform.map((one) => one.id)).toContain(CALLS)
    expect(platform.map((one) => one.id)).not.toContain(SPEND_CEILING)
    expect(platform.every((one) => one.enabled)).toBe(true)
    expect((await read(CALLS, who)).body).toMatchObject({
      owner: 'platform',
      built_in: true,
      created_at: null,
      limit: 60,
      version: 1,
      versions: [{ version: 1, enabled: true, at: null }],
    })
    expect(refusalOf(await read(SPEND_CEILING, who))).toEqual([404, 'policy_not_found'])
    for (const line of [`PATCH /policies/${CALLS}`, `DELETE /policies/${CALLS}`]) {
      const body = line.startsWith('PATCH') ? { body: { limit: 61 } } : {}
      const reply = await as(who, line, body)
      expect(refusalOf(reply)).toEqual([403, 'forbidden'])
      expect(factsOf(reply)).toEqual({ needed: 'administrator' })
    }
    expect(refusalOf(await patch(SPEND_CEILING, { amount: '26' }, {}, who))).toEqual([
      404,
      'policy_not_found',
    ])
  })

  test('another organization’s is not there', async () => {
    const { id } = await created()
    expect(refusalOf(await read(id, stranger))).toEqual([404, 'policy_not_found'])
    expect(refusalOf(await patch(id, { limit: 1 }, {}, stranger))).toEqual([
      404,
      'policy_not_found',
    ])
    expect((await everyPolicy(stranger)).map((one) => one.id)).not.toContain(id)
  })

  test('a rule of the platform about others’ agents is not shown, nor their ids', async () => {
    const shared = await publishAgent(app, 'platform', version())
    const make = async (agents: string[]) => {
      const body = { ...limit, name: 'For some', agents }
      return (await as(administrator, 'POST /admin/policies', { body })).body.id
    }
    const theirs = await make([stranger.agentId])
    const both = await make([stranger.agentId, owner.agentId, shared])
    expect(refusalOf(await read(theirs))).toEqual([404, 'policy_not_found'])
    expect((await read(both)).body['agents']).toEqual([owner.agentId, shared])
    const text = JSON.stringify(await everyPolicy(owner))
    expect(text).not.toContain(stranger.agentId)
    expect(text).toContain(shared)
    for (const id of [theirs, both]) await as(administrator, `DELETE /admin/policies/${id}`)
    expect(refusalOf(await read(both))).toEqual([404, 'policy_not_found'])
  })
})

describe('the platform’s', () => {
  test('are listed from the beginning, for the administrator alone', async () => {
    const all = await everyPolicy(administrator, '/admin/policies')
    const builtIn = all.filter((one) => one.built_in)
    expect(builtIn.length).toBe(13)
    expect(builtIn.map((one) => one.id)).toContain(SPEND_CEILING)
    expect(new Set(all.map((one) => one.owner))).toEqual(new Set(['platform']))
    expect(refusalOf(await as(owner, 'GET /admin/policies'))).toEqual([403, 'forbidden'])
    const { body } = await as(administrator, `GET /admin/policies/${SPEND_CEILING}`)
    expect(body).toMatchObject({
      kind: 'budget',
      amount: { amount: '25.000000000', currency: 'USD' },
      per: 'platform',
      hard: true,
      enabled: true,
    })
  })

  test('can be changed and disabled, and what they began with stays readable', async () => {
    const path = `/admin/policies/${LOGIN}`
    const changed = await as(administrator, `PATCH ${path}`, {
      body: { limit: 11 },
      headers: { 'if-match': '"1"' },
    })
    expect(changed.body).toMatchObject({ version: 2, limit: 11, built_in: true })
    expect((await as(administrator, `DELETE ${path}`)).status).toBe(204)
    expect((await as(administrator, `GET ${path}?version=1`)).body).toMatchObject({
      version: 1,
      limit: 10,
      enabled: true,
      versions: [{ version: 3 }, { version: 2 }, { version: 1, at: null }],
    })
    await app.restart()
    expect((await as(administrator, `GET ${path}`)).body).toMatchObject({
      version: 3,
      enabled: false,
      limit: 11,
    })
    expect((await everyPolicy(owner)).map((one) => one.id)).not.toContain(LOGIN)
  })

  test('may allow, and may concern every door', async () => {
    for (const body of [
      { kind: 'resource_access', name: 'x', effect: 'allow', resources: ['documents'] },
      { ...limit, on: 'login', per: 'ip', limit: 1_000 },
      { kind: 'budget', name: 'x', amount: '1000', period: 'month', per: 'platform', hard: true },
    ]) {
      const made = await as(administrator, 'POST /admin/policies', { body })
      expect(made.status, made.text).toBe(201)
      expect(made.headers['location']).toBe(`/admin/policies/${made.body.id}`)
    }
  })

  test('an organization’s policy is not among them', async () => {
    const { id } = await created()
    const reply = await as(administrator, `GET /admin/policies/${id}`)
    expect(refusalOf(reply)).toEqual([404, 'policy_not_found'])
  })
})
