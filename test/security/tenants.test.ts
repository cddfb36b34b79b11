// Another tenant's id, wherever it is put, answers byte for byte as an id that nobody has, and leaves no
// event; whoever may not change anything changes nothing.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../support/app.ts'
import { quiet } from '../support/crash-data.ts'
import { type Funded, fund, invoke } from '../support/funded.ts'
import { type SignedIn, signInMember } from '../support/seed.ts'

let app: TestApp
let owner: Funded
let stranger: Funded
let auditor: SignedIn
let ids: Record<string, string>

const NOBODYS = '00000000000000000000000000'

beforeAll(async () => {
  app = await startTestApp()
  owner = await fund(app)
  stranger = await fund(app)
  auditor = await signInMember(app, owner.orgId, 'auditor')
  const { token, orgId } = owner
  const invitation = await app.request(`POST /organizations/${orgId}/invitations`, {
    token,
    body: { email: 'somebody@example.com' },
  })
  const call = await invoke(app, owner)
  // The invitation's mail is sent meanwhile.
  await quiet(app.app)
  ids = {
    agent_id: owner.agentId,
    label: 'production',
    user_id: auditor.userId,
    org_id: orgId,
    invitation_id: String(invitation.body['id']),
    organization: orgId,
    invocation: call.body.invocation_id,
    session: owner.sessionId,
  }
})
afterAll(() => app.stop())

const version = { prompt_template: '{{input}}' }
/** Every route that a signed-in person may ask with somebody's id, and a body it takes. */
const routes: readonly [line: string, body?: object][] = [
  ['GET /agents/{agent_id}'],
  ['PATCH /agents/{agent_id}', { name: 'Mine' }],
  ['GET /agents/{agent_id}/versions'],
  ['POST /agents/{agent_id}/versions', version],
  ['PUT /agents/{agent_id}/labels/{label}', { version: 1 }],
  ['POST /agents/{agent_id}/render', { input: 'x' }],
  ['POST /agents/{agent_id}/invoke', { input: 'x' }],
  ['POST /agents/{agent_id}/invoke', { input: 'x', label: 'beta' }],
  ['POST /agents/{agent_id}/invoke', { input: 'x', stream: true }],
  ['GET /invocations/{invocation}'],
  ['GET /invocations/{invocation}/events'],
  ['POST /invocations/{invocation}/cancel'],
  ['GET /organizations/{organization}'],
  ['PATCH /organizations/{organization}', { name: 'Mine' }],
  ['PATCH /organizations/{organization}', { content_days: 1 }],
  ['POST /organizations/{organization}/invitations', { email: 'me@example.com', role: 'owner' }],
  ['DELETE /organizations/{organization}/invitations/{invitation_id}'],
  ['PATCH /organizations/{organization}/members/{user_id}', { role: 'owner' }],
  ['DELETE /organizations/{organization}/members/{user_id}'],
  ['POST /organizations/{organization}/switch'],
  ['DELETE /me/sessions/{session}'],
]
/** Routes of the organization in the header. */
const ofOrganization: readonly [line: string, body?: object][] = [
  ['GET /agents'],
  ['POST /agents', { slug: 'mine', name: 'Mine' }],
  ['GET /invocations'],
  ['GET /usage'],
  ['GET /usage/summary'],
  ['GET /usage/export.csv'],
  ['GET /billing/account'],
  ['GET /billing/plans'],
  ['GET /billing/ledger'],
  ['GET /billing/holds'],
  ['POST /billing/subscribe', { plan_id: `pln_${NOBODYS}` }],
  ['POST /billing/cancel'],
  ['POST /billing/top-up', { quantity: 1 }],
  ['POST /billing/portal'],
  ['GET /billing/invoices'],
  ['GET /billing/invoices/txn_of_nobody'],
]

const prefixes: Readonly<Record<string, string>> = {
  agent_id: 'agt',
  user_id: 'usr',
  invitation_id: 'ivt',
  organization: 'org',
  invocation: 'inv',
  session: 'ses',
}
const nobodys = (name: string): string => {
  const known = ids[name] ?? ''
  return name in prefixes ? `${known.slice(0, known.indexOf('_'))}_${NOBODYS}` : known
}
const fill = (line: string, id: (name: string) => string): string =>
  line.replaceAll(/\{(\w+)\}/g, (_, name: string) => id(name))

