// The administrator publishes, grants, corrects and sees; each wish has one effect under its key.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { openShop, plan, priceList, prices, type Shop } from '../../support/commerce.ts'
import { fund } from '../../support/funded.ts'
import { typesOf } from '../../support/people.ts'
import { signIn } from '../../support/seed.ts'
import { newTeam } from '../organizations/organizations.ts'

let app: TestApp
let shop: Shop
let token: string
beforeAll(async () => {
  app = await startTestApp()
  shop = await openShop(app)
  ;({ token } = shop.administrator)
})
afterAll(() => app.stop())

const usd = (amount: string) => ({ amount, currency: 'USD' })
const model = {
  name: 'small',
  provider: 'openai',
  context_size: 8_000,
  max_output: 1_000,
  encoding: 'bytes',
  parameters: { max_tokens: 'max_tokens', temperature: true },
  framing: { per_message: 4, per_request: 3 },
}

describe('the catalogue', () => {
  test.each([
    ['models', model, { ...model, max_output: 2_000 }],
    ['price-lists', priceList({ name: 'x' }), priceList({ name: 'x', source: 'a page' })],
    ['plans', plan({ slug: 'x' }), plan({ slug: 'x', grace_days: 9 })],
  ])('%s: 201 a new version, 200 the identical text', async (kind, first, second) => {
    const publish = (body: unknown) => app.request(`POST /admin/${kind}`, { token, body })
    const one = await publish(first)
    expect([one.status, one.body['version']]).toEqual([201, 1])
    const same = await publish(first)
    expect([same.status, same.body]).toEqual([200, one.body])
    const next = await publish(second)
    expect([next.status, next.body]).toEqual([201, { ...one.body, version: 2 }])
    const list = await app.request<{ items: Record<string, unknown>[] }>(
      `GET /admin/${kind}?limit=100`,
      { token },
    )
    expect(list.body.items.filter((item) => item['id'] === one.body['id'])).toHaveLength(1)
  })

  test('lists show the newest terms, with amounts as people write them', async () => {
    await app.request('POST /admin/models', { token, body: { ...model, name: 'listed' } })
    const models = await app.request<{ items: Record<string, unknown>[] }>(
      'GET /admin/models?limit=100',
      { token },
    )
    expect(models.body.items.find((one) => one['name'] === 'listed')).toMatchObject({
      ...model,
      name: 'listed',
      version: 1,
      retired: false,
    })
    const lists = await app.request<{ items: Record<string, unknown>[] }>(
      'GET /admin/price-lists?limit=100',
      { token },
    )
    expect(lists.body.items.find((one) => one['name'] === 'standard')).toMatchObject({
      in_force: 1,
      newest: {
        entries: [
          {
            model: 'small',
            cost: { input_cached: usd('0.100000000') },
            price: { output: usd('0.200000000') },
          },
        ],
      },
    })
    await shop.publishPlan({ slug: 'listed' })
    const plans = await app.request<{ items: Record<string, unknown>[] }>(
      'GET /admin/plans?limit=100',
      { token },
    )
    expect(plans.body.items.find((one) => one['slug'] === 'listed')).toMatchObject({
      included_credit: { amount: usd('1.000000000'), kind: 'included', period: 'month' },
      trial: { amount: usd('2.500000000'), days: 14 },
      grace_days: 3,
      retired: false,
    })
  })

  test('prices of a day to come are announced, not in force', async () => {
    const body = priceList({
      name: 'announced',
      effective_from: '2027-01-01T00:00:00.000Z',
      entries: [{ model: 'small', cost: prices('1'), price: prices('2') }],
    })
    expect((await app.request('POST /admin/price-lists', { token, body })).status).toBe(201)
    const lists = await app.request<{ items: Record<string, unknown>[] }>(
      'GET /admin/price-lists?limit=100',
      { token },
    )
    expect(lists.body.items.find((one) => one['name'] === 'announced')).toMatchObject({
      in_force: null,
      newest: { effective_from: '2027-01-01T00:00:00.000Z' },
    })
  })
})

