// What is paid for stays in force until its end, nobody pays a difference twice, and who wished a change is in the history.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { planInForce } from '../../../src/commands/subscription/plan-in-force.ts'
import type { Reply } from '../../support/app.ts'
import {
  openPaddleShop,
  type PaddleShop,
  type PaddleTest,
  prices,
  startPaddleTest,
} from '../../support/paddle.ts'
import { buyerOf } from '../../support/paddle-buyer.ts'
import { signIn, type SignedIn } from '../../support/seed.ts'

const huge = { ...prices.pro, id: 'pri_huge', amount: '20000' }
const yearly = {
  ...prices.pro,
  id: 'pri_yearly',
  amount: '90000',
  cycle: { interval: 'year', frequency: 1 },
} as const

let it: PaddleTest
let shop: PaddleShop
let hugePlan: string
let person: SignedIn
beforeAll(async () => {
  it = await startPaddleTest()
  shop = await openPaddleShop(it.app)
  for (const one of [huge, yearly]) it.paddle.account.books.prices.set(one.id, one)
  hugePlan = await shop.publishPlan(sold('huge', '100.00', yearly.id, huge.id))
  await it.connect()
})
beforeEach(async () => {
  it.paddle.clearFaults()
  person = await signIn(it.app)
})
afterAll(() => it.stop())

const sold = (slug: string, included: string, ...priceIds: readonly string[]) => ({
  slug,
  name: slug,
  free: false,
  included_credit: { amount: included, kind: 'included', period: 'month' },
  payment: {
    prices: priceIds.map((price_id) => ({ price_id })),
    top_up_prices: [],
    credit_per_minor_unit: {},
  },
})
const { account, ask, pay, priceNow, subscription } = buyerOf(() => ({ it, person }))
const idOf = () => subscription()?.id ?? ''
const periodEnd = () =>
  new Date(subscription()?.current_billing_period?.ends_at ?? '').toISOString()
const transactions = () =>
  [...it.paddle.account.books.transactions.values()].filter((one) => one.subscription_id === idOf())
const inForce = async (at = it.app.clock.now().toISOString()) =>
  (await planInForce(it.app.app.deps, person.orgId, at))?.terms.slug

/** Pays for a plan's first period. */
const begin = (planId: string, priceId?: string) =>
  pay('POST /billing/subscribe', {
    plan_id: planId,
    ...(priceId !== undefined && { price_id: priceId }),
  })
async function change(planId: string): Promise<Reply> {
  const reply = await ask('POST /billing/subscribe', { plan_id: planId })
  await it.settled()
  return reply
}
const changing = (charged: 'now' | 'next_period') => ({
  status: 202,
  body: { status: 'pending', checkout: null, charged },
})
async function wishes() {
  type Listed = { items: { type: string; actor: { kind: string; id?: string } }[] }
  const line = `GET /audit/streams/subscription-${person.orgId}?limit=100`
  const { items } = (await ask<Listed>(line)).body
  return items.filter(({ type }) => type.endsWith('Requested'))
}

