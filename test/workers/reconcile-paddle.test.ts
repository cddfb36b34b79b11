// A notification that never came is found in Paddle's own list and applied once; what differs is written down; and looking again changes nothing.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { reconcileEvents } from '../../src/commands/paddle-event/reconcile-events.ts'
import { RECONCILIATION, reconciliation } from '../../src/domain/paddle-event/reconciliation.ts'
import { storyOf } from '../support/funded.ts'
import {
  openPaddleShop,
  type PaddleShop,
  type PaddleTest,
  startPaddleTest,
} from '../support/paddle.ts'
import { operatorRoot, signIn, type SignedIn } from '../support/seed.ts'

let it: PaddleTest
let shop: PaddleShop
let person: SignedIn
let administrator: SignedIn
beforeAll(async () => {
  // A record of each request would count as an event.
  it = await startPaddleTest({ USAGE_LOG: 'off' })
  shop = await openPaddleShop(it.app)
  await it.connect()
})
beforeEach(async () => {
  await reconcile()
  person = await signIn(it.app)
  administrator = await signIn(it.app, { administrator: true })
})
afterAll(() => it.stop())

const ask = (line: string, body?: object, token = person.token) =>
  it.app.request(line, { token, ...(body ? { body } : {}) })
const account = async () => (await ask('GET /billing/account')).body
const QUARTER_MS = 15 * 60_000
const events = async () => {
  await it.settled()
  return it.app.app.engine.events.head()
}
const ofReconciliation = () => storyOf(it.app, `paddleReconciliation-${RECONCILIATION}`)

/** A quarter of an hour passes, and the worker looks. */
async function reconcile(): Promise<void> {
  it.app.clock.advance(QUARTER_MS)
  await it.app.app.workers.sweep()
  await it.settled()
}

async function reach() {
  const { state } = await it.app.app.deps.streams.load(reconciliation, RECONCILIATION)
  return state.cursor
}

/** Pays at a checkout whose notifications `deliver` gets. */
async function subscribe(lose = false): Promise<string> {
  const reply = await ask('POST /billing/subscribe', { plan_id: shop.plans.team })
  const { payment_id: id } = reply.body['checkout'] as { payment_id: string }
  it.paddle.delivery.hold()
  it.paddle.account.pay(id)
  await it.paddle.delivery.release(lose ? () => [] : undefined)
  await it.settled()
  return id
}

describe('the worker', () => {
  test('finds what was lost, and counts it', async () => {
    await subscribe(true)
    expect(await account()).toMatchObject({ plan: { slug: 'free' } })
    await reconcile()
    expect(await account()).toMatchObject({ status: 'active', plan: { slug: 'team' } })
    const [last] = (
      await it.app.app.deps.streams.read(`paddleReconciliation-${RECONCILIATION}`)
    ).slice(-1)
    expect(last).toMatchObject({ type: 'ReconciliationReached', data: { cursor: await reach() } })
    expect(last?.data['missed']).toBeGreaterThan(5)
  })

  test('finds nothing where nothing was lost, and twice is as once', async () => {
    await subscribe()
    await reconcile()
    const [last] = (
      await it.app.app.deps.streams.read(`paddleReconciliation-${RECONCILIATION}`)
    ).slice(-1)
    expect(last?.data).toMatchObject({ missed: 0 })
    const before = [await events(), await account()]
    await reconcile()
    await reconcile()
    expect([await events(), await account()]).toEqual(before)
  })

  test('leaves to the webhook what is on its way', async () => {
    await subscribe(true)
    const { app } = it.app
    const provider = app.deps.paymentProvider
    if (!provider) throw new Error('there is no provider')
    const look = () => reconcileEvents(app.deps, provider, operatorRoot(app.deps))
    expect(await look()).toMatchObject({ missed: 0, more: false })
    it.app.clock.advance(3 * 60_000)
    expect((await look()).missed).toBeGreaterThan(5)
    expect((await look()).missed).toBe(0)
  })

  test('looks from the beginning where Paddle does not know its place any more', async () => {
    expect(await reach()).toBeDefined()
    await subscribe(true)
    const lists = ({ path, query }: { path: string; query: URLSearchParams }) =>
      path === '/events' && query.has('after')
    it.paddle.fault([{ status: 400, code: 'bad_request' }], lists)
    const before = it.paddle.asked.length
    await reconcile()
    const asked = it.paddle.asked.slice(before).filter(({ path }) => path === '/events')
    expect(asked.map(({ query }) => query.has('after')).slice(0, 2)).toEqual([true, false])
    expect(await account()).toMatchObject({ status: 'active', plan: { slug: 'team' } })
    // It is at the end again: nothing more is found.
    const [at, story] = [await reach(), await ofReconciliation()]
    await reconcile()
    expect([await reach(), await ofReconciliation()]).toEqual([at, story])
  })

  test('asks again where Paddle was away', async () => {
    await subscribe(true)
    const lists = ({ path }: { path: string }) => path === '/events'
    it.paddle.fault([{ status: 500 }, 'torn'], lists)
    const before = await ofReconciliation()
    await reconcile()
    await reconcile()
    expect(await ofReconciliation()).toEqual(before)
    await reconcile()
    expect(await account()).toMatchObject({ plan: { slug: 'team' } })
  })
})

