// One wish to pay makes one transaction at the provider, whatever is lost, repeated or done at once; and no failure of the provider's shows its account or our key.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Fault } from '../../../src/adapters/paddle/practice/server.ts'
import { payments } from '../../../src/domain/payment/payments.ts'
import { storyOf } from '../../support/funded.ts'
import {
  API_KEY,
  openPaddleShop,
  type PaddleShop,
  type PaddleTest,
  prices,
  startPaddleTest,
} from '../../support/paddle.ts'
import { signIn, type SignedIn } from '../../support/seed.ts'

let paddle: PaddleTest
let shop: PaddleShop
let person: SignedIn
let before: number
beforeAll(async () => {
  paddle = await startPaddleTest()
  shop = await openPaddleShop(paddle.app)
})
beforeEach(async () => {
  person = await signIn(paddle.app)
  before = made().length
})
// A fault that nobody met would be the next test's.
afterEach(() => paddle.paddle.clearFaults())
afterAll(() => paddle.stop())

const made = () => [...paddle.paddle.account.books.transactions.values()]
const sinceBefore = () => made().slice(before)
const posts = ({ method, path }: { method: string; path: string }) =>
  method === 'POST' && path === '/transactions'
const fault = (...faults: Fault[]) => paddle.paddle.fault(faults, posts)

const subscribe = (key?: string, body: Record<string, unknown> = {}) =>
  paddle.app.request<{ checkout: { id: string; url: string; payment_id: string } }>(
    'POST /billing/subscribe',
    {
      token: person.token,
      body: { plan_id: shop.plans.team, ...body },
      ...(key === undefined ? {} : { key }),
    },
  )

test('answers the page, and the transaction carries the organization and our id', async () => {
  const reply = await subscribe('one')
  expect(reply.status).toBe(202)
  const [transaction] = sinceBefore()
  expect(reply.body).toEqual({
    status: 'pending',
    checkout: {
      id: expect.stringMatching(/^chk_/),
      url: transaction?.checkout.url,
      payment_id: transaction?.id,
    },
    charged: null,
  })
  expect(transaction?.custom_data).toEqual({
    organization_id: person.orgId,
    checkout_id: reply.body.checkout.id,
  })
  expect(transaction?.items[0]?.price.id).toBe(prices.team.id)
  expect(await storyOf(paddle.app, `payment-${person.orgId}`)).toEqual([
    'CheckoutRequested',
    'CheckoutOpened',
  ])
})

test('twenty at once with one key: one transaction, one answer', async () => {
  const replies = await Promise.all(Array.from({ length: 20 }, () => subscribe('twenty')))
  expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([202]))
  expect(new Set(replies.map(({ text }) => text)).size).toBe(1)
  expect(sinceBefore()).toHaveLength(1)
})

test('the same key again answers the same page, also when the plan is gone', async () => {
  const plan_id = await shop.publishPlan({ slug: 'brief', name: 'Brief', free: false })
  const first = await subscribe('again')
  expect(plan_id).toMatch(/^pln_/)
  expect((await subscribe('again')).text).toBe(first.text)
  expect(sinceBefore()).toHaveLength(1)
  expect((await subscribe('again', { price_id: prices.tried.id })).status).toBe(422)
})

describe('an answer that is lost', () => {
  test('is looked for at once, and found', async () => {
    fault('lost')
    const reply = await subscribe('lost')
    expect(reply.status).toBe(202)
    expect(sinceBefore().map(({ id }) => id)).toEqual([reply.body.checkout.payment_id])
  })

  test('is found by the repeat where the provider could not be asked', async () => {
    fault('lost')
    paddle.paddle.fault(
      [{ status: 500 }],
      ({ method, path }) => method === 'GET' && path === '/transactions',
    )
    const first = await subscribe('later')
    expect(first.body).toMatchObject({ status: 503, code: 'payment_provider_unavailable' })
    expect(Number(first.headers['retry-after'])).toBeGreaterThan(0)
    paddle.app.clock.advance(31_000)
    const second = await subscribe('later')
    expect(second.status).toBe(202)
    expect(sinceBefore().map(({ id }) => id)).toEqual([second.body.checkout.payment_id])
  })

  test('is not asked for again before the provider must have shown it', async () => {
    fault('silent')
    paddle.paddle.fault([{ status: 500 }], ({ method }) => method === 'GET')
    // The connection is cut by the test, not by the provider's time.
    const first = subscribe('soon')
    await paddle.paddle.met(posts)
    paddle.paddle.cut()
    expect((await first).status).toBe(503)
    const asked = paddle.paddle.asked.length
    const second = paddle.app.request('POST /billing/subscribe', {
      token: person.token,
      body: { plan_id: shop.plans.team },
      key: 'soon',
    })
    paddle.app.clock.advance(31_000)
    expect((await second).status).toBe(202)
    expect(paddle.paddle.asked.slice(asked).map(({ method }) => method)).toEqual(['GET', 'POST'])
    expect(sinceBefore()).toHaveLength(1)
  })
})

