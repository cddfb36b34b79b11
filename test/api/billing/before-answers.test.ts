// What is wished while the provider's messages are on their way is carried out, not taken for done; what is not carried out leaves no wish of before undone.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  openPaddleShop,
  type PaddleShop,
  type PaddleTest,
  prices,
  startPaddleTest,
} from '../../support/paddle.ts'
import { buyerOf } from '../../support/paddle-buyer.ts'
import { signIn, type SignedIn } from '../../support/seed.ts'

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

const { ask, pay, priceNow, subscription } = buyerOf(() => ({ it, person }))
const wish = (planId: string) => ask('POST /billing/subscribe', { plan_id: planId })

const begin = (planId: string) => pay('POST /billing/subscribe', { plan_id: planId })

test('a plan that is kept may be canceled again', async () => {
  await begin(shop.plans.team)
  await ask('POST /billing/cancel')
  await it.settled()
  it.paddle.delivery.hold()
  expect((await wish(shop.plans.team)).status).toBe(202)
  expect(subscription()?.scheduled_change).toBeNull()
  await ask('POST /billing/cancel')
  expect(subscription()?.scheduled_change).toMatchObject({ action: 'cancel' })
  await it.paddle.delivery.release()
  await it.settled()
})

test('a larger plan that is paid for may be left for the one before', async () => {
  await begin(shop.plans.team)
  it.paddle.delivery.hold()
  expect((await wish(shop.plans.pro)).body).toMatchObject({ charged: 'now' })
  expect(priceNow()).toBe(prices.pro.id)
  expect((await wish(shop.plans.team)).body).toMatchObject({ charged: 'next_period' })
  expect(priceNow()).toBe(prices.team.id)
  await it.paddle.delivery.release()
  await it.settled()
  expect((await ask('GET /billing/account')).body).toMatchObject({
    plan: { slug: 'pro' },
    subscription: { scheduled: { change: 'plan', plan_id: shop.plans.team } },
  })
})

test('a subscription that was canceled ends all the same where its change is declined', async () => {
  await begin(shop.plans.team)
  await ask('POST /billing/cancel')
  await it.settled()
  let changes = 0
  it.paddle.fault(
    [{ status: 400, code: 'subscription_payment_declined' }],
    // The first takes the end back, the second is the other plan.
    ({ method, path }) => method === 'PATCH' && !path.endsWith('/preview') && ++changes === 2,
  )
  expect((await wish(shop.plans.pro)).status).toBe(502)
  expect(changes).toBe(2)
  expect(priceNow()).toBe(prices.team.id)
  expect(subscription()?.scheduled_change).toMatchObject({ action: 'cancel' })
  await it.settled()
  expect((await wish(shop.plans.pro)).status).toBe(202)
  expect(subscription()?.scheduled_change).toBeNull()
})
