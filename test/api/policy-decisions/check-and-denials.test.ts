// What would happen to a request is what happens; what was refused is listed for whoever may know, and a flood of it stays small.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { issueApiKey } from '../../../src/commands/api-key/issue-api-key.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { type Funded, fund, invoke } from '../../support/funded.ts'
import { eventually } from '../../support/people.ts'
import { addLimit, addPolicy } from '../../support/policies.ts'
import { operatorRoot, signIn, signInMember, type SignedIn } from '../../support/seed.ts'

let app: TestApp
let administrator: SignedIn
beforeAll(async () => {
  app = await startTestApp()
  administrator = await signIn(app, { administrator: true })
})
afterAll(() => app.stop())

interface Check {
  readonly effect: string
  readonly code?: string
  readonly rulings: readonly { policy_id: string; version: number; rule: string; reason: string }[]
  readonly limits: readonly { rule: string; limit: number; remaining: number }[]
  readonly budgets: readonly { rule: string; amount: object; left?: { amount: string } }[]
}
const check = (who: SignedIn, body: Readonly<Record<string, unknown>>) =>
  app.request<Check>('POST /policies/check', { token: who.token, body })

interface DenialItem {
  readonly code: string
  readonly policy_id: string
  readonly rule: string
  readonly times: number
  readonly user_id?: string
  readonly key_id?: string
  readonly organization_id?: string
  readonly dimension?: string
}
interface Denials {
  readonly items: readonly DenialItem[]
  readonly next_cursor: string | null
}
const list = (who: SignedIn, query = '', path = '/policies/denials', org?: string) =>
  app.request<Denials>(`GET ${path}?limit=100${query}`, {
    token: who.token,
    ...(org === undefined ? {} : { org }),
  })
/** Until this many refusals of the organization are listed. */
const listed = (who: SignedIn, times: number, query = '') =>
  eventually(async () => {
    const { items } = (await list(who, query)).body
    return items.reduce((sum, one) => sum + one.times, 0) >= times ? items : undefined
  })

async function aKey({ orgId, userId }: Funded): Promise<{ keyId: string; secret: string }> {
  const { deps } = app.app
  const issued = await issueApiKey(deps, operatorRoot(deps), {
    orgId,
    issuedBy: userId,
    terms: { name: 'a key', scopes: ['usage:read'] },
  })
  return { keyId: issued.keyId, secret: issued.token ?? '' }
}

describe('a check', () => {
  test('says what is left of limits and budgets, and takes nothing', async () => {
    const who = await fund(app, { plan: { limits: { invocationsPerMinute: 9 } } })
    await addLimit(app, who.orgId, { limit: 3, name: 'three' })
    await addPolicy(app, who.orgId, {
      kind: 'budget',
      name: 'a budget',
      amountNanos: '500000000',
      period: 'day',
      per: 'organization',
      hard: true,
    })
    const body = { action: 'invoke', agent_id: who.agentId, model: who.modelName }
    for (let n = 0; n < 5; n++)
      expect((await check(who, body)).body).toMatchObject({
        effect: 'allow',
        limits: [
          { rule: 'three', limit: 3, remaining: 3 },
          { rule: 'plan', limit: 9, remaining: 9 },
        ],
        budgets: [{ rule: 'a budget', left: { amount: '0.500000000' } }],
      })
    for (let n = 0; n < 3; n++) expect((await invoke(app, who)).status).toBe(200)
    const { body: after } = await check(who, body)
    expect(after.effect).toBe('limited')
    expect(after.limits.map(({ remaining }) => remaining)).toEqual([0, 6])
    expect(Number(after.budgets[0]?.left?.amount)).toBeLessThan(0.5)
    expect((await invoke(app, who)).status).toBe(429)
  })
  test('says which rule denies, for a role, a member and a key', async () => {
    const who = await fund(app)
    const auditor = await signInMember(app, who.orgId, 'auditor')
    const key = await aKey(who)
    const invoking = { action: 'invoke', agent_id: who.agentId }
    const denied = async (body: object) => {
      const { effect, rulings } = (await check(who, { ...invoking, ...body })).body
      return [effect, rulings[0]?.rule, rulings[0]?.reason]
    }
    expect(await denied({ user_id: auditor.userId })).toEqual(['deny', 'role', 'needs member'])
    expect(await denied({ role: 'auditor' })).toEqual(['deny', 'role', 'needs member'])
    expect(await denied({ key_id: key.keyId })).toEqual(['deny', 'scope', 'needs invoke'])
    expect((await check(who, { ...invoking, role: 'member' })).body.effect).toBe('allow')
    await addPolicy(app, who.orgId, {
      kind: 'resource_access',
      name: 'no members',
      effect: 'deny',
      roles: ['member'],
      resources: ['agent'],
      actions: ['invoke'],
    })
    expect((await denied({ role: 'member' })).slice(0, 2)).toEqual(['deny', 'no members'])
    expect((await check(who, { ...invoking, role: 'admin' })).body.effect).toBe('allow')
  })
  test('names what it does not understand', async () => {
    const who = await fund(app)
    const other = await fund(app)
    const reply = async (body: object) => {
      const { status, body: said } = await check(who, { ...body })
      return [status, said.code]
    }
    expect(await reply({ action: 'no_such_thing' })).toEqual([400, 'invalid_input'])
    expect(await reply({ action: 'list' })).toEqual([400, 'invalid_input'])
    expect(await reply({ action: 'invoke', agent_id: other.agentId })).toEqual([
      404,
      'agent_not_found',
    ])
    expect(await reply({ action: 'invoke', user_id: other.userId })).toEqual([
      404,
      'member_not_found',
    ])
    const { keyId } = await aKey(other)
    expect(await reply({ action: 'invoke', key_id: keyId })).toEqual([404, 'api_key_not_found'])
  })
  test('is for admins, and for administrators of any organization', async () => {
    const who = await fund(app)
    const member = await signInMember(app, who.orgId, 'member')
    const asked = await app.request('POST /policies/check', {
      token: member.token,
      org: who.orgId,
      body: { action: 'invoke' },
    })
    expect(asked.status).toBe(403)
    const ask = (organization_id: string) =>
      app.request<Check>('POST /admin/policies/check', {
        token: administrator.token,
        body: { organization_id, action: 'invoke', role: 'member' },
      })
    expect((await ask(who.orgId)).body.effect).toBe('allow')
    expect((await ask('org_00000000000000000000000000')).status).toBe(404)
  })
})

