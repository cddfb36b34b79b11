// What somebody may not see, and questions that make no sense, are refused with the field that is wrong.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { createWriter, idOf } from '../../support/books.ts'
import { signIn, type SignedIn, signInMember } from '../../support/seed.ts'

let app: TestApp
let owner: SignedIn
let member: SignedIn
let stranger: SignedIn
beforeAll(async () => {
  app = await startTestApp()
  owner = await signIn(app)
  member = await signInMember(app, owner.orgId, 'member')
  stranger = await signIn(app)
  const write = createWriter(app.app.deps)
  for (const person of [owner, stranger]) {
    const at = '2026-11-01T11:00:00.000Z'
    await write.openAccount(person.orgId, 1_000_000n, at)
    const first = person === owner ? 1 : 11
    for (const n of [0, 1, 2])
      await write.call(first + n, { org: person.orgId, user: person.userId, at, end: 'open' })
  }
  await app.settled()
})
afterAll(() => app.stop())

interface Answer {
  code: string
  errors: { path: string }[]
  items: { id: string }[]
  next_cursor: string
}
const get = (path: string, person: SignedIn, org = owner.orgId) =>
  app.request<Answer>(`GET ${path}`, { token: person.token, org })

describe('400', () => {
  test.each([
    ['/usage?limit=0', 'query.limit'],
    ['/usage?limit=101', 'query.limit'],
    ['/usage?limit=-1', 'query.limit'],
    ['/usage?limit=1e1', 'query.limit'],
    ['/usage?cursor=', 'query.cursor'],
    ['/usage?cursor=e30.00', 'query.cursor'],
    ['/usage?from=yesterday', 'query.from'],
    ['/usage?to=2026-02-30', 'query.to'],
    ['/usage?page=2', 'query'],
    ['/invocations?status=lost', 'query.status'],
    ['/invocations?agent_id=agt_1', 'query.agent_id'],
    ['/usage/summary?group_by=password', 'query.group_by'],
    ['/usage/summary?group_by=metadata.', 'query.group_by'],
    ['/usage/summary?from=2026-12-02&to=2026-12-01', 'query.from'],
    ['/usage/summary?from=0001-01-01', 'query.from'],
    ['/usage/export.csv?rows=secrets', 'query.rows'],
    ['/billing/ledger?cursor=x.y', 'query.cursor'],
  ])('%s names %s', async (path, field) => {
    const { status, body } = await get(path, owner)
    expect({ status, code: body.code }).toEqual({ status: 400, code: 'invalid_input' })
    expect(body.errors.map((one) => one.path)).toEqual([expect.stringContaining(field)])
  })

  test('a cursor that was edited, or is another list’s, another tenant’s or another filter’s', async () => {
    const first = await get('/invocations?limit=1', owner)
    const cursor = first.body.next_cursor
    expect((await get(`/invocations?limit=1&cursor=${cursor}`, owner)).status).toBe(200)
    const refused = [
      get(`/invocations?cursor=${cursor.slice(0, -1)}${cursor.endsWith('0') ? '1' : '0'}`, owner),
      get(`/invocations?cursor=A${cursor}`, owner),
      get(`/billing/holds?cursor=${cursor}`, owner),
      get(`/invocations?status=running&cursor=${cursor}`, owner),
      get(`/invocations?cursor=${cursor}`, stranger, stranger.orgId),
      get(`/invocations?cursor=${cursor}`, member),
    ]
    for (const { status, body } of await Promise.all(refused))
      expect({ status, paths: body.errors?.map(({ path }) => path) }).toEqual({
        status: 400,
        paths: ['query.cursor'],
      })
  })
})

describe('401', () => {
  test.each(['/usage', '/usage/summary', '/usage/export.csv', '/invocations', '/billing/ledger'])(
    '%s without a token',
    async (path) => {
      expect((await app.request(`GET ${path}`)).status).toBe(401)
    },
  )
})

describe('403', () => {
  test('a member asks for somebody else’s, or for the organization’s money', async () => {
    for (const path of [
      `/usage?user_id=${owner.userId}`,
      `/invocations?user_id=${owner.userId}`,
      '/billing/ledger',
      '/billing/holds',
    ])
      expect(await get(path, member)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
  })
  test('anybody but the administrator asks for the books', async () => {
    expect((await get('/admin/usage/summary', owner)).status).toBe(403)
  })
})

describe('404', () => {
  test('a foreign organization answers as one that does not exist', async () => {
    for (const path of ['/usage', '/invocations', '/billing/ledger', '/usage/export.csv']) {
      const foreign = await get(path, stranger, owner.orgId)
      const unknown = await get(path, stranger, idOf('organization', 99))
      expect(foreign.status).toBe(404)
      expect({ ...foreign.body, request_id: '' }).toEqual({ ...unknown.body, request_id: '' })
    }
  })
})
