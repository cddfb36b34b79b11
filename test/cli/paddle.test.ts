// Whoever sets up Paddle is told what does not fit, without a secret being shown; a lifecycle can be played against a local server, and nowhere with real money.
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { runOperation } from '../../src/cli/operation.ts'
import { operations } from '../../src/cli/operations/index.ts'
import { type Installation, installation } from '../support/command-line.ts'
import {
  API_KEY,
  openPaddleShop,
  type PaddleTest,
  SECRET,
  startPaddleTest,
} from '../support/paddle.ts'
import { signIn, type SignedIn } from '../support/seed.ts'

type Row = Readonly<Record<string, unknown>>

let it: PaddleTest
let url: string
let person: SignedIn
beforeAll(async () => {
  it = await startPaddleTest({ PUBLIC_URL: 'https://daybook.example.test' })
  await openPaddleShop(it.app)
  await it.connect()
  url = await it.app.listen()
})
beforeEach(async () => {
  person = await signIn(it.app)
})
afterAll(() => it.stop())

/** What an operation told, and how it ended. */
async function daybook(name: string, input: object = {}, app = it.app.app) {
  const rows: Row[] = []
  const failed = await runOperation(
    operations,
    app,
    { name: `paddle.${name}`, input },
    (line) => line.kind === 'row' && rows.push(line.row),
    new AbortController().signal,
    async () => {},
  ).then(
    () => undefined,
    (error: Error) => error.message,
  )
  return { rows, failed, text: JSON.stringify(rows) + (failed ?? '') }
}
const account = async () => {
  await it.settled()
  return (await it.app.request('GET /billing/account', { token: person.token })).body
}
const simulate = (scenario: string, input: object = {}) =>
  daybook('simulate', { scenario, url, organization: person.orgId, ...input })

describe('check', () => {
  const findings = async (input: object = {}) => {
    const { rows, text } = await daybook('check', input)
    for (const secret of [SECRET, API_KEY]) expect(text).not.toContain(secret)
    return Object.fromEntries(rows.map(({ part, ok, finding }) => [String(part), { ok, finding }]))
  }
  const receiver = (secret = SECRET) => ({
    url: 'https://daybook.example.test/webhooks/paddle',
    secrets: [secret],
  })

  test('says what fits', async () => {
    it.paddle.sendTo(receiver())
    const { failed, rows } = await daybook('check', { url, checkout: true })
    expect(rows.filter(({ ok }) => ok !== true)).toEqual([])
    expect(failed).toBeUndefined()
    expect(rows.map(({ part }) => part)).toEqual([
      'environment',
      'key',
      'webhook',
      'webhook secret',
      'event types',
      'traffic',
      'plan free',
      'plan pro',
      'plan pro',
      'plan team',
      'plan team',
      'plan team',
      'payment link',
      'round trip',
    ])
  })

  test('a destination that is not there, and one with another secret', async () => {
    it.paddle.sendTo(undefined)
    expect(await findings()).toMatchObject({ webhook: { ok: false } })
    it.paddle.sendTo(receiver('pdl_ntfset_another'))
    expect(await findings()).toMatchObject({ 'webhook secret': { ok: false } })
  })

  test('a key that is refused, and prices that are gone or archived', async () => {
    it.paddle.fault([{ status: 403 }], ({ path }) => path === '/events')
    expect(await findings()).toMatchObject({ key: { ok: false } })
    const { prices } = it.paddle.account.books
    const pro = prices.get('pri_pro')
    if (!pro) throw new Error('the price is not there')
    prices.set('pri_pro', { ...pro, active: false })
    const archived = await daybook('check')
    expect(archived.text).toContain('pri_pro: it is archived')
    prices.delete('pri_pro')
    expect((await daybook('check')).text).toContain('pri_pro: Paddle has no such price')
    prices.set('pri_pro', pro)
  })

  test('a currency of a price that the plan has no rate for', async () => {
    const { prices } = it.paddle.account.books
    const topUp = prices.get('pri_topup')
    if (!topUp) throw new Error('the price is not there')
    prices.set('pri_topup', { ...topUp, overrides: { GBP: '900', EUR: '950' } })
    const { text } = await daybook('check')
    expect(text).toContain('pri_topup: the plan says no credit for GBP.')
    prices.set('pri_topup', topUp)
  })

  test('an address that is no Daybook', async () => {
    const found = await findings({ url: it.paddle.url })
    expect(found).toMatchObject({ 'round trip': { ok: false } })
  })
})

