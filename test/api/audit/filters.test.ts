// The history is found by kind, stream, type, actor, time and request, in pages that neither skip nor repeat.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { invoke } from '../../support/funded.ts'
import { allPages, type History, type Listed, makeHistory } from './history.ts'

let app: TestApp
let history: History
let who: { token: string; org: string }
let early: string
let late: string
beforeAll(async () => {
  app = await startTestApp()
  history = await makeHistory(app)
  who = { token: history.auditor.token, org: history.owner.orgId }
  early = app.clock.now().toISOString()
  app.clock.advance(60_000)
  late = app.clock.now().toISOString()
  await invoke(app, history.owner, { input: 'Later' })
  await app.settled()
}, 30_000)
afterAll(() => app.stop())

const found = (query: string) => allPages(app, `GET /audit/events?limit=100${query}`, who)

describe('filters', () => {
  test('category, type and stream', async () => {
    const all = await found('')
    for (const category of ['account', 'invocation', 'organization', 'agent'])
      expect(await found(`&category=${category}`)).toEqual(
        all.filter((one) => one.category === category),
      )
    expect((await found('&type=HoldPlaced')).map((one) => one.type)).toEqual([
      'HoldPlaced',
      'HoldPlaced',
    ])
    const stream = `account-${history.owner.orgId}`
    expect(await found(`&stream=${stream}`)).toEqual(all.filter((one) => one.stream === stream))
    expect(await found(`&stream=${stream}&category=agent`)).toEqual([])
    expect(await found('&type=NoSuchEvent')).toEqual([])
  })

  test('actor: a person, a worker, the operator', async () => {
    const all = await found('')
    const mine = await found(`&actor=${history.owner.userId}`)
    expect(mine.length).toBeGreaterThan(5)
    expect(mine).toEqual(all.filter((one) => one.actor.id === history.owner.userId))
    const operator = await found('&actor=operator')
    expect(operator.length).toBeGreaterThan(3)
    expect(operator).toEqual(all.filter((one) => one.actor.kind === 'operator'))
  })

  test('time: from is in, to is not', async () => {
    const all = await found('')
    const later = await found(`&from=${late}`)
    expect(later.length).toBe(5)
    expect(later).toEqual(all.filter((one) => one.recorded_at >= late))
    expect(await found(`&from=${early}&to=${late}`)).toEqual(
      all.filter((one) => one.recorded_at < late),
    )
  })

  test('correlation: one request, in the order of the log', async () => {
    const events = await found(`&correlation=${history.requestId}&order=oldest`)
    expect(events.map((one) => one.type)).toEqual([
      'HoldPlaced',
      'InvocationAccepted',
      'InvocationStarted',
      'InvocationCompleted',
      'HoldSettled',
    ])
  })
})

describe('pages', () => {
  test.each(['newest', 'oldest'])(
    '%s first: pages of every size are the same list',
    async (order) => {
      const whole = await found(`&order=${order}`)
      const positions = whole.map((one) => BigInt(one.position))
      const sorted = positions.toSorted((a, b) => (a < b ? -1 : 1))
      expect(positions).toEqual(order === 'oldest' ? sorted : sorted.toReversed())
      for (const size of [1, 3, 7]) {
        const paged = await allPages(app, `GET /audit/events?limit=${size}&order=${order}`, who)
        expect(paged).toEqual(whole)
        const account = `account-${history.owner.orgId}`
        const line = `GET /audit/streams/${account}?limit=${size}&order=${order}`
        expect(await allPages(app, line, who)).toEqual(
          whole.filter((one) => one.stream === account),
        )
        const typed = `GET /audit/events?limit=${size}&order=${order}&type=HoldSettled`
        expect(await allPages(app, typed, who)).toEqual(
          whole.filter((one) => one.type === 'HoldSettled'),
        )
      }
    },
  )

  test('a cursor stays where it was while more is written, and after a rebuild', async () => {
    const first = await app.request<Listed>('GET /audit/events?limit=4', who)
    const rest = (cursor: string | null) =>
      app.request<Listed>(`GET /audit/events?limit=4&cursor=${cursor}`, who)
    const before = await rest(first.body.next_cursor)
    await invoke(app, history.owner, { input: 'Meanwhile' })
    await app.settled()
    expect((await rest(first.body.next_cursor)).text).toBe(before.text)
    await app.app.runner.rebuild('audit-events')
    expect((await rest(first.body.next_cursor)).text).toBe(before.text)
  })

  test('a cursor of another list is refused', async () => {
    const first = await app.request<Listed>('GET /audit/events?limit=1', who)
    const reply = await app.request(
      `GET /audit/events?limit=1&type=HoldPlaced&cursor=${first.body.next_cursor}`,
      who,
    )
    expect(reply.body).toMatchObject({ status: 400, errors: [{ path: 'query.cursor' }] })
  })

  test.each([
    ['limit=0', 'query.limit'],
    ['limit=101', 'query.limit'],
    ['category=not-one', 'query.category'],
    ['type=lower', 'query.type'],
    ['stream=nodash', 'query.stream'],
    ['from=yesterday', 'query.from'],
    ['order=random', 'query.order'],
    ['organization=mine', 'query.organization'],
    ['actor=%20', 'query.actor'],
    ['who=me', 'query'],
  ])('400 for %s names it', async (query, path) => {
    const reply = await app.request(`GET /audit/events?${query}`, who)
    expect(reply.body).toMatchObject({ status: 400, code: 'invalid_input', errors: [{ path }] })
  })
})

test('the view of the history is what a replay makes', async () => {
  const verified = await app.app.runner.verify()
  expect(verified.filter((one) => one.name === 'audit-events')).toMatchObject([{ different: [] }])
})
