// An organization's history is for its auditors, admins and owners, and holds nothing of anybody else's.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseStreamName } from '../../../src/domain/decider.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { allPages, type History, makeHistory, newKey } from './history.ts'

let app: TestApp
let history: History
beforeAll(async () => {
  app = await startTestApp()
  history = await makeHistory(app)
}, 30_000)
afterAll(() => app.stop())

const routesOf = ({ owner, invocationId, requestId }: History) => [
  'GET /audit/events?limit=100',
  `GET /audit/streams/account-${owner.orgId}`,
  `GET /audit/streams/invocation-${invocationId}`,
  `GET /audit/correlations/${requestId}`,
]

describe('who reads', () => {
  test('auditor, admin and owner do; a member does not', async () => {
    const { owner, admin, auditor, member } = history
    for (const line of routesOf(history)) {
      for (const { token } of [owner, admin, auditor]) {
        const reply = await app.request(line, { token, org: owner.orgId })
        expect({ line, status: reply.status }).toEqual({ line, status: 200 })
      }
      const reply = await app.request(line, { token: member.token, org: owner.orgId })
      expect(reply.body).toMatchObject({
        status: 403,
        code: 'forbidden',
        facts: { needed: 'auditor' },
      })
    }
  })

  test('nobody without a token, and nobody from elsewhere under its name', async () => {
    const { owner, stranger } = history
    for (const line of routesOf(history)) {
      expect((await app.request(line)).status).toBe(401)
      const foreign = await app.request(line, { token: stranger.token, org: owner.orgId })
      expect(foreign.body).toMatchObject({ status: 404, code: 'organization_not_found' })
    }
  })

  test('a key with the scope does, one without it does not', async () => {
    const { owner } = history
    const may = await newKey(app, owner, ['audit:read'])
    const mayNot = await newKey(app, owner, ['usage:read', 'invocations:read'])
    for (const line of routesOf(history)) {
      expect((await app.request(line, { token: may })).status).toBe(200)
      const refused = await app.request(line, { token: mayNot })
      expect(refused.body).toMatchObject({ code: 'forbidden', facts: { needed: 'audit:read' } })
    }
  })

  test('an auditor changes nothing', async () => {
    const { owner, auditor } = history
    const { orgId, agentId } = owner
    const wishes: [string, unknown][] = [
      [`POST /agents/${agentId}/invoke`, { input: 'Hello' }],
      [`PATCH /agents/${agentId}`, { name: 'Mine' }],
      [`PATCH /organizations/${orgId}`, { name: 'Mine' }],
      [`POST /organizations/${orgId}/invitations`, { email: 'a@example.test' }],
      ['POST /api-keys', { name: 'Mine', scopes: ['audit:read'] }],
    ]
    for (const [line, body] of wishes) {
      const reply = await app.request(line, { token: auditor.token, org: orgId, body })
      expect({ line, status: reply.status }).toEqual({ line, status: 403 })
    }
  })
})