describe('one thing, on demand', () => {
  const compare = (entityId: string, token = administrator.token) =>
    ask('POST /admin/paddle-events/reconcile', { entity_id: entityId }, token)

  test('is the same where nothing was lost', async () => {
    const paymentId = await subscribe()
    const { subscription_id: id } = it.paddle.account.books.transaction(paymentId)
    for (const one of [paymentId, id ?? '']) {
      const reply = await compare(one)
      expect(reply.body).toEqual({ entity_id: one, differences: [], event: null })
    }
  })

  test('is taken over where it differs: a payment, a subscription, a return', async () => {
    const paymentId = await subscribe(true)
    const { subscription_id: id } = it.paddle.account.books.transaction(paymentId)
    const paid = await compare(paymentId)
    expect(paid.body).toMatchObject({
      differences: ['not known here'],
      event: { status: 'applied' },
    })
    expect((await compare(id ?? '')).body).toMatchObject({ event: { status: 'applied' } })
    expect(await account()).toMatchObject({ plan: { slug: 'team' } })

    it.paddle.delivery.hold()
    it.paddle.account.cancel(id ?? '', 'next_billing_period')
    const refund = it.paddle.account.refund(paymentId)
    it.paddle.account.decide(refund, 'approved')
    await it.paddle.delivery.release(() => [])
    expect((await compare(id ?? '')).body).toMatchObject({
      differences: ['scheduled: none, at Paddle cancel'],
      event: { status: 'applied' },
    })
    expect((await compare(refund)).body).toMatchObject({ event: { status: 'applied' } })
    const { lots } = (await account()) as { lots: { kind: string }[] }
    expect(lots.map(({ kind }) => kind)).not.toContain('paid')
    expect(await ofReconciliation()).toContain('PaddleDriftDetected')

    const before = await events()
    for (const one of [paymentId, id ?? '', refund])
      expect((await compare(one)).body).toMatchObject({ differences: [], event: null })
    expect(await events()).toBe(before)
  })

  test('comes once, also when the notification comes afterwards', async () => {
    const reply = await ask('POST /billing/subscribe', { plan_id: shop.plans.team })
    const { payment_id: id } = reply.body['checkout'] as { payment_id: string }
    it.paddle.delivery.hold()
    it.paddle.account.pay(id)
    await compare(id)
    const credited = (await account())['balance']
    await it.paddle.delivery.release()
    await it.settled()
    expect(await account()).toMatchObject({ plan: { slug: 'team' }, balance: credited })
  })

  test('that cannot be applied is told once and waits on the list', async () => {
    const stranger = it.paddle.account.open({ items: [{ price_id: 'pri_team', quantity: 1 }] })
    it.paddle.delivery.hold()
    it.paddle.account.pay(stranger.id)
    await it.paddle.delivery.release(() => [])
    const first = await compare(stranger.id)
    expect(first.body).toMatchObject({ event: { status: 'parked' } })
    const before = await events()
    expect((await compare(stranger.id)).body).toEqual(first.body)
    expect(await events()).toBe(before)
  })

  test('is refused to others, and for what Paddle does not have', async () => {
    expect((await compare('sub_1', person.token)).status).toBe(403)
    expect((await compare('txn_01hv000000')).body).toMatchObject({ status: 404, code: 'not_found' })
    expect((await compare('ctm_01hv000000')).status).toBe(400)
  })
})
