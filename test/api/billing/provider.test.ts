// What is asked of the payment provider happens when the provider says so, and not before; its documents are for whoever may read the organization's books.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { user } from '../../../src/domain/user/user.ts'
import { startTestApp } from '../../support/app.ts'
import {
  openPaddleShop,
  type PaddleShop,
  type PaddleTest,
  prices,
  startPaddleTest,
} from '../../support/paddle.ts'
import { buyerOf } from '../../support/paddle-buyer.ts'
import { newPerson } from '../../support/people.ts'
import { signIn, signInMember, type SignedIn } from '../../support/seed.ts'

let it: PaddleTest
let shop: PaddleShop
let person: SignedIn
beforeAll(async () => {
  it = await startPaddleTest()
  shop = await openPaddleShop(it.app)
  await it.connect()
})
beforeEach(async () => {
  person = await signIn(it.app)
})
afterAll(() => it.stop())

const { account, ask, pay, subscription } = buyerOf(() => ({ it, person }))
const idOf = () => subscription()?.id ?? ''
const usd = (amount: string) => ({ amount, currency: 'USD' })

const subscribe = (planId = shop.plans.team) => pay('POST /billing/subscribe', { plan_id: planId })

describe('a plan', () => {
  test('is had when it is paid for, with its credit', async () => {
    const opened = await ask('POST /billing/subscribe', { plan_id: shop.plans.team })
    expect(opened.body).toMatchObject({ status: 'pending', charged: null })
    expect(await account()).toMatchObject({ plan: { slug: 'free' } })
    await subscribe()
    expect(await account()).toMatchObject({ status: 'active', plan: { slug: 'team' } })
    const { lots } = (await account()) as { lots: { kind: string; free: unknown }[] }
    expect(lots).toContainEqual(
      expect.objectContaining({ kind: 'included', free: usd('10.000000000') }),
    )
  })

  test('is shown with its prices, and the one had with its period and what is to come', async () => {
    const { body } = await ask<{ items: { slug: string; payment: unknown }[] }>(
      'GET /billing/plans',
    )
    expect(body.items.find(({ slug }) => slug === 'team')?.payment).toEqual({
      prices: [prices.team.id, prices.tried.id].map((price_id) => ({ price_id, times: 1 })),
      top_up_prices: [prices.topUp.id],
      credit_per_minor_unit: { USD: usd('0.010000000'), EUR: usd('0.011000000') },
    })
    await subscribe()
    const paid = subscription()?.current_billing_period
    const end = new Date(paid?.ends_at ?? '').toISOString()
    expect(await account()).toMatchObject({
      subscription: { kept_by: 'provider', paid_period: { end }, scheduled: null },
    })
    await ask('POST /billing/cancel', {})
    await it.settled()
    expect(await account()).toMatchObject({
      status: 'active',
      subscription: { scheduled: { change: 'cancel', at: end } },
    })
  })

  test('is in the history of the organization, from the checkout to the credit', async () => {
    await subscribe()
    type Listed = { items: { type: string; stream: string }[] }
    const stream = `payment-${person.orgId}`
    const types = ['CheckoutRequested', 'CheckoutOpened', 'PaymentReceived']
    for (const line of [`events?category=payment&limit=100`, `streams/${stream}?limit=100`]) {
      const { items } = (await ask<Listed>(`GET /audit/${line}`)).body
      expect(items.map((one) => one.type)).toEqual(expect.arrayContaining(types))
      expect(new Set(items.map((one) => one.stream))).toEqual(new Set([stream]))
    }
  })

  test('again: nothing changes, and nobody is asked', async () => {
    await subscribe()
    const asked = it.paddle.asked.length
    const reply = await ask('POST /billing/subscribe', { plan_id: shop.plans.team })
    expect(reply.status).toBe(200)
    expect(reply.body).toMatchObject({ plan_id: shop.plans.team, status: 'active' })
    expect(it.paddle.asked).toHaveLength(asked)
  })

  test('a dearer one is charged now, and had when the provider says so', async () => {
    await subscribe()
    it.paddle.delivery.hold()
    const reply = await ask('POST /billing/subscribe', { plan_id: shop.plans.pro })
    expect(reply.body).toEqual({ status: 'pending', checkout: null, charged: 'now' })
    expect(await account()).toMatchObject({ plan: { slug: 'team' } })
    await it.paddle.delivery.release()
    await it.settled()
    expect(await account()).toMatchObject({ plan: { slug: 'pro' }, balance: usd('43.500000000') })
  })

  test('a cheaper one is charged and had from the next period, and gives nothing back', async () => {
    await subscribe(shop.plans.pro)
    const before = await account()
    const reply = await ask('POST /billing/subscribe', { plan_id: shop.plans.team })
    expect(reply.body).toMatchObject({ status: 'pending', charged: 'next_period' })
    await it.settled()
    expect(await account()).toMatchObject({ plan: { slug: 'pro' }, balance: before['balance'] })
  })

  test('a change whose card is declined changes nothing', async () => {
    await subscribe()
    it.paddle.fault([{ status: 400, code: 'subscription_payment_declined' }], (one) =>
      /^\/subscriptions\/[^/]+$/.test(one.path),
    )
    const reply = await ask('POST /billing/subscribe', { plan_id: shop.plans.pro })
    expect(reply.body).toMatchObject({ status: 502, code: 'payment_provider_refused' })
    expect(await account()).toMatchObject({ plan: { slug: 'team' } })
  })
})