describe('what is read', () => {
  test('every fact of the organization and no other', async () => {
    const { owner, auditor } = history
    await app.settled()
    const shown = await allPages(app, 'GET /audit/events?limit=100', {
      token: auditor.token,
      org: owner.orgId,
    })
    const log = await app.app.engine.events.readAll({ after: -1n, limit: 100_000 })
    const own = log.filter(({ stream, data }) => {
      const { category, id } = parseStreamName(stream)
      if (['organization', 'account', 'subscription', 'policySet'].includes(category))
        return id === owner.orgId
      if (category === 'agent') return id === owner.agentId
      if (category === 'invocation') return id === history.invocationId
      return category === 'apiKey' && data['orgId'] === owner.orgId
    })
    expect(shown.map(({ id }) => id).toSorted()).toEqual(own.map(({ id }) => id).toSorted())
    expect(new Set(shown.map((one) => one.organization_id))).toEqual(new Set([owner.orgId]))
  })

  test('a foreign stream or request answers as one that nobody ever named', async () => {
    const { owner, stranger, requestId, invocationId } = history
    const { token, orgId: org } = stranger
    const plain = (text: string) => text.replaceAll(/"request_id":"[^"]*"/g, '')
    const unknown = await app.request('GET /audit/streams/account-org_nobody', { token, org })
    expect(unknown.body).toMatchObject({ status: 404, code: 'not_found' })
    for (const line of [
      `GET /audit/streams/account-${owner.orgId}`,
      `GET /audit/streams/organization-${owner.orgId}`,
      `GET /audit/streams/agent-${owner.agentId}`,
      `GET /audit/streams/invocation-${invocationId}`,
      `GET /audit/streams/user-${stranger.userId}`,
      `GET /audit/events?stream=account-${owner.orgId}`,
      `GET /audit/correlations/${requestId}`,
      `GET /audit/correlations/${invocationId}`,
    ]) {
      const foreign = await app.request(line, { token, org })
      expect({ line, text: plain(foreign.text) }).toEqual({ line, text: plain(unknown.text) })
    }
    const mine = await app.request<{ items: unknown[] }>(
      `GET /audit/events?correlation=${requestId}`,
      { token, org },
    )
    expect(mine.body.items).toEqual([])
  })

  test('the same request id of two organizations shows each its own', async () => {
    const { stranger, owner, auditor, requestId, administrator } = history
    const made = await app.request(`PATCH /agents/${stranger.agentId}`, {
      token: stranger.token,
      org: stranger.orgId,
      body: { name: 'The same id' },
      headers: { 'x-request-id': requestId },
    })
    expect(made.status).toBe(200)
    await app.settled()
    const seen = async (token: string, org?: string) => {
      const line = `GET /audit/correlations/${requestId}`
      const reply = await app.request<{ events: number }>(line, {
        token,
        ...(org !== undefined && { org }),
      })
      return reply.body.events
    }
    expect(await seen(stranger.token, stranger.orgId)).toBe(1)
    expect(await seen(auditor.token, owner.orgId)).toBe(5)
    expect(await seen(administrator.token)).toBe(6)
  })
})

describe("the platform's administrator", () => {
  test('sees everything, or the organization that they name', async () => {
    const { administrator, owner } = history
    const { token } = administrator
    // What is asked leaves a record of itself, later.
    const log = await app.app.engine.events.readAll({ after: -1n, limit: 100_000 })
    await app.settled()
    const all = await allPages(app, 'GET /audit/events?limit=100', { token })
    const shown = new Set(all.map(({ id }) => id))
    expect(log.filter(({ id }) => !shown.has(id)).map(({ type }) => type)).toEqual([])
    const line = `GET /audit/events?limit=100&organization=${owner.orgId}`
    const one = await allPages(app, line, { token })
    expect(new Set(one.map((event) => event.organization_id))).toEqual(new Set([owner.orgId]))
    const stream = await app.request(`GET /audit/streams/user-${owner.userId}`, { token })
    expect(stream.status).toBe(200)
  })

  test('who names an organization in the header acts in it, and needs a role there', async () => {
    const { administrator, owner } = history
    const { token, orgId } = administrator
    const foreign = await app.request('GET /audit/events', { token, org: owner.orgId })
    expect(foreign.body).toMatchObject({ code: 'organization_not_found' })
    const own = await allPages(app, 'GET /audit/events?limit=100', { token, org: orgId })
    expect(new Set(own.map((event) => event.organization_id))).toEqual(new Set([orgId]))
  })

  test('nobody else chooses an organization by the filter', async () => {
    const { auditor, owner, stranger } = history
    const line = `GET /audit/events?organization=${stranger.orgId}`
    const reply = await app.request(line, { token: auditor.token, org: owner.orgId })
    expect(reply.body).toMatchObject({ code: 'forbidden', facts: { needed: 'administrator' } })
  })
})
