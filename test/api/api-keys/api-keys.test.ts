// Guarantee: a key's secret is shown once, and from the moment it is revoked, expired or rotated away it opens nothing.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { newId, step } from '../../../src/commands/context.ts'
import { apiKey } from '../../../src/domain/api-key/api-key.ts'
import { parseToken, tokenOf } from '../../../src/domain/api-key/token.ts'
import { type Reply, startTestApp, type TestApp } from '../../support/app.ts'
import { fund, type Funded, publishAgent, version } from '../../support/funded.ts'
import { operatorRoot, signIn, type SignedIn, signInMember } from '../../support/seed.ts'
import { all, type Key, keysOf } from './keys.ts'

let app: TestApp
let owner: Funded
let stranger: SignedIn

beforeAll(async () => {
  app = await startTestApp()
  owner = await fund(app)
  stranger = await signIn(app)
})
afterAll(() => app.stop())

const { issue, issued, withKey } = keysOf(
  () => app,
  () => owner,
)
const secretDigest = 'a'.repeat(64)
const refusalOf = ({ status, body }: Reply) => [status, body['code']]

describe('issuing', () => {
  test('shows the whole key once', async () => {
    const { headers, status, body } = await issue({
      agents: [owner.agentId],
      models: ['test-model'],
      expires_at: '2030-01-01T00:00:00Z',
      limits: { requests_per_minute: 100, concurrent_invocations: 3 },
      budget: { amount: '5.00', per: 'day' },
    })
    expect(status).toBe(201)
    expect(headers['location']).toBe(`/api-keys/${body.id}`)
    expect(parseToken(body.key)?.keyId).toBe(body.id)
    expect(body).toMatchObject({
      name: 'Website',
      scopes: all,
      agents: [owner.agentId],
      models: ['test-model'],
      expires_at: '2030-01-01T00:00:00.000Z',
      limits: { requests_per_minute: 100, concurrent_invocations: 3 },
      budget: { amount: { amount: '5.000000000', currency: 'USD' }, per: 'day' },
      status: 'active',
      issued_by: owner.userId,
      last_used_at: null,
      rotated_at: null,
      revoked_at: null,
    })
    const secret = parseToken(body.key)?.secret ?? ''
    await app.settled()
    for (const line of ['GET /api-keys?limit=100', `GET /api-keys/${body.id}`]) {
      const read = await app.request(line, { token: owner.token })
      expect(read.status).toBe(200)
      expect(read.text).toContain(body.display)
      expect(read.text).not.toContain(secret)
    }
    const [event] = await app.app.deps.streams.read(`apiKey-${body.id}`)
    expect(JSON.stringify(event?.data)).not.toContain(secret)
    expect(event?.data).toMatchObject({ secretDigest: app.app.deps.ids.sha256(secret) })
  })

  test('a repeat names the key without its secret', async () => {
    const first = await issue({}, { key: 'once' })
    const again = await issue({}, { key: 'once' })
    expect(again.status).toBe(201)
    expect(again.body).toEqual({ ...first.body, key: null })
    expect(refusalOf(await issue({ name: 'Another' }, { key: 'once' }))).toEqual([
      422,
      'idempotency_key_reused',
    ])
  })

  test.each([
    ['no scope', { scopes: [] }, 400, 'invalid_input'],
    ['an unknown scope', { scopes: ['admin'] }, 400, 'invalid_input'],
    ['a time gone by', { expires_at: '2020-01-01T00:00:00Z' }, 422, 'expiry_in_past'],
    ['an unknown model', { models: ['nobody-has-it'] }, 404, 'model_not_found'],
    ['a budget of nothing', { budget: { amount: '0', per: 'day' } }, 400, 'invalid_input'],
  ])('refuses %s', async (_what, body, status, code) => {
    expect(refusalOf(await issue(body))).toEqual([status, code])
  })

  test('binds to no agent of others', async () => {
    const foreign = await publishAgent(app, stranger.orgId, version())
    expect(refusalOf(await issue({ agents: [foreign] }))).toEqual([404, 'agent_not_found'])
  })

  test('is for admins and owners', async () => {
    for (const [role, status] of [
      ['auditor', 403],
      ['member', 403],
      ['admin', 201],
    ] as const) {
      const { token } = await signInMember(app, owner.orgId, role)
      expect((await issue({}, { token, org: owner.orgId })).status).toBe(status)
    }
  })

  test('the lists are of one organization, newest first', async () => {
    const { token } = await fund(app)
    const ids: string[] = []
    for (let n = 0; n < 3; n++) {
      app.clock.advance(1_000)
      ids.unshift((await issue({}, { token })).body.id)
    }
    const seen: string[] = []
    for (let cursor = ''; ;) {
      const { body } = await app.request<{ items: Key[]; next_cursor: string | null }>(
        `GET /api-keys?limit=2${cursor}`,
        { token },
      )
      seen.push(...body.items.map(({ id }) => id))
      if (body.next_cursor === null) break
      cursor = `&cursor=${body.next_cursor}`
    }
    expect(seen).toEqual(ids)
  })
})

