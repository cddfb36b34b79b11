// Checks S-48, S-49, S-51, S-54 to S-58 and S-60: an id of another organization is an id that nobody has, wherever it stands; a role sees and does what it may, from the next request on.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { emailOf, invitationToken } from '../../api/organizations/organizations.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { openEvents } from '../../support/event-source.ts'
import { type Funded, fund, invoke, storyOf } from '../../support/funded.ts'
import { eventually, wholeLog } from '../../support/people.ts'
import { type SignedIn, signIn, signInMember } from '../../support/seed.ts'
import { openable } from '../../support/upstream.ts'

let app: TestApp
let base: string
let owner: Funded
let stranger: Funded
let member: SignedIn
let auditor: SignedIn
let administrator: SignedIn
beforeAll(async () => {
  app = await startTestApp()
  base = await app.listen()
  owner = await fund(app)
  stranger = await fund(app)
  member = await signInMember(app, owner.orgId, 'member')
  auditor = await signInMember(app, owner.orgId, 'auditor')
  administrator = await signIn(app, { administrator: true })
  for (const who of [owner, stranger]) {
    await invoke(app, who)
    await invoke(app, who)
  }
  await app.settled()
})
afterAll(() => app.stop())

const everyEvent = () => app.app.engine.events.readAll({ after: -1n, limit: 10_000 })

const NOBODYS = '00000000000000000000000000'
const inOrg = (who: SignedIn, line: string, body?: unknown) =>
  app.request(line, { token: who.token, org: owner.orgId, ...(body === undefined ? {} : { body }) })