describe('a cheaper plan', () => {
  test('takes the place of what is paid for when that ends, also where nobody says so then', async () => {
    await begin(shop.plans.pro)
    expect(await change(shop.plans.team)).toMatchObject(changing('next_period'))
    expect(priceNow()).toBe(prices.team.id)
    const end = periodEnd()
    expect(await account()).toMatchObject({
      plan: { slug: 'pro', until: end },
      subscription: {
        plan_id: shop.plans.pro,
        scheduled: { change: 'plan', at: end, plan_id: shop.plans.team },
      },
    })
    expect(await inForce(new Date(Date.parse(end) - 1).toISOString())).toBe('pro')
    expect(await inForce(end)).toBe('team')
    it.paddle.account.renew(idOf())
    await it.settled()
    expect(transactions().at(-1)?.details.totals.subtotal).toBe(prices.team.amount)
    expect(await account()).toMatchObject({
      plan: { slug: 'team', until: null },
      subscription: { plan_id: shop.plans.team, scheduled: null },
    })
  })

  test('once more: it is on its way, and nothing is asked that changes anything', async () => {
    await begin(shop.plans.pro)
    await change(shop.plans.team)
    const asked = it.paddle.asked.length
    expect(await change(shop.plans.team)).toMatchObject(changing('next_period'))
    const after = it.paddle.asked.slice(asked)
    expect(after.every(({ method }) => method === 'GET')).toBe(true)
  })

  test('that the provider never changed to leaves everything as it is', async () => {
    await begin(shop.plans.pro)
    it.paddle.fault(
      [{ status: 500 }],
      ({ method, path }) => method === 'PATCH' && !path.endsWith('/preview'),
    )
    expect((await change(shop.plans.team)).status).toBe(503)
    it.paddle.account.renew(idOf())
    await it.settled()
    expect(await account()).toMatchObject({
      plan: { slug: 'pro' },
      subscription: { scheduled: null },
    })
  })

  test('is not taken for had before the provider says so: the plan paid for can be kept', async () => {
    await begin(shop.plans.pro)
    it.paddle.delivery.hold()
    await ask('POST /billing/subscribe', { plan_id: shop.plans.team })
    expect(priceNow()).toBe(prices.team.id)
    await ask('POST /billing/subscribe', { plan_id: shop.plans.pro })
    expect(priceNow()).toBe(prices.pro.id)
    await it.paddle.delivery.release()
    await it.settled()
    expect(await account()).toMatchObject({ plan: { slug: 'pro', until: null } })
  })
})

describe('while a cheaper plan is to come', () => {
  test('the one that is paid for is kept without a charge', async () => {
    await begin(shop.plans.pro)
    const { balance } = await account()
    await change(shop.plans.team)
    const paid = transactions().length
    expect(await change(shop.plans.pro)).toMatchObject(changing('next_period'))
    expect(transactions()).toHaveLength(paid)
    expect(await account()).toMatchObject({
      balance,
      plan: { slug: 'pro', until: null },
      subscription: { scheduled: null },
    })
    it.paddle.account.renew(idOf())
    await it.settled()
    expect(transactions().at(-1)?.details.totals.subtotal).toBe(prices.pro.amount)
  })

  test('a dearer one is paid for from what is paid already, also after a crash on the way', async () => {
    await begin(shop.plans.pro)
    await change(shop.plans.team)
    it.paddle.fault([{ status: 500 }], ({ path }) => path.endsWith('/preview'))
    expect((await change(hugePlan)).status).toBe(503)
    expect(await change(hugePlan)).toMatchObject(changing('now'))
    const { grand_total: charged, credit } = transactions().at(-1)?.details.totals ?? {}
    const paidBefore = BigInt(prices.pro.amount) + BigInt(prices.pro.amount) / 5n
    expect(BigInt(credit ?? 0)).toBe(paidBefore)
    expect(BigInt(charged ?? 0)).toBe(BigInt(huge.amount) + BigInt(huge.amount) / 5n - paidBefore)
    expect(await account()).toMatchObject({
      plan: { slug: 'huge', until: null },
      balance: { amount: '103.500000000' },
    })
  })

  test('an even cheaper one comes instead, and what is paid for stays', async () => {
    await begin(hugePlan, huge.id)
    await change(shop.plans.pro)
    await change(shop.plans.team)
    expect(await account()).toMatchObject({
      plan: { slug: 'huge' },
      subscription: { scheduled: { change: 'plan', plan_id: shop.plans.team } },
    })
    expect(await inForce(periodEnd())).toBe('team')
  })
})

test('two wishes at once: one is carried out after the other or refused, and paid for once', async () => {
  await begin(shop.plans.team)
  const asked = await Promise.all([change(shop.plans.pro), change(shop.plans.pro)])
  for (const { status } of asked) expect([202, 503]).toContain(status)
  expect(transactions()).toHaveLength(2)
})

test('a charge whose answer was lost is asked for by nobody else meanwhile', async () => {
  await begin(shop.plans.team)
  it.paddle.fault(['lost'], ({ method, path }) => method === 'PATCH' && !path.endsWith('/preview'))
  for (const planId of [shop.plans.pro, hugePlan]) expect((await change(planId)).status).toBe(503)
  expect(transactions()).toHaveLength(2)
  expect(await account()).toMatchObject({ plan: { slug: 'pro' } })
})