test('no more than a thousand are in use at once', async () => {
  const { orgId, userId, token } = await signIn(app)
  const { deps } = app.app
  const root = operatorRoot(deps)
  const issuedBy = userId
  const ids = Array.from({ length: 999 }, (_, n) => newId(deps.ids, root, 'apiKey', `key/${n}`))
  const terms = { name: 'x', scopes: ['invoke' as const] }
  await Promise.all(
    ids.map((keyId) =>
      deps.streams.transact(
        apiKey,
        keyId,
        { type: 'IssueApiKey', keyId, orgId, issuedBy, terms, secretDigest, at: root.at },
        step(deps.ids, root, keyId),
      ),
    ),
  )
  const expires_at = new Date(app.clock.now().getTime() + 60_000).toISOString()
  const [last, over] = [{ token, key: 'the-last' }, { token }]
  expect((await issue({ expires_at }, last)).status).toBe(201)
  const refused = await issue({}, over)
  expect(refusalOf(refused)).toEqual([409, 'too_many_api_keys'])
  expect(refused.body['facts']).toEqual({ limit: 1_000 })
  // The same wish again makes none.
  expect((await issue({ expires_at }, last)).status).toBe(201)
  expect((await app.request(`DELETE /api-keys/${ids[0]}`, { token })).status).toBe(204)
  expect((await issue({}, over)).status).toBe(201)
  expect(refusalOf(await issue({}, over))).toEqual([409, 'too_many_api_keys'])
  app.clock.advance(60_000)
  expect((await issue({}, over)).status).toBe(201)
})

describe('who comes', () => {
  test('unknown and wrong keys get one answer', async () => {
    const { key, id } = await issued()
    const { secret = '' } = parseToken(key) ?? {}
    const other = parseToken((await issued()).key)?.secret ?? ''
    const wrong = [
      tokenOf({ keyId: id, secret: other }),
      tokenOf({ keyId: 'key_0123456789abcdefghjkmnpqrs', secret }),
      `${key.slice(0, -1)}${key.endsWith('0') ? '1' : '0'}`,
      key.slice(0, -7),
      'daybook_',
      `${key}x`,
    ]
    const answers = await Promise.all(wrong.map((one) => withKey('GET /agents', one)))
    for (const { status, body } of answers)
      expect({ status, ...body, request_id: '' }).toEqual({
        ...answers[0]?.body,
        status: 401,
        code: 'unauthenticated',
        request_id: '',
      })
    expect((await withKey('GET /agents', key)).status).toBe(200)
  })

  test('belongs to one organization', async () => {
    const { key } = await issued()
    const named = (org: string) => withKey('GET /agents', key, { org })
    expect((await named(owner.orgId)).status).toBe(200)
    const foreign = await named(stranger.orgId)
    const unknown = await named('org_0123456789abcdefghjkmnpqrs')
    expect(refusalOf(foreign)).toEqual([404, 'organization_not_found'])
    expect({ ...foreign.body, request_id: '' }).toEqual({ ...unknown.body, request_id: '' })
  })

  test('is answered in the language that the request asks for', async () => {
    const { key } = await issued({ scopes: ['invoke'] })
    const headers = { 'accept-language': 'ru' }
    for (const line of ['GET /usage', 'GET /me']) {
      const reply = await withKey(line, key, { headers })
      expect(reply.headers['content-language']).toBe('ru')
    }
  })

  test('stays when the person who issued it leaves', async () => {
    const admin = await signInMember(app, owner.orgId, 'admin')
    const { body } = await issue({}, { token: admin.token, org: owner.orgId })
    const leave = `DELETE /organizations/${owner.orgId}/members/${admin.userId}`
    expect((await app.request(leave, { token: admin.token })).status).toBe(204)
    expect((await withKey('GET /agents', body.key)).status).toBe(200)
  })
})