describe('S-48 S-56 an id of another organization in a body', () => {
  const wishes: readonly (readonly [string, (agent: string) => object])[] = [
    ['POST /api-keys', (agent) => ({ name: 'k', scopes: ['invoke'], agents: [agent] })],
    [
      'POST /v1/chat/completions',
      (agent) => ({ model: agent, messages: [{ role: 'user', content: 'Hello' }] }),
    ],
    [
      'POST /v1/chat/completions',
      (agent) => ({ model: `agent/${agent}`, messages: [{ role: 'user', content: 'Hello' }] }),
    ],
  ]
  test.each(wishes)('%s', async (line, bodyOf) => {
    const ask = async (agent: string) => {
      const { status, text } = await inOrg(owner, line, bodyOf(agent))
      return { status, text: text.replaceAll(agent, '').replace(/"request_id":"[^"]+"/, '') }
    }
    const before = app.upstream.requests.length
    const foreign = await ask(stranger.agentId)
    expect(foreign).toEqual(await ask(`agt_${NOBODYS}`))
    expect([400, 404, 422]).toContain(foreign.status)
    expect(app.upstream.requests.length).toBe(before)
  })
})

describe('S-49 a list', () => {
  interface List {
    readonly items: readonly { readonly id: string }[]
    readonly next_cursor: string | null
  }
  test.each([
    '/invocations',
    '/usage',
    '/billing/ledger',
    '/agents',
    '/audit/events',
    '/policies',
    '/policies/denials',
    '/api-keys',
  ])('%s takes no cursor of another organization, and none that was edited', async (path) => {
    const first = await app.request<List>(`GET ${path}?limit=1`, {
      token: stranger.token,
      org: stranger.orgId,
    })
    const cursor = first.body.next_cursor
    expect(first.status).toBe(200)
    if (cursor === null) return
    const [payload = '', signature = ''] = cursor.split('.')
    const edited = Buffer.from('999999').toString('base64url')
    for (const other of [cursor, `${edited}.${signature}`, `${payload}.`, payload, '.', 'x.y']) {
      const reply = await inOrg(owner, `GET ${path}?limit=1&cursor=${encodeURIComponent(other)}`)
      expect([path, other, reply.status]).toEqual([path, other, 400])
    }
  })
  test('of what was refused shows an organization its own', async () => {
    await app.request('POST /agents', {
      token: auditor.token,
      org: owner.orgId,
      body: { slug: 'refused', name: 'Refused' },
    })
    const denials = (who: Funded) =>
      app.request<List>('GET /policies/denials', { token: who.token, org: who.orgId })
    const own = await eventually(async () => {
      await app.settled()
      const reply = await denials(owner)
      return reply.text.includes(auditor.userId) ? reply : undefined
    })
    expect(own.status).toBe(200)
    const theirs = await denials(stranger)
    expect([theirs.status, theirs.text.includes(auditor.userId)]).toEqual([200, false])
  })
  test('sorts and filters by what is written down, and by nothing else', async () => {
    for (const query of ['sort=cost', 'order=desc', 'q=x', 'organization_id=x', 'where=1'])
      expect((await inOrg(owner, `GET /invocations?${query}`)).status).toBe(400)
  })
})

test('S-51 a member sees no prompt, no address of others, no money of the organization', async () => {
  const agent = await inOrg(member, `GET /agents/${owner.agentId}`)
  expect(agent.status).toBe(200)
  expect(agent.text).not.toContain('Be brief.')
  expect((await inOrg(owner, `GET /agents/${owner.agentId}`)).text).toContain('Be brief.')
  const team = await inOrg(member, `GET /organizations/${owner.orgId}`)
  expect(team.status).toBe(200)
  expect(team.text).not.toContain('@')
  for (const path of ['/billing/ledger', '/audit/events', '/api-keys'])
    expect([path, (await inOrg(member, `GET ${path}`)).status]).toEqual([path, 403])
})

test('S-54 an auditor reads, and what they may not change is written down as refused', async () => {
  const line = `POST /agents/${owner.agentId}/invoke`
  expect((await inOrg(auditor, line, { input: 'x' })).status).toBe(403)
  expect((await inOrg(auditor, 'POST /agents', { slug: 'a', name: 'A' })).status).toBe(403)
  expect((await inOrg(auditor, 'GET /invocations')).status).toBe(200)
  await eventually(async () => {
    const found = (await everyEvent()).filter(({ type }) => type === 'AccessDenied')
    const said = JSON.stringify(found.map(({ data }) => data))
    const known = [auditor.userId, '/agents/{agent_id}/invoke'].every((one) => said.includes(one))
    return known || undefined
  })
})

describe('S-55 a call of another organization', () => {
  test('is not followed, read or ended, by its id or by the id of an event of it', async () => {
    const { body } = await invoke(app, owner)
    const path = `/invocations/${body.invocation_id}`
    const random = `/invocations/inv_${NOBODYS}`
    for (const line of ['GET ', 'GET events', 'POST cancel']) {
      const [method = '', rest = ''] = line.split(' ')
      const ask = async (of: string) => {
        const reply = await app.request(`${method} ${of}${rest === '' ? '' : `/${rest}`}`, {
          token: stranger.token,
          headers: { 'last-event-id': '1.1' },
        })
        return [reply.status, reply.body['code']]
      }
      expect(await ask(path)).toEqual([404, 'invocation_not_found'])
      expect(await ask(random)).toEqual([404, 'invocation_not_found'])
    }
    // Within the organization: a member reads their own calls only.
    expect((await inOrg(member, `GET ${path}`)).status).toBe(404)
  })
})

test('S-57 a stream that is open when its reader is removed runs to its end; the next request is refused', async () => {
  const leaving = await signInMember(app, owner.orgId, 'member')
  const gate = openable()
  app.upstream.next({ text: ['One ', 'two'], after: 1, midGate: gate })
  const events = await openEvents(`${base}/agents/${owner.agentId}/invoke`, {
    method: 'POST',
    token: leaving.token,
    headers: { 'x-organization-id': owner.orgId },
    body: { input: 'Hello', stream: true },
  })
  expect(events.status).toBe(200)
  await events.next()
  const line = `DELETE /organizations/${owner.orgId}/members/${leaving.userId}`
  expect((await app.request(line, { token: owner.token })).status).toBe(204)
  gate.open()
  const rest = await events.rest()
  expect(JSON.stringify(rest)).toContain('two')
  const again = await inOrg(leaving, `POST /agents/${owner.agentId}/invoke`, { input: 'Hello' })
  expect([again.status, again.body['code']]).toEqual([404, 'organization_not_found'])
})

test('S-58 nobody invites above their own role', async () => {
  const admin = await signInMember(app, owner.orgId, 'admin')
  const line = `POST /organizations/${owner.orgId}/invitations`
  const body = { email: 'above@example.com', role: 'owner' }
  const reply = await inOrg(admin, line, body)
  expect([reply.status, reply.body['code']]).toEqual([403, 'role_above_own'])
  for (const who of [member, auditor])
    expect((await inOrg(who, line, { ...body, role: 'member' })).status).toBe(403)
})

test('S-58 who was removed does not come back with the invitation that let them in', async () => {
  const guest = await signIn(app)
  const path = `/organizations/${owner.orgId}`
  const body = { email: await emailOf(app, guest), role: 'admin' }
  const invited = await inOrg(owner, `POST ${path}/invitations`, body)
  const token = await invitationToken(app, invited.body['id'])
  const accept = (key?: string) =>
    app.request(`POST /invitations/${token}/accept`, {
      token: guest.token,
      ...(key === undefined ? {} : { key }),
    })
  expect((await accept('the-first')).status).toBe(200)
  expect((await inOrg(owner, `DELETE ${path}/members/${guest.userId}`)).status).toBe(204)
  expect((await accept()).status).toBe(422)
  await accept('the-first')
  expect((await inOrg(guest, `GET ${path}`)).status).toBe(404)
})

test('S-60 money is given by an administrator of the installation alone, with a reason that is kept', async () => {
  const line = `POST /admin/accounts/${owner.orgId}/credits`
  const credit = { amount: '1.00', kind: 'paid', reason: 'ticket 4711' }
  const ask = (who: SignedIn, body: object) => app.request(line, { token: who.token, body })
  for (const who of [owner, member, auditor, stranger])
    expect((await ask(who, credit)).status).toBe(403)
  const before = await storyOf(app, `account-${owner.orgId}`)
  for (const reason of [undefined, '', ' '])
    expect((await ask(administrator, { ...credit, reason })).status).toBe(400)
  expect(await storyOf(app, `account-${owner.orgId}`)).toEqual(before)
  expect((await ask(administrator, credit)).status).toBe(201)
  const granted = (await wholeLog(app)).filter(
    ({ type, stream }) => type === 'CreditGranted' && stream === `account-${owner.orgId}`,
  )
  expect(JSON.stringify(granted.at(-1)?.data)).toContain('ticket 4711')
})
