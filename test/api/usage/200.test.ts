// Usage is answered to whom it belongs: a member's own to a member, the organization's to those who
// answer for it, nobody's to anybody else; and the seller's cost to the administrator alone.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { createWriter, digestOf, idOf } from '../../support/books.ts'
import { signIn, type SignedIn, signInMember } from '../../support/seed.ts'

type Item = Record<string, unknown>
interface List {
  items: Item[]
  next_cursor: string | null
}
interface Summary {
  items: Item[]
  total: Item
  practice: { total: Item }
  from: string
  to: string
}

let app: TestApp
let owner: SignedIn
let member: SignedIn
let auditor: SignedIn
let stranger: SignedIn
let administrator: SignedIn
const usd = (amount: string) => ({ amount, currency: 'USD' })
const at = (minute: number) => new Date(Date.UTC(2026, 10, 1, 11, minute)).toISOString()

beforeAll(async () => {
  app = await startTestApp()
  owner = await signIn(app)
  const org = owner.orgId
  member = await signInMember(app, org, 'member')
  auditor = await signInMember(app, org, 'auditor')
  stranger = await signIn(app)
  administrator = await signIn(app, { administrator: true })
  const write = createWriter(app.app.deps)
  await write.openAccount(org, 1_000_000n, at(0))
  await write.call(1, {
    org,
    user: owner.userId,
    at: at(1),
    endUser: 'customer 7',
    metadata: { team: '=1+1' },
    end: 'completed',
  })
  await write.call(2, { org, user: member.userId, agent: 2, at: at(2), end: 'completed' })
  await write.call(3, { org, user: member.userId, at: at(3), end: 'failed' })
  await write.call(4, { org, user: owner.userId, at: at(4), practice: true, end: 'completed' })
  await write.call(5, { org, user: owner.userId, at: at(5), endUser: '@SUM(A1)', end: 'open' })
  await app.settled()
})
afterAll(() => app.stop())

const get = <T = List>(path: string, person: SignedIn, org = owner.orgId) =>
  app.request<T>(`GET ${path}`, { token: person.token, org })

describe('GET /invocations', () => {
  test('lists the organization’s calls, newest first, page by page', async () => {
    const seen: unknown[] = []
    for (let cursor = ''; ;) {
      const { status, body } = await get(`/invocations?limit=2${cursor}`, auditor)
      expect(status).toBe(200)
      seen.push(...body.items.map(({ id }) => id))
      if (body.next_cursor === null) break
      cursor = `&cursor=${body.next_cursor}`
    }
    expect(seen).toEqual([5, 4, 3, 2, 1].map((n) => idOf('invocation', n)))
  })

  test('shows a member their own', async () => {
    const { body } = await get('/invocations', member)
    expect(body.items.map(({ id }) => id)).toEqual([3, 2].map((n) => idOf('invocation', n)))
  })

  test('says what a call was, what it is charged, and never what it cost the seller', async () => {
    const { body, text } = await get(`/invocations?from=${at(1)}&to=${at(2)}`, owner)
    expect(body.items).toMatchObject([
      {
        id: idOf('invocation', 1),
        status: 'completed',
        agent: { id: idOf('agent', 1), version: 1, label: 'production' },
        user_id: owner.userId,
        user: 'customer 7',
        metadata: { team: '=1+1' },
        usage: { basis: 'reported', input_uncached: 10, output: 40, reasoning: 10 },
        hold: usd('0.000002000'),
        charge: usd('0.000001100'),
        waived: usd('0.000000000'),
      },
    ])
    expect(text).not.toMatch(/cost|0\.000000450/)
  })

  test('filters by agent and status', async () => {
    const idsOf = async (query: string) =>
      (await get(`/invocations?${query}`, owner)).body.items.map(({ id }) => id)
    expect(await idsOf(`agent_id=${idOf('agent', 2)}`)).toEqual([idOf('invocation', 2)])
    expect(await idsOf('status=failed')).toEqual([idOf('invocation', 3)])
    expect(await idsOf(`status=failed&user_id=${owner.userId}`)).toEqual([])
    expect(await idsOf('status=running')).toEqual([idOf('invocation', 5)])
    expect(await idsOf('from=2026-11-01T11:05:00Z')).toEqual([idOf('invocation', 5)])
    expect(await idsOf('to=2026-11-01')).toEqual([])
  })
})

