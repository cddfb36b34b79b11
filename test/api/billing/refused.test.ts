// A plan is taken only by who may, only one that is offered, and a wrong request names its field.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { openShop, type Shop } from '../../support/commerce.ts'
import { typesOf } from '../../support/people.ts'
import { signIn, signInMember } from '../../support/seed.ts'

let app: TestApp
let shop: Shop
beforeAll(async () => {
  app = await startTestApp()
  shop = await openShop(app)
  await shop.publishPlan()
})
afterAll(() => app.stop())

const subscribe = (token: string, plan_id: unknown, org?: string) =>
  app.request('POST /billing/subscribe', {
    token,
    body: { plan_id },
    ...(org !== undefined && { org }),
  })

describe('POST /billing/subscribe', () => {
  test('400 names the field', async () => {
    const { token } = await signIn(app)
    const wrong = await subscribe(token, 'free')
    expect(wrong.body).toMatchObject({ status: 400, errors: [{ path: 'body.plan_id' }] })
    const body = { plan_id: 'pln_00000000000000000000000000', price: 0 }
    const extra = await app.request('POST /billing/subscribe', { token, body })
    expect(extra.status).toBe(400)
    expect(JSON.stringify(extra.body['errors'])).toContain('price')
  })

  test('401 without a token', async () => {
    expect((await app.request('POST /billing/subscribe', { body: {} })).status).toBe(401)
  })

  test('403 for who does not manage the organization, and for a plan given by hand', async () => {
    const plan_id = await shop.publishPlan({ slug: 'gift', name: 'Gift', self_subscribe: false })
    const owner = await signIn(app)
    for (const role of ['member', 'auditor'] as const) {
      const one = await signInMember(app, owner.orgId, role)
      const reply = await subscribe(one.token, plan_id, owner.orgId)
      expect(reply.body).toMatchObject({ status: 403, facts: { needed: 'admin' } })
    }
    const own = await subscribe(owner.token, plan_id)
    expect(own.body).toMatchObject({ status: 403, facts: { needed: 'administrator' } })
    const { token } = shop.administrator
    const given = await app.request(`POST /admin/organizations/${owner.orgId}/subscribe`, {
      token,
      body: { plan_id },
    })
    expect(given.body).toMatchObject({ plan_id, status: 'active' })
  })

  test('404 for a plan that was never published, and for somebody else’s organization', async () => {
    const [one, other] = [await signIn(app), await signIn(app)]
    const unknown = await subscribe(one.token, 'pln_00000000000000000000000000')
    expect(unknown.body).toMatchObject({ status: 404, code: 'plan_not_found' })
    const foreign = await subscribe(one.token, 'pln_00000000000000000000000000', other.orgId)
    const absent = await subscribe(
      one.token,
      'pln_00000000000000000000000000',
      'org_00000000000000000000000000',
    )
    expect(foreign.body).toMatchObject({ status: 404, code: 'organization_not_found' })
    expect({ ...foreign.body, request_id: '' }).toEqual({ ...absent.body, request_id: '' })
  })

  test('409 for a plan that takes nobody new, and nothing is written', async () => {
    const plan_id = await shop.publishPlan({ slug: 'closed', name: 'Closed' })
    const { token } = shop.administrator
    expect((await app.request(`POST /admin/plans/${plan_id}/retire`, { token })).status).toBe(204)
    const person = await signIn(app)
    const before = await typesOf(app, `subscription-${person.orgId}`)
    const reply = await subscribe(person.token, plan_id)
    expect(reply.body).toMatchObject({ status: 409, code: 'plan_retired' })
    expect(await typesOf(app, `subscription-${person.orgId}`)).toEqual(before)
  })
})

test('POST /billing/cancel: 409 where there never was a plan', async () => {
  const { token } = await signIn(app)
  const made = await app.request('POST /organizations', { token, body: { name: 'Planless' } })
  const reply = await app.request('POST /billing/cancel', { token, org: String(made.body['id']) })
  expect(reply.body).toMatchObject({ status: 409, code: 'not_subscribed' })
})
