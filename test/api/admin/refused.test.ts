// Administration is for administrators alone, and a wrong field is named before anything is written.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { openShop, plan, priceList, prices, type Shop } from '../../support/commerce.ts'
import { signIn } from '../../support/seed.ts'

let app: TestApp
let shop: Shop
beforeAll(async () => {
  app = await startTestApp()
  shop = await openShop(app)
})
afterAll(() => app.stop())

const ORG = 'org_00000000000000000000000000'
const CREDIT = { amount: '1.00', kind: 'paid', reason: 'cash' }

test('401 to strangers and 403 to everybody else, on every route of administration', async () => {
  const { token } = await signIn(app)
  const lines = [
    'GET /admin/users',
    'GET /admin/organizations',
    'POST /admin/users/usr_00000000000000000000000000/deactivate',
    'POST /admin/users/usr_00000000000000000000000000/activate',
    'GET /admin/plans',
    'POST /admin/plans',
    'POST /admin/plans/pln_00000000000000000000000000/retire',
    'GET /admin/price-lists',
    'POST /admin/price-lists',
    'GET /admin/models',
    'POST /admin/models',
    'POST /admin/models/mdl_00000000000000000000000000/retire',
    `POST /admin/accounts/${ORG}/credits`,
    `POST /admin/organizations/${ORG}/subscribe`,
    'POST /admin/invocations/inv_00000000000000000000000000/adjust',
  ]
  for (const line of lines) {
    const answers = [await app.request(line), await app.request(line, { token })]
    expect([line, ...answers.map((one) => one.status)]).toEqual([line, 401, 403])
  }
})

describe('400', () => {
  test.each([
    ['accounts/x/credits', CREDIT, 'path.org_id'],
    [`accounts/${ORG}/credits`, { ...CREDIT, amount: 1 }, 'body.amount'],
    [`accounts/${ORG}/credits`, { ...CREDIT, amount: '0' }, 'body.amount'],
    [`accounts/${ORG}/credits`, { ...CREDIT, amount: '-1' }, 'body.amount'],
    [`accounts/${ORG}/credits`, { ...CREDIT, amount: '1e3' }, 'body.amount'],
    [`accounts/${ORG}/credits`, { ...CREDIT, amount: '0.0000000001' }, 'body.amount'],
    [`accounts/${ORG}/credits`, { ...CREDIT, amount: '9999999999' }, 'body.amount'],
    [`accounts/${ORG}/credits`, { ...CREDIT, kind: 'gift' }, 'body.kind'],
    [`accounts/${ORG}/credits`, { ...CREDIT, reason: ' ' }, 'body.reason'],
    [
      `accounts/${ORG}/credits`,
      { ...CREDIT, expires_at: '2026-11-01T12:00:00.000Z' },
      'body.expires_at',
    ],
    [
      'invocations/inv_00000000000000000000000000/adjust',
      { amount: '0', reason: 'x' },
      'body.amount',
    ],
    ['plans', plan({ slug: 'Free!' }), 'body.slug'],
    ['plans', plan({ trial: { amount: '1.00' } }), 'body.trial.days'],
    [
      'plans',
      plan({ included_credit: { amount: 5, kind: 'included', period: 'month' } }),
      'body.included_credit.amount',
    ],
    ['plans', plan({ limits: { requests_per_minute: 0 } }), 'body.limits.requests_per_minute'],
    ['price-lists', priceList({ entries: [] }), 'body.entries'],
    [
      'price-lists',
      priceList({ entries: [{ model: 'm', cost: prices('-1'), price: prices('1') }] }),
      'body.entries.0.cost.input_uncached',
    ],
    ['models', { name: 'm' }, 'body.provider'],
  ])('%s %j names %s', async (path, body, field) => {
    const { token } = shop.administrator
    const head = await app.app.engine.events.head()
    const reply = await app.request<{ errors: { path: string }[] }>(`POST /admin/${path}`, {
      token,
      body,
    })
    expect(reply.body).toMatchObject({ status: 400, code: 'invalid_input' })
    expect(reply.body.errors.map((one) => one.path)).toContain(field)
    const written = await app.app.engine.events.readAll({ after: head, limit: 100 })
    expect(written.filter((one) => !/^(UsageRecorded|AccessDenied)$/.test(one.type))).toEqual([])
  })
})

describe('404', () => {
  test.each([
    [`accounts/${ORG}/credits`, CREDIT, 'organization_not_found'],
    [
      'invocations/inv_00000000000000000000000000/adjust',
      { amount: '1.00', reason: 'x' },
      'invocation_not_found',
    ],
    ['plans', plan({ prices: { price_list: 'nobody’s' } }), 'price_list_not_found'],
    ['plans/pln_00000000000000000000000000/retire', undefined, 'plan_not_found'],
    ['models/mdl_00000000000000000000000000/retire', undefined, 'model_not_found'],
    ['users/usr_00000000000000000000000000/deactivate', undefined, 'user_not_found'],
    ['users/usr_00000000000000000000000000/activate', undefined, 'user_not_found'],
  ])('%s', async (path, body, code) => {
    const { token } = shop.administrator
    const reply = await app.request(`POST /admin/${path}`, {
      token,
      ...(body !== undefined && { body }),
    })
    expect(reply.body).toMatchObject({ status: 404, code })
  })
})

test('422 for more credit than an account can hold', async () => {
  const { token } = shop.administrator
  const { orgId } = await signIn(app)
  const grant = () =>
    app.request(`POST /admin/accounts/${orgId}/credits`, {
      token,
      body: { ...CREDIT, amount: '9000000000' },
    })
  expect((await grant()).status).toBe(201)
  expect((await grant()).body).toMatchObject({ status: 422, code: 'adjustment_too_large' })
})

test('422 for a key that comes back with another text of the catalogue', async () => {
  const { token } = shop.administrator
  const publish = (slug: string) =>
    app.request('POST /admin/plans', { token, key: 'plan-once', body: plan({ slug }) })
  expect((await publish('one')).status).toBe(201)
  expect((await publish('two')).body).toMatchObject({ code: 'idempotency_key_reused' })
})