describe('another billing cycle', () => {
  const take = async (priceId: string) => {
    const reply = await ask('POST /billing/subscribe', { plan_id: hugePlan, price_id: priceId })
    await it.settled()
    return reply
  }

  test('that is shorter is refused, and nothing changes', async () => {
    await begin(hugePlan)
    expect(priceNow()).toBe(yearly.id)
    const refused = { status: 409, code: 'billing_cycle_differs' }
    expect((await take(huge.id)).body).toMatchObject(refused)
    expect((await change(shop.plans.pro)).body).toMatchObject(refused)
    expect(priceNow()).toBe(yearly.id)
    expect(await wishes()).toEqual([])
  })

  test('that is longer begins at once, and what is left of the present one pays for a part', async () => {
    await begin(shop.plans.pro)
    expect(await take(yearly.id)).toMatchObject(changing('now'))
    expect(priceNow()).toBe(yearly.id)
    const end = periodEnd()
    expect(await account()).toMatchObject({
      plan: { slug: 'huge', until: null },
      subscription: { paid_period: { end }, scheduled: null },
      // The unused month went back into the year, and its credit with it.
      balance: { amount: '103.500000000' },
    })
  })

  test('is not taken where none was named, and the plan is sold for the same one too', async () => {
    await begin(shop.plans.pro)
    await change(hugePlan)
    expect(priceNow()).toBe(huge.id)
  })
})

test('on trial another plan is had at once, and nothing is charged', async () => {
  await begin(shop.plans.team, prices.tried.id)
  expect(subscription()?.status).toBe('trialing')
  expect(await change(shop.plans.pro)).toMatchObject(changing('next_period'))
  expect(await account()).toMatchObject({ plan: { slug: 'pro' } })
  expect(await change(shop.plans.team)).toMatchObject(changing('next_period'))
  expect(await account()).toMatchObject({ plan: { slug: 'team', until: null } })
})

test('who wished what is in the history, before the provider was asked', async () => {
  await begin(shop.plans.pro)
  await change(shop.plans.team)
  await ask('POST /billing/cancel')
  await it.settled()
  expect(await account()).toMatchObject({ subscription: { scheduled: { change: 'cancel' } } })
  await change(shop.plans.pro)
  expect(await account()).toMatchObject({
    plan: { slug: 'pro' },
    subscription: { scheduled: null },
  })
  const all = await wishes()
  expect(all.map(({ type }) => type).toSorted()).toEqual([
    'CancellationRequested',
    'ContinuationRequested',
    'PlanChangeRequested',
    'PlanChangeRequested',
  ])
  for (const { actor } of all) expect(actor).toMatchObject({ kind: 'user' })
})

test('the terms are those that were shown, whatever is published while it is paid', async () => {
  const versions = (amount: string) =>
    shop.publishPlan(sold('kept', amount, 'pri_kept', 'pri_kept_dearer'))
  for (const one of [prices.team, { ...prices.pro, id: 'pri_kept_dearer' }]) {
    const id = one === prices.team ? 'pri_kept' : one.id
    it.paddle.account.books.prices.set(id, { ...one, id })
  }
  const planId = await versions('20.00')
  const opened = await ask<{ checkout: { payment_id: string } }>('POST /billing/subscribe', {
    plan_id: planId,
  })
  await versions('5.00')
  // Of two that wait the one counts that is paid.
  expect((await ask('POST /billing/subscribe', { plan_id: planId })).status).toBe(202)
  it.paddle.account.pay(opened.body.checkout.payment_id)
  await it.settled()
  const kept = { plan: { slug: 'kept', version: 1 } }
  expect(await account()).toMatchObject({ ...kept, balance: { amount: '23.500000000' } })
  // Neither does a newer version come with a change that was declined.
  it.paddle.fault(
    [{ status: 400, code: 'subscription_payment_declined' }],
    ({ method, path }) => method === 'PATCH' && !path.endsWith('/preview'),
  )
  const dearer = { plan_id: planId, price_id: 'pri_kept_dearer' }
  expect((await ask('POST /billing/subscribe', dearer)).status).toBe(502)
  it.paddle.account.renew(idOf())
  await it.settled()
  expect(await account()).toMatchObject({ ...kept, balance: { amount: '43.500000000' } })
  const other = await signIn(it.app)
  person = other
  await begin(planId)
  expect(await account()).toMatchObject({
    plan: { version: 2 },
    balance: { amount: '8.500000000' },
  })
})
