// The key goes to its own origin and nowhere else, no call lasts longer than it may, and a failure says what is to be done without a word of Paddle's.
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { createPaddle, type Paddle, paddleUrl } from '../../../src/adapters/paddle/api.ts'
import {
  startPracticePaddle,
  type PracticePaddle,
} from '../../../src/adapters/paddle/practice/server.ts'
import { PaymentProviderFailure } from '../../../src/ports/payment-provider.ts'
import { API_KEY, prices } from '../../support/paddle.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

async function serve(listener: RequestListener): Promise<string> {
  const server: Server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function client(baseUrl: string, answerMs = 5_000): Paddle {
  const paddle = createPaddle({ baseUrl, apiKey: API_KEY, timeouts: { connectMs: 500, answerMs } })
  closing.push(() => paddle.close())
  return paddle
}
async function practice(): Promise<{ paddle: Paddle; there: PracticePaddle }> {
  const there = await startPracticePaddle({ prices: Object.values(prices), apiKey: API_KEY })
  closing.push(() => there.close())
  return { paddle: client(there.url), there }
}

const failureOf = async (asked: Promise<unknown>): Promise<PaymentProviderFailure> => {
  const error = await asked.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof PaymentProviderFailure)) throw new Error(`no failure: ${String(error)}`)
  expect(JSON.stringify([error.message, error.detail])).not.toContain(API_KEY)
  return error
}

const wish = { checkoutId: 'chk_1', orgId: 'org_1', priceId: prices.team.id, quantity: 2 }

test('each environment has its own address', () => {
  expect(paddleUrl('live')).toBe('https://api.paddle.com')
  expect(paddleUrl('sandbox')).toBe('https://sandbox-api.paddle.com')
})

describe('a request', () => {
  test('has the key and the version, and follows no redirect', async () => {
    const elsewhere: IncomingMessage[] = []
    const there = await serve((request, response) => {
      elsewhere.push(request)
      response.end()
    })
    const came: IncomingMessage[] = []
    const url = await serve((request, response) => {
      came.push(request)
      response.writeHead(307, { location: `${there}/transactions` }).end()
    })
    const failure = await failureOf(client(url).openCheckout(wish))
    expect(failure).toMatchObject({ reason: 'away', detail: 'HTTP 307' })
    expect(came[0]?.headers).toMatchObject({
      authorization: `Bearer ${API_KEY}`,
      'paddle-version': '1',
    })
    expect(elsewhere).toEqual([])
  })

  test('asks for what was wished, and names nobody who paid before', async () => {
    const { paddle, there } = await practice()
    const { paymentId, url } = await paddle.openCheckout(wish)
    expect(url).toBe(`${there.url}/pay?_ptxn=${paymentId}`)
    expect(JSON.parse(there.asked[0]?.text ?? '')).toEqual({
      items: [{ price_id: prices.team.id, quantity: 2 }],
      collection_mode: 'automatic',
      custom_data: { organization_id: 'org_1', checkout_id: 'chk_1' },
    })
  })
})

describe('a failure', () => {
  test('nobody listens: nothing can have happened', async () => {
    const failure = await failureOf(client('http://127.0.0.1:9').openCheckout(wish))
    expect(failure).toMatchObject({ reason: 'away', unknown: false })
  })

  test('an answer that does not come in time: nobody knows', async () => {
    const url = await serve(() => undefined)
    const started = performance.now()
    const failure = await failureOf(client(url, 200).openCheckout(wish))
    expect(failure).toMatchObject({ reason: 'away', unknown: true })
    expect(performance.now() - started).toBeLessThan(2_000)
    const reading = await failureOf(client(url, 200).eventsAfter(undefined))
    expect(reading.unknown).toBe(false)
  })

  test('a page of events that is too large is asked for in smaller ones', async () => {
    const MEGABYTE = 'x'.repeat(1024 * 1024)
    const asked: number[] = []
    const url = await serve((request, response) => {
      const size = Number(new URL(request.url ?? '', 'http://it').searchParams.get('per_page'))
      asked.push(size)
      const one = { event_type: 'product.updated', occurred_at: '2030-01-01T00:00:00Z' }
      const data = Array.from({ length: Math.min(size, 20) }, (_, nth) => ({
        ...one,
        event_id: `evt_${nth}`,
        data: MEGABYTE,
      }))
      const meta = { pagination: { has_more: size < 20 } }
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ data, meta }))
    })
    const { events, more } = await client(url).eventsAfter(undefined)
    expect(asked).toEqual([200, 100, 50, 25, 12, 6])
    expect([events.length, more]).toEqual([6, true])
  })

  test('an answer that never ends is broken off', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.write('{"data":')
    })
    expect(await failureOf(client(url, 200).price('pri_1'))).toMatchObject({ reason: 'away' })
  })

  test.each([
    [400, 'refused', false],
    [401, 'denied', false],
    [403, 'denied', false],
    [409, 'refused', false],
    [500, 'away', true],
    [503, 'away', true],
  ])('%s is %s', async (status, reason, unknown) => {
    const detail = `The seller ${API_KEY} owes 100 USD`
    const url = await serve((_request, response) => {
      const error = { type: 'request_error', code: 'some_code', detail }
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ error }))
    })
    const failure = await failureOf(client(url).openCheckout(wish))
    expect(failure).toMatchObject({ reason, unknown, detail: `HTTP ${status}, some_code` })
  })

  test.each([
    ['what is no JSON', 'hello'],
    ['another shape', '{"data":{"id":7}}'],
    ['nothing', ''],
  ])('%s: nobody knows', async (_what, text) => {
    const url = await serve((_request, response) => response.end(text))
    const failure = await failureOf(client(url).openCheckout(wish))
    expect(failure).toMatchObject({ reason: 'away', unknown: true })
  })

  test('429 keeps the next request back for as long as was asked', async () => {
    let came = 0
    const url = await serve((_request, response) => {
      came++
      response.writeHead(429, { 'retry-after': '7' }).end()
    })
    const paddle = client(url)
    expect(await failureOf(paddle.openCheckout(wish))).toMatchObject({
      reason: 'busy',
      retryAfterMs: 7_000,
    })
    const again = await failureOf(paddle.price('pri_1'))
    expect(again.reason).toBe('busy')
    expect(again.retryAfterMs).toBeGreaterThan(5_000)
    expect(came).toBe(1)
  })
})