describe('POST /billing/cancel', () => {
  test('at the end of the period: in force until then', async () => {
    await subscribe()
    const reply = await ask('POST /billing/cancel')
    expect(reply.status).toBe(202)
    expect(reply.body).toMatchObject({ status: 'active' })
    await it.settled()
    expect(subscription()?.scheduled_change).toMatchObject({ action: 'cancel' })
    expect(await account()).toMatchObject({ status: 'active', plan: { slug: 'team' } })
    const asked = it.paddle.asked.length
    expect((await ask('POST /billing/cancel')).status).toBe(202)
    expect(it.paddle.asked).toHaveLength(asked)
    it.paddle.account.renew(idOf())
    await it.settled()
    expect(subscription()?.status).toBe('canceled')
    expect(await account()).toMatchObject({ plan: { slug: 'free' } })
  })

  test('and taken back by taking the plan again', async () => {
    await subscribe()
    await ask('POST /billing/cancel')
    await it.settled()
    const reply = await ask('POST /billing/subscribe', { plan_id: shop.plans.team })
    expect(reply.status).toBe(202)
    await it.settled()
    expect(subscription()?.scheduled_change).toBeNull()
    expect(await account()).toMatchObject({ status: 'active' })
  })

  test('now', async () => {
    await subscribe()
    expect((await ask('POST /billing/cancel', { at: 'now' })).status).toBe(202)
    await it.settled()
    expect(subscription()?.status).toBe('canceled')
    expect(await account()).toMatchObject({ plan: { slug: 'free' } })
  })

  test('whose answer was lost, again: it is canceled', async () => {
    await subscribe()
    it.paddle.fault(['lost'], ({ path }) => path.endsWith('/cancel'))
    expect((await ask('POST /billing/cancel')).status).toBe(503)
    expect((await ask('POST /billing/cancel')).status).toBe(202)
    expect(subscription()?.scheduled_change).toMatchObject({ action: 'cancel' })
  })
})

describe('credit that is bought once', () => {
  test('comes when it is paid, without the tax', async () => {
    await pay('POST /billing/top-up', { quantity: 2 })
    expect(await account()).toMatchObject({ balance: usd('23.500000000') })
    const { body } = await ask('GET /billing/invoices')
    expect(body).toMatchObject({
      items: [{ purpose: 'top_up', total: usd('24.00'), tax: usd('4.00'), period: null }],
    })
  })
})