describe('POST /admin/accounts/{org_id}/credits', () => {
  test('opens the account, grants a lot; 20 times under one key and after a restart: once', async () => {
    const owner = await signIn(app)
    const org = await newTeam(app, owner)
    const wish = {
      token,
      key: 'credit-once',
      body: { amount: '10.00', kind: 'paid', reason: 'bank transfer 17' },
    }
    const grant = () => app.request(`POST /admin/accounts/${org}/credits`, wish)
    const all = await Promise.all(Array.from({ length: 20 }, grant))
    await app.restart()
    all.push(await grant())
    expect(new Set(all.map((one) => one.status))).toEqual(new Set([201]))
    expect(new Set(all.map((one) => one.text)).size).toBe(1)
    expect(all[0]?.body).toMatchObject({
      amount: usd('10.000000000'),
      kind: 'paid',
      expires_at: null,
      balance: usd('10.000000000'),
      available: usd('10.000000000'),
    })
    expect(await typesOf(app, `account-${org}`)).toEqual(['BillingAccountOpened', 'CreditGranted'])
    for (const [path, body] of [
      [org, { ...wish.body, amount: '11.00' }],
      [owner.orgId, wish.body],
    ] as const) {
      const other = await app.request(`POST /admin/accounts/${path}/credits`, { ...wish, body })
      expect(other.body).toMatchObject({ status: 422, code: 'idempotency_key_reused' })
    }
  })
})

describe('POST /admin/invocations/{id}/adjust', () => {
  test('gives back, once under its key, and takes again', async () => {
    const person = await fund(app)
    app.upstream.next({ text: 'Hello.' })
    const called = await app.request<{ invocation_id: string; cost: { amount: string } }>(
      `POST /agents/${person.agentId}/invoke`,
      { token: person.token, body: { input: 'Hi' } },
    )
    expect(called.status).toBe(200)
    const { invocation_id: id, cost } = called.body
    const adjust = (amount: string, key?: string) =>
      app.request(`POST /admin/invocations/${id}/adjust`, {
        token,
        body: { amount, reason: 'the answer was cut' },
        ...(key !== undefined && { key }),
      })
    const both = await Promise.all([adjust(cost.amount, 'back'), adjust(cost.amount, 'back')])
    expect(both.map((one) => one.status)).toEqual([201, 201])
    expect(both[0]?.text).toBe(both[1]?.text)
    expect(both[0]?.body).toMatchObject({
      organization_id: person.orgId,
      amount: cost,
      charge: usd('0.000000000'),
    })
    const { body } = await app.request('GET /billing/account', { token: person.token })
    expect(body['balance']).toEqual(usd('1.000000000'))
    const more = await adjust('0.000000001')
    expect(more.body).toMatchObject({
      status: 422,
      code: 'adjustment_too_large',
      facts: { largest: usd('0.000000000') },
    })
    const against = await adjust('-0.25')
    expect(against.body).toMatchObject({
      charge: usd('0.250000000'),
      balance: usd('0.750000000'),
    })
  })
})

describe('people and organizations', () => {
  test('deactivating bites on the next request, activating lets in again', async () => {
    const person = await signIn(app)
    const me = () => app.request('GET /me', { token: person.token })
    const off = await app.request(`POST /admin/users/${person.userId}/deactivate`, {
      token,
      body: { reason: 'asked for it' },
    })
    expect(off.status).toBe(204)
    expect((await me()).status).toBeGreaterThanOrEqual(401)
    await app.settled()
    const gone = await app.request<{ items: { id: string }[] }>(
      'GET /admin/users?status=deactivated',
      { token },
    )
    expect(gone.body.items.map((one) => one.id)).toContain(person.userId)
    const on = await app.request(`POST /admin/users/${person.userId}/activate`, { token })
    expect(on.status).toBe(204)
  })

  test('organizations: found by id and by name, with plan, balance and spending', async () => {
    await shop.publishPlan()
    const owner = await signIn(app)
    const org = await newTeam(app, owner, 'Zebra Works')
    const planId = await shop.publishPlan({ slug: 'zebra', included_credit: undefined })
    const { token: own } = owner
    const taken = await app.request('POST /billing/subscribe', {
      token: own,
      org,
      body: { plan_id: planId },
    })
    expect(taken.status).toBe(200)
    await app.request(`POST /admin/accounts/${org}/credits`, {
      token,
      body: { amount: '4.00', kind: 'paid', reason: 'cash' },
    })
    await app.settled()
    const search = async (text: string) =>
      (
        await app.request<{ items: Record<string, unknown>[] }>(
          `GET /admin/organizations?search=${text}`,
          { token },
        )
      ).body.items
    const [byName] = await search('zebra')
    expect(byName).toMatchObject({
      id: org,
      kind: 'team',
      name: 'Zebra Works',
      members: 1,
      has_active_owner: true,
      plan: { id: planId, version: 1, slug: 'zebra', status: 'active' },
      balance: usd('4.000000000'),
      held: usd('0.000000000'),
      spent: usd('0.000000000'),
    })
    expect(await search(org.slice(0, 20))).toEqual([byName])
    await app.request(`POST /admin/users/${owner.userId}/deactivate`, { token })
    expect((await search('ZEBRA'))[0]).toMatchObject({ has_active_owner: false })
  })
})