describe('what was made for a checkout', () => {
  test('is found among many, and only a live one', async () => {
    const { paddle, there } = await practice()
    const since = new Date().toISOString()
    const items = [{ price_id: prices.team.id, quantity: 1 }]
    for (let n = 0; n < 70; n++)
      there.account.open({ items, custom_data: { checkout_id: `chk_other_${n}` } })
    const canceled = there.account.open({ items, custom_data: { checkout_id: 'chk_1' } })
    there.account.cancelTransaction(canceled.id)
    expect(await paddle.findCheckout('chk_1', since)).toBeUndefined()
    const { paymentId, url } = await paddle.openCheckout(wish)
    expect(await paddle.findCheckout('chk_1', since)).toEqual({ paymentId, url })
  })

  test('is not looked for among more than can be: nothing is made then', async () => {
    const url = await serve((_request, response) => {
      const data = [{ id: 'txn_1', status: 'ready' }]
      response.end(JSON.stringify({ data, meta: { pagination: { has_more: true } } }))
    })
    const failure = await failureOf(client(url).findCheckout('chk_1', '2026-01-01T00:00:00.000Z'))
    expect(failure.reason).toBe('away')
  })
})

test('a price is told as a person reads it', async () => {
  const { paddle } = await practice()
  expect(await paddle.price(prices.team.id)).toMatchObject({
    active: true,
    recurring: true,
    currencies: ['USD', 'EUR'],
    shown: '30.00 USD every month',
  })
  expect(await paddle.price(prices.topUp.id)).toMatchObject({ shown: '10.00 USD once' })
  expect(await paddle.price('pri_none')).toBeUndefined()
})

test('no page to pay on: the account is not set up', async () => {
  const there = await startPracticePaddle({
    prices: Object.values(prices),
    apiKey: API_KEY,
    paymentLink: false,
  })
  closing.push(() => there.close())
  const failure = await failureOf(client(there.url).openCheckout(wish))
  expect(failure).toMatchObject({ reason: 'refused', unknown: false })
})

test('a person can pay on the practice page, and be declined there', async () => {
  const { paddle, there } = await practice()
  const { paymentId, url } = await paddle.openCheckout(wish)
  const page = await (await fetch(url)).text()
  expect(page).toContain('No money is taken')
  const press = (what: string) =>
    fetch(url, { method: 'POST', body: new URLSearchParams({ do: what }) })
  await press('decline')
  expect(there.account.books.transaction(paymentId).status).toBe('draft')
  await press('pay')
  await press('pay')
  expect(there.account.books.transaction(paymentId).status).toBe('completed')
  expect([...there.account.books.subscriptions.values()]).toHaveLength(1)
  expect((await fetch(`${there.url}/pay?_ptxn=%3Cscript%3E`)).status).toBe(404)
})

describe('what a practice Paddle sends', () => {
  test('comes again until it is taken, and is lost at last', { timeout: 20_000 }, async () => {
    const { there } = await practice()
    const statuses = [500, 200]
    const bodies: string[] = []
    const url = await serve((request, response) => {
      let body = ''
      request.on('data', (bytes: Buffer) => (body += bytes.toString()))
      request.on('end', () => {
        bodies.push(body)
        response.writeHead(statuses.shift() ?? 200).end()
      })
    })
    there.sendTo({ url, secrets: ['secret'] })
    there.account.open({ items: [{ price_id: prices.team.id, quantity: 1 }] })
    await there.delivery.idle()
    expect(bodies).toHaveLength(2)
    expect(bodies[0]).toBe(bodies[1])
    expect(there.delivery.delivered).toHaveLength(1)
  })

  test('in another order, and twice, where that is wished', async () => {
    const { there } = await practice()
    const types: string[] = []
    const url = await serve((request, response) => {
      let body = ''
      request.on('data', (bytes: Buffer) => (body += bytes.toString()))
      request.on('end', () => {
        types.push((JSON.parse(body) as { event_type: string }).event_type)
        response.end()
      })
    })
    there.sendTo({ url, secrets: ['secret'] })
    there.delivery.hold()
    const { id } = there.account.open({ items: [{ price_id: prices.topUp.id, quantity: 1 }] })
    there.account.pay(id)
    const told = there.account.books.events.map(({ event_type: type }) => type)
    await there.delivery.release((held) => [...held.toReversed(), ...held])
    expect(types).toEqual([...told.toReversed(), ...told])
    expect(told).toEqual([
      'transaction.created',
      'customer.created',
      'transaction.updated',
      'transaction.ready',
      'transaction.updated',
      'transaction.paid',
      'transaction.updated',
      'transaction.completed',
    ])
  })
})