describe('the end of a key', () => {
  beforeEach(async () => {
    // The clock goes further than a token lives.
    owner = await fund(app)
  })

  test('a revoked one opens nothing from the next request on', async () => {
    const { id, key } = await issued()
    expect((await withKey('GET /agents', key)).status).toBe(200)
    const revoke = () => app.request(`DELETE /api-keys/${id}`, { token: owner.token })
    expect((await revoke()).status).toBe(204)
    expect((await revoke()).status).toBe(204)
    expect(refusalOf(await withKey('GET /agents', key))).toEqual([401, 'api_key_revoked'])
    expect(refusalOf(await withKey('GET /me', key))).toEqual([401, 'api_key_revoked'])
    const rotate = await app.request(`POST /api-keys/${id}/rotate`, { token: owner.token })
    expect(refusalOf(rotate)).toEqual([409, 'api_key_ended'])
    const shown = await app.request<Key>(`GET /api-keys/${id}`, { token: owner.token })
    expect(shown.body.status).toBe('revoked')
  })

  test('an expired one opens nothing', async () => {
    const expires = new Date(app.clock.now().getTime() + 60_000).toISOString()
    const { id, key } = await issued({ expires_at: expires })
    app.clock.advance(59_999)
    expect((await withKey('GET /agents', key)).status).toBe(200)
    app.clock.advance(1)
    expect(refusalOf(await withKey('GET /agents', key))).toEqual([401, 'api_key_expired'])
    const shown = await app.request<Key>(`GET /api-keys/${id}`, { token: owner.token })
    expect(shown.body.status).toBe('expired')
  })

  test('after a rotation the secret before works until the end of the overlap', async () => {
    const { id, key: first } = await issued()
    const rotate = (body?: object) =>
      app.request<Key>(`POST /api-keys/${id}/rotate`, { token: owner.token, ...(body && { body }) })
    const rotated = await rotate({ overlap_seconds: 60 })
    expect(rotated.status).toBe(200)
    const second = rotated.body.key
    expect(second).not.toBe(first)
    const status = async (key: string) => (await withKey('GET /agents', key)).status
    expect([await status(first), await status(second)]).toEqual([200, 200])
    app.clock.advance(60_000)
    expect([await status(first), await status(second)]).toEqual([401, 200])
    const third = (await rotate({ overlap_seconds: 0 })).body.key
    expect([await status(second), await status(third)]).toEqual([401, 200])
    const fourth = await rotate()
    expect([await status(third), await status(fourth.body.key)]).toEqual([200, 200])
    app.clock.advance(24 * 60 * 60_000)
    expect([await status(third), await status(fourth.body.key)]).toEqual([401, 200])
  })

  test.each([-1, 7 * 86_400 + 1, 1.5, '60'])('an overlap of %s is refused', async (seconds) => {
    const { id } = await issued()
    const reply = await app.request(`POST /api-keys/${id}/rotate`, {
      token: owner.token,
      body: { overlap_seconds: seconds },
    })
    expect(refusalOf(reply)).toEqual([400, 'invalid_input'])
  })

  test('a repeated rotation shows no secret and makes none', async () => {
    const { id } = await issued()
    const rotate = () =>
      app.request<Key>(`POST /api-keys/${id}/rotate`, {
        token: owner.token,
        key: 'rotate-once',
        body: {},
      })
    const { key } = (await rotate()).body
    expect((await rotate()).body.key).toBe(null)
    expect((await withKey('GET /agents', key)).status).toBe(200)
    expect(await app.app.deps.streams.read(`apiKey-${id}`)).toHaveLength(2)
  })

  test('only the revision that was read is rotated or revoked', async () => {
    const { id } = await issued()
    const read = await app.request(`GET /api-keys/${id}`, { token: owner.token })
    const headers = { 'if-match': String(read.headers['etag']) }
    const options = { token: owner.token, headers }
    expect((await app.request(`POST /api-keys/${id}/rotate`, options)).status).toBe(200)
    expect(refusalOf(await app.request(`DELETE /api-keys/${id}`, options))).toEqual([
      412,
      'precondition_failed',
    ])
  })

  test('another organization’s key is not there', async () => {
    stranger = await signIn(app)
    const { id } = await issued()
    for (const line of [
      `GET /api-keys/${id}`,
      `POST /api-keys/${id}/rotate`,
      `DELETE /api-keys/${id}`,
    ])
      expect(refusalOf(await app.request(line, { token: stranger.token }))).toEqual([
        404,
        'api_key_not_found',
      ])
  })

  test('revoking is known after a restart', async () => {
    const { id, key } = await issued()
    await app.request(`DELETE /api-keys/${id}`, { token: owner.token })
    await app.restart()
    expect(refusalOf(await withKey('GET /agents', key))).toEqual([401, 'api_key_revoked'])
  })
})
