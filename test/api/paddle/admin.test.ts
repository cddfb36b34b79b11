// An administrator sees what Paddle said and what became of it, and has it applied again without a second effect.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { account } from '../../../src/domain/account/account.ts'
import { balanceOf } from '../../../src/domain/account/state.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { effectsOf, logOf, quiet } from '../../support/crash-data.ts'
import { openPaddleShop, type PaddleShop, SECRET } from '../../support/paddle.ts'
import { note, opened, paddleId, send } from '../../support/paddle-door.ts'
import { signIn } from '../../support/seed.ts'

interface Listed {
  readonly id: string
  readonly type: string
  readonly status: string
  readonly reason: string | null
  readonly note: string | null
  readonly waits_for: readonly string[]
  readonly organization_id: string | null
  readonly body?: string | null
}
interface Page {
  readonly items: readonly Listed[]
  readonly next_cursor: string | null
}

let app: TestApp
let shop: PaddleShop
let token: string
beforeAll(async () => {
  app = await startTestApp({ PADDLE_WEBHOOK_SECRET: SECRET })
  shop = await openPaddleShop(app)
  token = shop.administrator.token
}, 30_000)
afterAll(() => app.stop())

const topUp = (id: string, change: object = {}) => ({
  id,
  status: 'completed',
  origin: 'api',
  customer_id: paddleId('ctm'),
  currency_code: 'USD',
  items: [{ price: { id: 'pri_topup' }, quantity: 1 }],
  details: {
    totals: { subtotal: '1000', discount: '0', tax: '200', total: '1200' },
    line_items: [{ price_id: 'pri_topup', totals: { subtotal: '1000', discount: '0' } }],
  },
  ...change,
})

async function take(type: string, data: Readonly<Record<string, unknown>>) {
  const message = note(type, data, app.clock.now())
  expect((await send(app, message)).status).toBe(200)
  await quiet(app.app)
  return message
}
const list = async (query = '') =>
  (await app.request<Page>(`GET /admin/paddle-events${query}`, { token })).body
const get = (id: string) => app.request<Listed>(`GET /admin/paddle-events/${id}`, { token })

async function balance(orgId: string): Promise<bigint> {
  const { state } = await app.app.deps.streams.load(account, orgId)
  return state ? balanceOf(state) : 0n
}

describe('the list', () => {
  test('says of each what became of it, newest first, by status, type and thing', async () => {
    const ignored = await take('product.updated', { id: paddleId('pro') })
    app.clock.advance(1_000)
    const paymentId = paddleId('txn')
    const parked = await take('transaction.completed', topUp(paymentId))
    const { items } = await list('?limit=2')
    expect(items).toMatchObject([
      {
        id: parked.event_id,
        entity_id: paymentId,
        status: 'parked',
        reason: 'unknown_organization',
        waits_for: [`payment:${paymentId}`, `customer:${String(parked.data['customer_id'])}`],
        organization_id: null,
        source: 'webhook',
      },
      { id: ignored.event_id, status: 'ignored', reason: 'type_not_used', waits_for: [] },
    ])
    for (const query of [
      `?entity=${paymentId}`,
      `?entity=${paymentId}&status=parked&type=transaction.completed`,
      '?status=parked&limit=1',
      '?type=transaction.completed&limit=1',
    ])
      expect((await list(query)).items.map(({ id }) => id)).toEqual([parked.event_id])
    expect((await list(`?entity=${paymentId}&status=applied`)).items).toEqual([])
    const first = await list('?limit=1')
    expect(first.next_cursor).not.toBeNull()
    const second = await list(`?limit=1&cursor=${first.next_cursor}`)
    expect(second.items[0]?.id).toBe(ignored.event_id)
  })

  test('has the body of each, for the administrator alone', async () => {
    const message = await take('customer.updated', { id: paddleId('ctm'), name: 'Zoë' })
    expect((await get(message.event_id)).body).toMatchObject({
      id: message.event_id,
      status: 'ignored',
      body: JSON.stringify(message),
    })
    const { token: stranger } = await signIn(app)
    const path = `GET /admin/paddle-events/${message.event_id}`
    expect((await app.request(path, { token: stranger })).status).toBe(403)
    expect((await get('evt_none')).body).toMatchObject({ code: 'paddle_event_not_found' })
    const { sealer } = app.app.deps
    await sealer.destroy(`content/${String(message.data['id'])}`)
    expect((await get(message.event_id)).body.body).toBeNull()
  })
})

