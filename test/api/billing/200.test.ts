// Whoever registers can spend at once what their plan gives; figures are those of the streams.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { openShop, type Shop } from '../../support/commerce.ts'
import { typesOf } from '../../support/people.ts'
import { signIn } from '../../support/seed.ts'

let app: TestApp
let shop: Shop
let free: string
beforeAll(async () => {
  app = await startTestApp()
  shop = await openShop(app)
  free = await shop.publishPlan()
})
afterAll(() => app.stop())

const usd = (amount: string) => ({ amount, currency: 'USD' })

describe('GET /billing/account', () => {
  test('somebody new has the default plan, its credit and a period', async () => {
    const person = await signIn(app)
    const reply = await app.request('GET /billing/account', { token: person.token })
    expect(reply.status).toBe(200)
    expect(reply.body).toMatchObject({
      organization_id: person.orgId,
      balance: usd('3.500000000'),
      held: usd('0.000000000'),
      available: usd('3.500000000'),
      debt: usd('0.000000000'),
      status: 'active',
      plan: { id: free, version: 1, slug: 'free', name: 'Free', until: null },
      subscription: {
        plan_id: free,
        status: 'active',
        ends_at: null,
        kept_by: 'us',
        paid_period: null,
        scheduled: null,
      },
      period: { start: '2026-11-01T00:00:00.000Z', end: '2026-12-01T00:00:00.000Z' },
      lots: [
        { kind: 'trial', free: usd('2.500000000'), expires_at: '2026-11-15T12:00:00.000Z' },
        { kind: 'included', free: usd('1.000000000'), expires_at: '2026-12-01T00:00:00.000Z' },
      ],
    })
    expect(reply.headers['etag']).toBe('"2"')
  })

  test('a team has no account until somebody looks, then one', async () => {
    const person = await signIn(app)
    const { token } = person
    const made = await app.request('POST /organizations', { token, body: { name: 'Crew' } })
    const org = String(made.body['id'])
    const looks = await Promise.all(
      Array.from({ length: 20 }, () => app.request('GET /billing/account', { token, org })),
    )
    expect(new Set(looks.map((one) => one.status))).toEqual(new Set([200]))
    expect(new Set(looks.map((one) => one.text)).size).toBe(1)
    expect(looks[0]?.body).toMatchObject({
      balance: usd('0.000000000'),
      status: 'none',
      plan: null,
      subscription: null,
      period: null,
      lots: [],
    })
    expect(await typesOf(app, `account-${org}`)).toEqual(['BillingAccountOpened'])
  })
})

describe('POST /billing/subscribe', () => {
  test('20 at once start one subscription, whose free credit is no second one', async () => {
    const plan_id = await shop.publishPlan({ slug: 'team', name: 'Team', trial: undefined })
    const { token, orgId } = await signIn(app)
    const all = await Promise.all(
      Array.from({ length: 20 }, () =>
        app.request('POST /billing/subscribe', { token, body: { plan_id } }),
      ),
    )
    expect(all.map((one) => [one.status, one.body['plan_id']])).toEqual(
      Array.from({ length: 20 }, () => [200, plan_id]),
    )
    expect(await typesOf(app, `subscription-${orgId}`)).toEqual([
      'SubscriptionStarted',
      'PeriodStarted',
      'SubscriptionCanceled',
      'SubscriptionStarted',
      'PeriodStarted',
    ])
    const { body } = await app.request('GET /billing/account', { token })
    expect(body).toMatchObject({ balance: usd('3.500000000'), plan: { slug: 'team' } })
  })

  test('the same key again, also after a restart, is one wish with one answer', async () => {
    const plan_id = await shop.publishPlan({ slug: 'repeat', name: 'Repeat' })
    const { token, orgId } = await signIn(app)
    const wish = { token, body: { plan_id }, key: 'subscribe-once' }
    const first = await app.request('POST /billing/subscribe', wish)
    await app.restart()
    const token2 = shop.administrator.token
    await app.request(`POST /admin/plans/${plan_id}/retire`, { token: token2 })
    const again = await app.request('POST /billing/subscribe', wish)
    expect(again.text).toBe(first.text)
    expect(again.status).toBe(200)
    const other = { ...wish, body: { plan_id: free } }
    expect((await app.request('POST /billing/subscribe', other)).body).toMatchObject({
      status: 422,
      code: 'idempotency_key_reused',
    })
    const types = await typesOf(app, `subscription-${orgId}`)
    expect(types.filter((type) => type === 'SubscriptionStarted')).toHaveLength(2)
  })
})

test('POST /billing/cancel ends it at once where that is wished', async () => {
  const { token } = await signIn(app)
  const canceled = await app.request('POST /billing/cancel', { token, body: { at: 'now' } })
  expect(canceled.body).toMatchObject({ status: 'canceled', ends_at: '2026-11-01T12:00:00.000Z' })
  const { body } = await app.request('GET /billing/account', { token })
  expect(body).toMatchObject({ status: 'canceled', plan: null })
})

test('POST /billing/cancel says until when the plan stays in force', async () => {
  const { token } = await signIn(app)
  const more = await app.request('POST /billing/cancel', { token, body: { at: 'once' } })
  expect(more.body).toMatchObject({ status: 400, errors: [{ path: 'body.at' }] })
  const canceled = await app.request('POST /billing/cancel', { token })
  expect(canceled.status).toBe(200)
  expect(canceled.body).toMatchObject({
    status: 'canceled',
    ends_at: '2026-12-01T00:00:00.000Z',
  })
  // Clients that always send JSON send {}; a wish that nobody reads is refused.
  const again = await app.request('POST /billing/cancel', { token, body: {} })
  expect(again.text).toBe(canceled.text)
  const { body } = await app.request('GET /billing/account', { token })
  expect(body).toMatchObject({
    status: 'canceled',
    plan: { slug: 'free', until: '2026-12-01T00:00:00.000Z' },
  })
})

test('GET /billing/plans shows what can be taken, and the own plan though it was retired', async () => {
  const own = await shop.publishPlan({ slug: 'old', name: 'Old' })
  await shop.publishPlan({ slug: 'by-hand', name: 'By hand', self_subscribe: false })
  const gone = await shop.publishPlan({ slug: 'gone', name: 'Gone' })
  const { token } = await signIn(app)
  await app.request('POST /billing/subscribe', { token, body: { plan_id: own } })
  for (const id of [own, gone])
    await app.request(`POST /admin/plans/${id}/retire`, { token: shop.administrator.token })
  const { body } = await app.request<{ items: { slug: string; retired: boolean }[] }>(
    'GET /billing/plans?limit=100',
    { token },
  )
  const slugs = body.items.map((one) => one.slug)
  expect(slugs).toContain('free')
  expect(slugs).not.toContain('by-hand')
  expect(slugs).not.toContain('gone')
  expect(body.items.find((one) => one.slug === 'old')).toMatchObject({ retired: true })
})