describe('denials', () => {
  test('of limits, budgets, policies, roles and scopes are listed with their rule', async () => {
    const who = await fund(app)
    const auditor = await signInMember(app, who.orgId, 'auditor')
    const key = await aKey(who)
    const line = `POST /agents/${who.agentId}/invoke`
    const body = { input: 'Hello' }
    await app.request(line, { token: auditor.token, org: who.orgId, body })
    await app.request(line, { token: key.secret, body })
    const limitId = await addLimit(app, who.orgId, { limit: 1 })
    await invoke(app, who)
    await invoke(app, who)
    const items = await listed(who, 3)
    expect(items).toHaveLength(3)
    expect(items).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ code: 'forbidden', rule: 'role', user_id: auditor.userId }),
        expect.objectContaining({ code: 'forbidden', key_id: key.keyId }),
        expect.objectContaining({
          code: 'rate_limited',
          policy_id: limitId,
          dimension: 'organization',
          user_id: who.userId,
          organization_id: who.orgId,
        }),
      ]),
    )
    for (const [query, code] of [
      [`&policy_id=${limitId}`, 'rate_limited'],
      [`&user_id=${auditor.userId}`, 'forbidden'],
      [`&key_id=${key.keyId}`, 'forbidden'],
    ] as const)
      expect((await list(who, query)).body.items.map((one) => one.code)).toEqual([code])
    const seen = await list(auditor, '', '/policies/denials', who.orgId)
    expect(seen.body.items).toHaveLength(3)
  })
  test('are nobody else’s: not a member’s, not another organization’s', async () => {
    const who = await fund(app)
    const member = await signInMember(app, who.orgId, 'member')
    await app.request('GET /policies', { token: member.token, org: who.orgId })
    await listed(who, 1)
    expect((await list(member, '', '/policies/denials', who.orgId)).status).toBe(403)
    const other = await fund(app)
    expect((await list(other)).body.items).toEqual([])
    expect((await list(other, `&user_id=${member.userId}`)).body.items).toEqual([])
  })
  test('of the whole platform are an administrator’s', async () => {
    const who = await fund(app)
    await app.request('GET /admin/users', { token: who.token })
    const found = await eventually(async () => {
      const { items } = (await list(administrator, '', '/admin/policies/denials')).body
      return items.find((one) => one.user_id === who.userId)
    })
    expect(found).toMatchObject({ code: 'forbidden', rule: 'role' })
    expect((await list(who, '', '/admin/policies/denials')).status).toBe(403)
  })
  test('of a flood are few, and none is lost', async () => {
    const who = await fund(app)
    await addLimit(app, who.orgId, { limit: 1 })
    await invoke(app, who)
    const FLOOD = 400
    for (let n = 0; n < FLOOD; n += 50)
      await Promise.all(Array.from({ length: 50 }, () => invoke(app, who)))
    const items = await listed(who, FLOOD)
    expect(items.reduce((sum, one) => sum + one.times, 0)).toBe(FLOOD)
    expect(items.length).toBeLessThan(10)
  })
  test('page by page', async () => {
    const who = await fund(app)
    for (const path of ['users', 'organizations', 'plans'])
      await app.request(`GET /admin/${path}`, { token: who.token })
    const member = await signInMember(app, who.orgId, 'member')
    for (const path of ['policies', 'api-keys', 'policies/denials'])
      await app.request(`GET /${path}`, { token: member.token, org: who.orgId })
    const all = await listed(who, 3)
    const first = await app.request<Denials>('GET /policies/denials?limit=2', { token: who.token })
    const second = await app.request<Denials>(
      `GET /policies/denials?limit=2&cursor=${first.body.next_cursor}`,
      { token: who.token },
    )
    expect([...first.body.items, ...second.body.items]).toEqual(all)
  })
})