describe('simulate', () => {
  beforeAll(() => it.connect())

  test.each([
    ['subscribe', 'team', '13.500000000'],
    ['trial', 'team', '13.500000000'],
    ['renewal', 'team', '13.500000000'],
    ['past-due', 'team', '13.500000000'],
    ['pause', 'team', '23.500000000'],
    ['refund', 'team', '8.500000000'],
    ['chargeback', 'team', '13.500000000'],
    ['cancel', 'free', '3.500000000'],
    ['top-up', 'free', '33.500000000'],
  ])('%s ends with the plan %s and %s USD', async (scenario, slug, amount) => {
    const { failed, rows } = await simulate(scenario, scenario === 'top-up' ? {} : { plan: 'team' })
    expect(failed).toBeUndefined()
    expect(rows.every(({ answered }) => answered === 200)).toBe(true)
    expect(await account()).toMatchObject({ plan: { slug }, balance: { amount } })
  })

  test('upgrade: the dearer plan, and the share of its credit', async () => {
    expect((await simulate('upgrade', { plan: 'team' })).failed).toBeUndefined()
    const { plan, balance } = (await account()) as { plan: unknown; balance: { amount: string } }
    expect(plan).toMatchObject({ slug: 'pro' })
    expect(Number(balance.amount)).toBeGreaterThan(13.5)
    expect(Number(balance.amount)).toBeLessThan(43.5)
  })

  test('pays a checkout that waits, by its organization or its transaction', async () => {
    const reply = await it.app.request<{ checkout: { payment_id: string } }>(
      'POST /billing/top-up',
      { token: person.token, body: { quantity: 2 } },
    )
    const transaction = reply.body.checkout.payment_id
    const { rows } = await daybook('simulate', { scenario: 'top-up', url, transaction })
    expect(rows[0]?.['entity_id']).toBe(transaction)
    expect(await account()).toMatchObject({ balance: { amount: '63.500000000' } })
  })

  test('names what is missing', async () => {
    expect((await simulate('dance')).failed).toBe('no scenario is called dance')
    expect((await daybook('simulate', { scenario: 'subscribe', url })).failed).toMatch(/for whom/)
    expect((await simulate('subscribe', { url: it.paddle.url })).failed).toMatch(/answered 403/)
    expect((await simulate('subscribe', { plan: 'none' })).failed).toBe('price_not_offered')
    const unknown = { scenario: 'subscribe', url, transaction: 'txn_01hvnone' }
    expect((await daybook('simulate', unknown)).failed).toBe('payment_not_found')
  })

  test('never where real money is', async () => {
    const { app } = it.app
    const live = { PADDLE_ENVIRONMENT: 'live', PADDLE_API_URL: undefined } as const
    const there = { ...app, config: { ...app.config, ...live } }
    const wish = { scenario: 'subscribe', url, organization: person.orgId }
    expect((await daybook('simulate', wish, there)).failed).toMatch(/live/)
  })
})

describe('list, replay, dismiss, reconcile', () => {
  test('what came, what becomes of it again, and what Paddle says', async () => {
    it.app.clock.advance(1_000)
    await simulate('subscribe', { plan: 'team' })
    const before = await account()
    const { rows } = await daybook('list', { status: 'applied', limit: 1 })
    expect(rows).toMatchObject([{ status: 'applied', organization: person.orgId }])
    const eventId = rows[0]?.['event_id']
    expect((await daybook('replay', { eventId })).rows).toEqual([{ reopened: 1 }])
    expect(await account()).toEqual(before)
    expect((await daybook('replay', { eventId: 'evt_none' })).failed).toBe('paddle_event_not_found')
    const nothing = { note: 'test', reason: 'unreadable', before: '2000-01-01T00:00:00.000Z' }
    expect((await daybook('dismiss', nothing)).rows).toEqual([{ dismissed: 0 }])
    const applied = await daybook('dismiss', { eventId, note: 'test' })
    expect(applied.failed).toBe('paddle_event_not_parked')
    expect((await daybook('reconcile')).rows).toEqual([
      { read: expect.any(Number), missed: expect.any(Number) },
    ])
    // Paddle knows nothing of what was simulated.
    const entityId = rows[0]?.['entity_id']
    expect((await daybook('reconcile', { entityId })).failed).toBe('not_found')
  })
})

describe('typed as an operator types it', { timeout: 30_000 }, () => {
  let own: Installation
  beforeAll(async () => {
    own = await installation({ PADDLE_API_KEY: API_KEY, PADDLE_WEBHOOK_SECRET: SECRET })
  })
  afterAll(() => own.remove())

  test('the scenarios', async () => {
    const listed = await own.daybook('paddle', 'simulate', '--list')
    expect(listed).toMatchObject({ code: 0 })
    expect(listed.out).toContain('past-due')
  })

  test('a practice Paddle, with what time, customers and banks do', async () => {
    const sold = ['--price', 'pri_team=3000:USD:month', 'pri_credit=1000:USD']
    const child = own.spawn('paddle', 'practice', '--port', '0', '--url', url, ...sold)
    const [line] = (await once(createInterface({ input: child.stdout as Readable }), 'line')) as [
      string,
    ]
    const base = /listens on (\S+)/.exec(line)?.[1] ?? ''
    const post = async (path: string, body: object = {}) => {
      const response = await fetch(base + path, {
        method: 'POST',
        headers: { authorization: `Bearer ${API_KEY}` },
        body: JSON.stringify(body),
      })
      return { status: response.status, body: (await response.json()) as { data: { id: string } } }
    }
    const items = [{ price_id: 'pri_credit', quantity: 1 }]
    const { data } = (await post('/transactions', { items })).body
    expect((await post(`/practice/${data.id}/pay`)).status).toBe(200)
    const refund = await post(`/practice/${data.id}/refund`)
    expect(refund.body.data.id).toMatch(/^adj_/)
    expect((await post(`/practice/${refund.body.data.id}/approve`)).status).toBe(200)
    expect((await post(`/practice/${data.id}/dance`)).status).toBe(404)
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
  })

  test('and what it needs', async () => {
    const nothing = await own.daybook('paddle', 'practice')
    expect(nothing).toMatchObject({ code: 64, err: expect.stringContaining('--price') })
    const wrong = await own.daybook('paddle', 'practice', '--price', 'team=1')
    expect(wrong).toMatchObject({ code: 64, err: expect.stringContaining('ID=AMOUNT') })
  })
})