describe('what was parked', () => {
  test('is applied when it becomes known whose it is', async () => {
    const { orgId } = await signIn(app)
    const before = await balance(orgId)
    const paymentId = paddleId('txn')
    const { event_id: id } = await take('transaction.completed', topUp(paymentId))
    const refund = await take('adjustment.updated', {
      id: paddleId('adj'),
      action: 'refund',
      status: 'approved',
      transaction_id: paymentId,
      currency_code: 'USD',
      totals: { total: '300' },
    })
    expect((await get(refund.event_id)).body).toMatchObject({ status: 'parked' })
    await opened(app, orgId, { paymentId, planId: shop.plans.free })
    await quiet(app.app)
    for (const one of [id, refund.event_id])
      expect((await get(one)).body).toMatchObject({
        status: 'applied',
        reason: null,
        waits_for: [],
        organization_id: orgId,
      })
    expect(await balance(orgId)).toBe(before + 7_500_000_000n)
  })

  test('for a payment waits for it, though it is known whose', async () => {
    const { orgId } = await signIn(app)
    const paymentId = paddleId('txn')
    await opened(app, orgId, { paymentId, planId: shop.plans.free })
    const data = {
      id: paddleId('adj'),
      action: 'chargeback',
      status: 'approved',
      transaction_id: paymentId,
      currency_code: 'USD',
      totals: { total: '1200' },
    }
    const { event_id: id } = await take('adjustment.created', data)
    const waits = {
      status: 'parked',
      reason: 'unknown_payment',
      waits_for: [`payment:${paymentId}`],
    }
    expect((await get(id)).body).toMatchObject(waits)
    const before = await balance(orgId)
    await take('transaction.completed', topUp(paymentId))
    expect((await get(id)).body).toMatchObject({ status: 'applied' })
    expect(await balance(orgId)).toBe(before)
  })

  test('for a price or a currency waits for a plan that names it', async () => {
    const { orgId } = await signIn(app)
    const ids = [paddleId('txn'), paddleId('txn')] as const
    for (const paymentId of ids) await opened(app, orgId, { paymentId, planId: shop.plans.free })
    const price = { price: { id: 'pri_new' }, quantity: 1 }
    const period = {
      starts_at: app.clock.now().toISOString(),
      ends_at: new Date(app.clock.now().getTime() + 30 * 86_400_000).toISOString(),
    }
    const sold = topUp(ids[0], {
      items: [price],
      billing_period: period,
      subscription_id: 'sub_new',
    })
    const first = await take('transaction.completed', sold)
    const second = await take('transaction.completed', topUp(ids[1], { currency_code: 'CHF' }))
    expect((await get(first.event_id)).body).toMatchObject({
      reason: 'unknown_price',
      waits_for: ['price:pri_new'],
    })
    expect((await get(second.event_id)).body).toMatchObject({
      reason: 'unknown_currency',
      waits_for: ['currency:CHF', 'price:pri_topup'],
    })
    const before = await balance(orgId)
    const plan = await shop.publishPlan({
      slug: 'new',
      included_credit: { amount: '10.00', kind: 'included', period: 'month' },
      payment: {
        prices: [{ price_id: 'pri_new' }],
        top_up_prices: ['pri_topup'],
        credit_per_minor_unit: { USD: '0.01', CHF: '0.01' },
      },
    })
    expect(plan).toMatch(/^pln_/)
    await quiet(app.app)
    for (const { event_id: id } of [first, second])
      expect((await get(id)).body).toMatchObject({ status: 'applied' })
    expect(await balance(orgId)).toBe(before + 20_000_000_000n)
  })

  test('of a customer who pays for two organizations is nobody’s until something says whose', async () => {
    const customer = paddleId('ctm')
    const said = { customer_id: customer }
    const [one, two] = [await signIn(app), await signIn(app)]
    for (const { orgId } of [one, two]) {
      const paymentId = paddleId('txn')
      await opened(app, orgId, { paymentId, planId: shop.plans.free })
      const before = await list(`?status=parked`)
      const { event_id: id } = await take('transaction.completed', topUp(paymentId, said))
      expect((await get(id)).body).toMatchObject({ status: 'applied', organization_id: orgId })
      if (orgId === one.orgId) {
        // Of one organization alone so far: a payment that no checkout of ours opened is its.
        const own = await take('transaction.completed', topUp(paddleId('txn'), said))
        expect((await get(own.event_id)).body).toMatchObject({ organization_id: orgId })
      }
      expect((await list(`?status=parked`)).items).toEqual(before.items)
    }
    const nobodys = topUp(paddleId('txn'), { ...said, custom_data: { organization_id: one.orgId } })
    const { event_id: id } = await take('transaction.completed', nobodys)
    expect((await get(id)).body).toMatchObject({ status: 'parked', reason: 'unknown_organization' })
  })
})