const written = async () => {
  const events = await app.app.engine.events.readAll({ after: -1n, limit: 100_000 })
  return events.filter(({ type }) => !/^(UsageRecorded|AccessDenied)$/.test(type)).length
}

/** The answer without what differs from one request to the next. */
async function answer(who: SignedIn, line: string, body?: object, org?: string) {
  const reply = await app.request(line, {
    token: who.token,
    ...(body && { body }),
    ...(org !== undefined && { org }),
  })
  const { 'x-request-id': _id, date: _date, 'content-length': _length, ...headers } = reply.headers
  const text = reply.text.replace(/"request_id":"[^"]+"/, '')
  return { status: reply.status, headers, text }
}

describe('another tenant', () => {
  test.each(routes)('%s', async (line, body) => {
    const before = await written()
    const known = fill(line, (name) => ids[name] ?? '')
    const [foreign, random] = await app.inOneState(async () => [
      await answer(stranger, known, body),
      await answer(stranger, fill(line, nobodys), body),
    ])
    expect(foreign).toEqual(random)
    expect(foreign.status).toBe(404)
    expect(await written()).toBe(before)
  })

  test.each(ofOrganization)('%s with the organization in the header', async (line, body) => {
    const before = await written()
    const [foreign, random] = await app.inOneState(async () => [
      await answer(stranger, line, body, owner.orgId),
      await answer(stranger, line, body, `org_${NOBODYS}`),
    ])
    expect(foreign).toEqual(random)
    expect(foreign.status).toBe(404)
    expect(await written()).toBe(before)
  })

  test('filters by somebody else’s ids show nothing', async () => {
    for (const filter of [`user_id=${owner.userId}`, `agent_id=${owner.agentId}`]) {
      const { body } = await app.request<{ items: unknown[] }>(`GET /invocations?${filter}`, {
        token: stranger.token,
      })
      expect(body.items).toEqual([])
    }
    const { body } = await app.request<{ items: unknown[] }>(`GET /usage?user_id=${owner.userId}`, {
      token: stranger.token,
    })
    expect(body.items).toEqual([])
  })

  test('an Idempotency-Key of somebody else is nobody’s', async () => {
    const body = { input: 'the same' }
    const mine = await app.request(`POST /agents/${owner.agentId}/invoke`, {
      token: owner.token,
      key: 'a-common-key',
      body,
    })
    const theirs = await app.request(`POST /agents/${stranger.agentId}/invoke`, {
      token: stranger.token,
      key: 'a-common-key',
      body,
    })
    expect([mine.status, theirs.status]).toEqual([200, 200])
    expect(mine.body['invocation_id']).not.toBe(theirs.body['invocation_id'])
  })
})

describe('an auditor', () => {
  const changes = [...routes, ...ofOrganization].filter(
    ([line]) => !line.startsWith('GET') && !/switch|sessions/.test(line),
  )
  test.each(changes)('%s', async (line, body) => {
    const before = await written()
    const to = fill(line, (name) => (name === 'user_id' ? owner.userId : (ids[name] ?? '')))
    expect((await answer(auditor, to, body, owner.orgId)).status).toBe(403)
    expect(await written()).toBe(before)
  })
})

describe('nobody but an administrator of the installation', () => {
  test('reaches any route under /admin', async () => {
    const all = app.app.routes
    const lines = all
      .filter(({ path }) => path.startsWith('/admin'))
      .map(({ method, path }) => `${method} ${path.replaceAll(/\{\w+\}/g, 'x')}`)
    expect(lines.length).toBeGreaterThan(8)
    for (const line of lines) {
      const { status } = await answer(owner, line, line.startsWith('GET') ? undefined : {})
      expect([line, status]).toEqual([line, 403])
      expect([line, (await app.request(line)).status]).toEqual([line, 401])
    }
  })
})