describe('a provider in trouble', () => {
  const leaks = (text: string) => {
    expect(text).not.toContain(API_KEY)
    expect(text.toLowerCase()).not.toContain('paddle')
    expect(text).not.toContain('default_checkout')
  }

  test('429: nobody asks again before its time, and our answer says when', async () => {
    fault({ status: 429, retryAfter: 1 })
    const first = await subscribe('busy')
    expect(first.body).toMatchObject({ status: 503, code: 'payment_provider_unavailable' })
    expect(first.headers['retry-after']).toBe('1')
    const asked = paddle.paddle.asked.length
    expect((await subscribe('busy')).status).toBe(503)
    expect(paddle.paddle.asked).toHaveLength(asked)
    leaks(first.text)
    await expect.poll(async () => (await subscribe('busy')).status, { timeout: 5_000 }).toBe(202)
    expect(sinceBefore()).toHaveLength(1)
  })

  test.each([[500], [502]])('%s, nothing made: the repeat makes it', async (status) => {
    fault({ status })
    expect((await subscribe(`trouble-${status}`)).status).toBe(503)
    paddle.app.clock.advance(31_000)
    expect((await subscribe(`trouble-${status}`)).status).toBe(202)
    expect(sinceBefore()).toHaveLength(1)
  })

  test.each([
    ['a page is not set up', { status: 400, code: 'transaction_default_checkout_url_not_set' }],
    ['the key may not', { status: 403, code: 'forbidden' }],
    ['the price is gone', { status: 404, code: 'not_found' }],
  ])('%s: 502 in our words', async (_what, trouble) => {
    fault(trouble)
    const reply = await subscribe(trouble.code)
    expect(reply.body).toMatchObject({ status: 502, code: 'payment_provider_refused' })
    leaks(reply.text)
    expect((await subscribe(trouble.code)).status).toBe(202)
    expect(sinceBefore()).toHaveLength(1)
  })
})

describe('what is bought', () => {
  test('a price of the plan, and no other', async () => {
    const reply = await subscribe('tried', { price_id: prices.tried.id })
    expect(reply.status).toBe(202)
    expect(sinceBefore()[0]?.items[0]?.price.id).toBe(prices.tried.id)
    const wrong = await subscribe('wrong', { price_id: prices.pro.id })
    expect(wrong.body).toMatchObject({ status: 422, code: 'price_not_offered' })
  })

  test('a plan that is free costs nothing and asks nobody', async () => {
    const asked = paddle.paddle.asked.length
    const reply = await subscribe('free', { plan_id: shop.plans.free })
    expect(reply.status).toBe(200)
    expect(paddle.paddle.asked).toHaveLength(asked)
  })

  test('credit, at a price of the plan in force', async () => {
    const { token, orgId } = person
    const reply = await paddle.app.request<{ checkout: { id: string } }>('POST /billing/top-up', {
      token,
      body: { quantity: 3 },
      key: 'top-up',
    })
    expect(reply.status).toBe(202)
    const [transaction] = sinceBefore()
    expect(transaction?.items).toMatchObject([{ quantity: 3, price: { id: prices.topUp.id } }])
    const { state } = await paddle.app.app.deps.streams.load(payments, orgId)
    expect(state.checkouts.get(reply.body.checkout.id)).toMatchObject({
      purpose: 'top_up',
      quantity: 3,
    })
    const wrong = await paddle.app.request('POST /billing/top-up', {
      token,
      body: { price_id: prices.team.id },
    })
    expect(wrong.body).toMatchObject({ status: 422, code: 'price_not_offered' })
  })
})

test('no organization takes the provider’s time from the others', async () => {
  const replies = []
  for (let n = 0; n < 31; n++) replies.push(await subscribe(`many-${n}`))
  expect(replies.map(({ status }) => status)).toEqual([
    ...Array.from({ length: 30 }, () => 202),
    429,
  ])
  expect(replies.at(-1)?.body).toMatchObject({ code: 'rate_limited', facts: { limit: 30 } })
  expect(Number(replies.at(-1)?.headers['retry-after'])).toBeGreaterThan(0)
  expect((await subscribe('many-0')).status).toBe(202)
  person = await signIn(paddle.app)
  expect((await subscribe('another')).status).toBe(202)
})