describe('what is dismissed', () => {
  const nobodys = (action: string) => ({
    id: paddleId('adj'),
    action,
    status: 'approved',
    transaction_id: paddleId('txn'),
    currency_code: 'USD',
    totals: { total: '300' },
  })

  test('waits for nothing any more, says why, and a replay puts it back', async () => {
    const data = nobodys('refund')
    const { event_id: id } = await take('adjustment.created', data)
    const line = `POST /admin/paddle-events/${id}/dismiss`
    const body = { note: 'our shop’s' }
    expect(await app.request(line, { token, body })).toMatchObject({
      status: 200,
      body: { id, status: 'ignored' },
    })
    expect(await app.request(line, { token, body })).toMatchObject({ status: 200 })
    const ignored = { status: 'ignored', reason: 'dismissed', note: 'our shop’s', waits_for: [] }
    expect((await get(id)).body).toMatchObject(ignored)
    expect((await list('?status=parked')).items.map((one) => one.id)).not.toContain(id)
    expect((await list('?reason=dismissed')).items.map((one) => one.id)).toEqual([id])
    // What it had waited for does not wake it.
    const { orgId } = await signIn(app)
    const paymentId = data.transaction_id
    await opened(app, orgId, { paymentId, planId: shop.plans.free })
    await take('transaction.completed', topUp(paymentId))
    expect((await get(id)).body).toMatchObject(ignored)
    const replayed = await app.request(`POST /admin/paddle-events/${id}/replay`, { token })
    expect(replayed).toMatchObject({ status: 200, body: { id, status: 'applied' } })
    expect(await app.request(line, { token, body })).toMatchObject({
      status: 409,
      body: { code: 'paddle_event_not_parked' },
    })
  })

  test('is all of a time, or what was parked for one reason', async () => {
    app.clock.advance(1_000)
    const from = app.clock.now().toISOString()
    const { event_id: one } = await take('adjustment.created', nobodys('refund'))
    const { event_id: other } = await take('adjustment.created', nobodys('no such action'))
    app.clock.advance(1_000)
    const range = { note: 'old', from, before: app.clock.now().toISOString() }
    const dismiss = (body: object) =>
      app.request('POST /admin/paddle-events/dismiss', { token, body })
    const { event_id: later } = await take('adjustment.created', nobodys('credit'))
    expect(await dismiss({ ...range, reason: 'unreadable' })).toMatchObject({
      status: 200,
      body: { dismissed: 1, next: null },
    })
    expect((await get(other)).body).toMatchObject({ status: 'ignored', note: 'old' })
    expect((await get(one)).body).toMatchObject({ status: 'parked' })
    expect(await dismiss(range)).toMatchObject({ body: { dismissed: 1 } })
    expect(await dismiss(range)).toMatchObject({ body: { dismissed: 0 } })
    expect((await get(later)).body).toMatchObject({ status: 'parked' })
    expect(await dismiss({ before: range.before })).toMatchObject({ status: 400 })
  })
})

describe('a replay', () => {
  test('of one, or of a time, is applied anew and changes nothing that was applied', async () => {
    app.clock.advance(60_000)
    const from = app.clock.now().toISOString()
    const { orgId } = await signIn(app)
    const paymentId = paddleId('txn')
    await opened(app, orgId, { paymentId, planId: shop.plans.free })
    const { event_id: id } = await take('transaction.completed', topUp(paymentId))
    app.clock.advance(1_000)
    await take('transaction.completed', topUp(paddleId('txn')))
    const before = await balance(orgId)
    const head = await app.app.engine.events.head()
    const replayed = await app.request(`POST /admin/paddle-events/${id}/replay`, { token })
    expect(replayed).toMatchObject({ status: 200, body: { id, status: 'applied' } })
    app.clock.advance(1_000)
    const body = { from, to: app.clock.now().toISOString() }
    const range = await app.request('POST /admin/paddle-events/replay', { token, body })
    expect(range).toMatchObject({ status: 202, body: { reopened: 2, next: null } })
    await quiet(app.app)
    expect(effectsOf(await logOf(app.app, head))).toEqual({
      PaddleEventReopened: 3,
      PaddleEventApplied: 2,
      PaddleEventParked: 1,
    })
    expect(await balance(orgId)).toBe(before)
  })

  test('of what never came, or of no time, is refused', async () => {
    const none = await app.request('POST /admin/paddle-events/evt_none/replay', { token })
    expect(none).toMatchObject({ status: 404, body: { code: 'paddle_event_not_found' } })
    const at = app.clock.now().toISOString()
    const body = { from: at, to: at }
    const range = await app.request('POST /admin/paddle-events/replay', { token, body })
    expect(range).toMatchObject({ status: 400, body: { code: 'invalid_input' } })
  })
})