describe('GET /usage/summary', () => {
  test('groups this month by what is asked for', async () => {
    const { body } = await get<Summary>('/usage/summary?group_by=user', owner)
    expect(body).toMatchObject({ from: '2026-11-01', to: '2026-12-01', truncated: false })
    expect(body.items).toMatchObject([
      { value: owner.userId, calls: 2, completed: 2, practice: 1, charge: usd('0.000002200') },
      { value: member.userId, calls: 2, completed: 1, failed: 1, waived: usd('0.000001100') },
    ])
    expect(body.total).toMatchObject({
      calls: 4,
      usage: { input_uncached: 40, input_cached: 0, output: 160, reasoning: 40 },
      net: usd('0.000003300'),
    })
    const tags = await get<Summary>('/usage/summary?group_by=metadata.team', owner)
    expect(tags.body.items).toMatchObject([{ value: '=1+1', calls: 1 }])
    const days = await get<Summary>('/usage/summary?from=2026-11-01&to=2026-11-02', owner)
    expect(days.body.items).toMatchObject([{ value: '2026-11-01', calls: 4 }])
    const before = await get<Summary>('/usage/summary?from=2026-10-01&to=2026-11-01', owner)
    expect(before.body).toMatchObject({ items: [], total: { calls: 0 } })
  })

  test('names end users in the words of the organization', async () => {
    const { body } = await get<Summary>('/usage/summary?group_by=end_user', auditor)
    expect(body.items).toMatchObject([
      { value: digestOf('customer 7'), user: 'customer 7', calls: 1 },
    ])
  })

  test('is a member’s own for a member, and without the seller’s cost for all', async () => {
    const { body, text } = await get<Summary>('/usage/summary?group_by=agent', member)
    expect(body.total).toMatchObject({ calls: 2 })
    expect(text).not.toMatch(/cost|margin/)
  })
})

describe('GET /admin/usage/summary', () => {
  test('has revenue, cost and margin, with practice calls apart', async () => {
    const { status, body } = await get<Summary>(
      '/admin/usage/summary?group_by=organization',
      administrator,
    )
    expect(status).toBe(200)
    expect(body.items).toMatchObject([
      {
        value: owner.orgId,
        calls: 3,
        revenue: usd('0.000002200'),
        cost: usd('0.000001350'),
        margin: usd('0.000000850'),
      },
    ])
    expect(body.total).toMatchObject({ calls: 3, margin: usd('0.000000850') })
    expect(body.practice.total).toMatchObject({ calls: 1, revenue: usd('0.000001100') })
  })
})

describe('GET /billing/ledger', () => {
  test('tells the account’s story with what was left', async () => {
    const { body } = await get('/billing/ledger?limit=100', owner)
    const lines = body.items.toReversed()
    expect(lines.slice(-4)).toMatchObject([
      { kind: 'charge', waived: usd('0.000001100'), amount: usd('0.000000000') },
      { kind: 'hold' },
      { kind: 'charge', amount: usd('-0.000001100'), practice: true },
      { kind: 'hold', held: usd('0.000002000'), held_after: usd('0.000002000') },
    ])
  })
})

describe('GET /billing/holds', () => {
  test('lists what running calls hold', async () => {
    const { body } = await get('/billing/holds', auditor)
    expect(body.items).toMatchObject([
      { invocation_id: idOf('invocation', 5), amount: usd('0.000002000'), user_id: owner.userId },
    ])
  })
})

describe('GET /usage', () => {
  test('lists requests with route pattern, status and who, a member’s own to a member', async () => {
    await get('/billing/holds', auditor)
    await get('/usage/summary', member)
    await expect
      .poll(async () => (await get('/usage?limit=100', member)).body.items.length)
      .toBeGreaterThan(1)
    const mine = (await get('/usage?limit=100', member)).body.items
    expect(new Set(mine.map((one) => one['user_id']))).toEqual(new Set([member.userId]))
    expect(mine).toContainEqual(
      expect.objectContaining({ endpoint: '/usage/summary', method: 'GET', status: 200 }),
    )
    const all = (await get('/usage?limit=100', auditor)).body.items
    expect(new Set(all.map((one) => one['user_id'])).size).toBeGreaterThan(1)
  })
})

describe('GET /usage/export.csv', () => {
  test('streams calls as rows that no spreadsheet runs', async () => {
    const { status, text, headers } = await get('/usage/export.csv?rows=invocations', owner)
    expect(status).toBe(200)
    expect(headers['content-type']).toBe('text/csv; charset=utf-8')
    expect(headers['content-disposition']).toContain('attachment')
    const rows = text.trimEnd().split('\r\n')
    expect(rows[0]).toMatch(/^accepted_at,invocation_id,status,/)
    expect(rows).toHaveLength(6)
    expect(rows[1]).toContain('0.000001100')
    expect(rows[5]).toContain(",'@SUM(A1),")
    expect(text).not.toMatch(/cost/)
    const mine = await get('/usage/export.csv?rows=invocations', member)
    expect(mine.text.trimEnd().split('\r\n')).toHaveLength(3)
  })

  test('streams requests, in order of time', async () => {
    const { text } = await get('/usage/export.csv', owner)
    const [head, ...rows] = text.trimEnd().split('\r\n')
    expect(head).toBe('at,request_id,endpoint,method,status,latency_ms,user_id,key_id')
    const times = rows.map((row) => row.split(',')[0] ?? '')
    expect(times).toEqual(times.toSorted())
  })
})

describe('another organization', () => {
  test('sees none of it, whatever it asks for', async () => {
    for (const path of ['/invocations', '/usage', '/billing/holds']) {
      const { body } = await get(path, stranger, stranger.orgId)
      expect(body.items.filter((one) => one['user_id'] !== stranger.userId)).toEqual([])
    }
    const named = `/invocations?user_id=${owner.userId}`
    expect((await get(named, stranger, stranger.orgId)).body.items).toEqual([])
    const { body } = await get<Summary>('/usage/summary', stranger, stranger.orgId)
    expect(body.total).toMatchObject({ calls: 0 })
  })
})