describe('the portal', () => {
  const buy = async (email: string): Promise<string> => {
    const { body } = await ask<{ checkout: { payment_id: string } }>('POST /billing/top-up', {})
    it.paddle.account.pay(body.checkout.payment_id, email)
    await it.settled()
    return it.paddle.account.books.transaction(body.checkout.payment_id).customer_id ?? ''
  }
  async function addressOf({ userId }: SignedIn): Promise<string> {
    const { state } = await it.app.app.deps.streams.load(user, userId)
    if (typeof state?.email !== 'string') throw new Error('nobody')
    return state.email
  }

  test('opens for who has paid, and for nobody before', async () => {
    expect((await ask('POST /billing/portal')).body).toMatchObject({ code: 'not_subscribed' })
    const customer = await buy((await addressOf(person)).toUpperCase())
    const reply = await ask('POST /billing/portal')
    expect(reply.body).toEqual({ url: `https://portal.example.test/${customer}` })
    expect(reply.headers['cache-control']).toBe('no-store')
  })

  test('opens for nobody else, whatever address was typed, in whichever organization', async () => {
    const victim = await signIn(it.app)
    const address = await addressOf(victim)
    // The provider takes whoever types an address for the customer who has it.
    const customer = await buy(address)
    const before = it.paddle.asked.length
    const reply = await ask('POST /billing/portal')
    expect(reply.body).toMatchObject({ status: 403, code: 'portal_not_yours' })
    expect(reply.text).not.toContain(address)
    expect(it.paddle.asked.slice(before)).toMatchObject([{ path: `/customers/${customer}` }])
    // The one whose address it is has paid nothing: once they have, it is theirs.
    person = victim
    expect((await ask('POST /billing/portal')).body).toMatchObject({ code: 'not_subscribed' })
    expect(await buy(address)).toBe(customer)
    expect((await ask('POST /billing/portal')).status).toBe(200)
  })

  test('opens for nobody whose address is not confirmed', async () => {
    const newcomer = await newPerson(it.app)
    person = newcomer
    await buy(newcomer.email)
    expect((await ask('POST /billing/portal')).body).toMatchObject({ code: 'portal_not_yours' })
  })

  test('a checkout shows nobody’s address: it names no customer', async () => {
    await buy(await addressOf(person))
    const { body } = await ask<{ checkout: { payment_id: string } }>('POST /billing/top-up', {})
    const made = it.paddle.account.books.transaction(body.checkout.payment_id)
    expect(made.customer_id).toBeNull()
  })
})

describe('invoices', () => {
  test('newest first, with what went back, in pages', async () => {
    const first = await subscribe()
    it.app.clock.advance(60_000)
    const second = await pay('POST /billing/top-up', {})
    const refund = it.paddle.account.refund(first, 1_800n)
    it.paddle.account.decide(refund, 'approved')
    await it.settled()
    const page = await ask<{ items: unknown[]; next_cursor: string }>(
      'GET /billing/invoices?limit=1',
    )
    expect(page.body).toMatchObject({
      items: [{ payment_id: second, total: usd('12.00'), returned: usd('0.00') }],
      issued_by: 'provider',
    })
    const next = await ask(`GET /billing/invoices?limit=1&cursor=${page.body.next_cursor}`)
    expect(next.body).toMatchObject({
      items: [
        {
          payment_id: first,
          purpose: 'period',
          total: usd('36.00'),
          tax: usd('6.00'),
          returned: usd('18.00'),
          number: it.paddle.account.books.transaction(first).invoice_number,
        },
      ],
      next_cursor: null,
    })
  })

  test('each leads to the provider’s document, for who may read the books', async () => {
    const paymentId = await subscribe()
    const line = `GET /billing/invoices/${paymentId}`
    expect((await ask(line)).body).toEqual({ url: expect.stringMatching(/^https:.*\.pdf$/) })
    const as = async (role: 'auditor' | 'member') => {
      const { token } = await signInMember(it.app, person.orgId, role)
      return (await it.app.request(line, { token, org: person.orgId })).status
    }
    expect(await as('auditor')).toBe(200)
    expect(await as('member')).toBe(403)
    const stranger = await signIn(it.app)
    const foreign = await it.app.request(line, { token: stranger.token })
    expect(foreign.body).toMatchObject({ status: 404, code: 'payment_not_found' })
    it.paddle.fault([{ status: 404 }], ({ path }) => path.endsWith('/invoice'))
    expect((await ask(line)).body).toMatchObject({ status: 404, code: 'invoice_not_found' })
  })
})

test('by hand nothing is paid: the list says so, and nothing can be bought', async () => {
  const app = await startTestApp()
  try {
    const { token } = await signIn(app)
    const list = await app.request('GET /billing/invoices', { token })
    expect(list.body).toEqual({ items: [], next_cursor: null, issued_by: 'nobody' })
    for (const line of ['POST /billing/top-up', 'POST /billing/portal']) {
      const reply = await app.request(line, { token })
      expect(reply.body).toMatchObject({ status: 409, code: 'no_payment_provider' })
    }
    const body = { plan_id: 'pln_00000000000000000000000000', price_id: prices.team.id }
    const bought = await app.request('POST /billing/subscribe', { token, body })
    expect(bought.body).toMatchObject({ code: 'no_payment_provider' })
  } finally {
    await app.stop()
  }
})
