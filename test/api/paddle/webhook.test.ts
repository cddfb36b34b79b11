// What Paddle says is taken only when its signature holds, stored before it is answered, and has one effect however often it comes.
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sign } from '../../../src/adapters/paddle/signature.ts'
import { streamName } from '../../../src/domain/decider.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { logOf } from '../../support/crash-data.ts'
import { SECRET } from '../../support/paddle.ts'
import { note, paddleId, send, type Sending } from '../../support/paddle-door.ts'

const OTHER = 'pdl_ntfset_01hv000000000000000000test_OLDsecretOLDsecretOLDsecret'
const LIVE = 'pdl_ntfset_01hv000000000000000000live_AbCdEfGhIjKlMnOpQrStUvWx'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp({
    PADDLE_WEBHOOK_SECRET: SECRET,
    PADDLE_WEBHOOK_SECRET_OTHER: OTHER,
    PADDLE_WEBHOOK_SECONDS: '300',
  })
}, 30_000)
afterAll(() => app.stop())

const aProduct = () => note('product.updated', { id: paddleId('pro') })

/** What was said, and how many events of Paddle were stored because of it. */
async function outcome(message: unknown, sending?: Sending) {
  const head = await app.app.engine.events.head()
  const reply = await send(app, message, sending)
  const stored = await logOf(app.app, head)
  const received = stored.filter(({ type }) => type === 'PaddleEventReceived').length
  return { status: reply.status, code: reply.body['code'] ?? null, received }
}
const taken = { status: 200, code: null, received: 1 }
const refused = { status: 401, code: 'signature_invalid', received: 0 }

describe('the signature', () => {
  test('S-40 that is missing or is none: 401, and nothing is stored', async () => {
    for (const signature of [null, '', 'h1=00', 'ts=1', 'ts=soon;h1=aa', 'ts=1;h1=aa', ';;'])
      expect(await outcome(aProduct(), { signature })).toEqual(refused)
    const { text } = await send(app, aProduct(), { signature: 'ts=1;h1=aa' })
    expect(text).not.toContain('ts')
  })

  test('S-41 is over the very bytes: one that changes, another order or character set, and it is none', async () => {
    const message = JSON.stringify({ ...aProduct(), name: 'Zoë' })
    const { signature } = signatureOf(message)
    expect(await outcome(message.replace('Zoë', 'Zoe'), { signature })).toEqual(refused)
    const indented = JSON.stringify(JSON.parse(message), null, 1)
    expect(await outcome(indented, { signature })).toEqual(refused)
    expect(await outcome(Buffer.from(message, 'latin1'), { signature })).toEqual(refused)
    expect(await outcome(`${message}\n`, { signature })).toEqual(refused)
    expect(await outcome(message, { signature })).toEqual(taken)
  })

  test('S-42 is fresh: 299 s old, 29 s ahead, and not more', async () => {
    for (const age of [0, 299, 300, -29, -30])
      expect(await outcome(aProduct(), { age })).toEqual(taken)
    for (const age of [301, -31, -315_576_000, 86_400])
      expect(await outcome(aProduct(), { age })).toEqual(refused)
  })

  test('S-43 is one of several while a secret is replaced', async () => {
    for (const secrets of [[SECRET, LIVE], [LIVE, SECRET], [OTHER], [OTHER, SECRET]])
      expect(await outcome(aProduct(), { secrets })).toEqual(taken)
    expect(await outcome(aProduct(), { secrets: [LIVE, `${LIVE}2`] })).toEqual(refused)
  })

  test('S-45 is of the same world: one of another secret is none', async () => {
    expect(await outcome(aProduct(), { secrets: [LIVE] })).toEqual(refused)
  })
})

const signatureOf = (message: string) => ({ signature: sign(message, [SECRET], app.clock.now()) })

describe('a notification', () => {
  test('S-44 a thousand times in parallel is one event', async () => {
    const message = aProduct()
    const head = await app.app.engine.events.head()
    const replies = await Promise.all(Array.from({ length: 1_000 }, () => send(app, message)))
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]))
    const stream = streamName('paddleEvent', message.event_id)
    await app.settled()
    const stored = await logOf(app.app, head)
    const types = stored.filter((one) => one.stream === stream).map(({ type }) => type)
    expect(types.filter((type) => type === 'PaddleEventReceived')).toHaveLength(1)
  })

  test('that comes again with another body is the first one', async () => {
    const message = aProduct()
    await send(app, message)
    const again = { ...message, notification_id: paddleId('ntf') }
    const forged = { ...message, data: { id: paddleId('pro') } }
    for (const other of [again, forged])
      expect(await outcome(other)).toEqual({ ...taken, received: 0 })
    const [first] = await app.app.deps.streams.read(streamName('paddleEvent', message.event_id))
    expect(first?.data['body']).toBe(JSON.stringify(message))
  })

  test('is kept as it came, sealed in the log', async () => {
    const customer = paddleId('ctm')
    const text = ` {"data":{"id":"${customer}","name":"Zoë 🚀 Quokka"},"event_id":"${paddleId('evt')}",
      "occurred_at":"2024-04-12T10:18:50Z","event_type":"customer.updated"}`
    expect(await outcome(text)).toEqual(taken)
    const { event_id: id } = JSON.parse(text) as { event_id: string }
    const [first] = await app.app.deps.streams.read(streamName('paddleEvent', id))
    expect(first?.data).toMatchObject({ body: text, subjectId: customer, entityId: customer })
    expect(first?.data['occurredAt']).toBe('2024-04-12T10:18:50.000000000Z')
    expect(JSON.stringify(first?.stored.data)).not.toContain('Quokka')
  })

  test('S-46 of a mebibyte, or packed, is refused before it is looked at', async () => {
    const large = { ...aProduct(), data: { id: paddleId('pro'), name: 'x'.repeat(1024 * 1024) } }
    expect(await outcome(large)).toMatchObject({ status: 413, received: 0 })
    const fields = Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [`f${n}`, n]))
    expect(await outcome({ ...aProduct(), ...fields })).toMatchObject({ status: 413, received: 0 })
    const packed = gzipSync(Buffer.alloc(10 * 1024 * 1024))
    const sending = { headers: { 'content-encoding': 'gzip' } }
    expect(await outcome(packed, sending)).toMatchObject({ status: 415, received: 0 })
    const headers = { 'content-type': 'text/plain' }
    expect(await outcome('x', { headers })).toMatchObject({ status: 415, received: 0 })
    const long = { ...aProduct(), data: { id: paddleId('pro'), name: 'x'.repeat(300 * 1024) } }
    expect(await outcome(long)).toMatchObject({ status: 413, code: 'event_too_large', received: 0 })
  })

  test('without an id is unreadable, and the answer names the field', async () => {
    for (const [text, field] of [
      ['', 'body'],
      ['not JSON', 'body'],
      ['[]', 'body'],
      [Buffer.from([0x7b, 0xff, 0x7d]), 'body'],
      ['\ufeff{}', 'body'],
      ['{}', 'event_id'],
      ['{"event_id":7}', 'event_id'],
      ['{"event_id":"a b"}', 'event_id'],
      ['['.repeat(100_000), 'body'],
    ] as const) {
      const reply = await send(app, text)
      expect({ status: reply.status, ...reply.body }).toMatchObject({
        status: 422,
        code: 'message_unreadable',
        facts: { field },
      })
    }
  })
})

test('where no secret is set nothing is received, and every try counts', async () => {
  const deaf = await startTestApp({}, {}, { limits: 'kept' })
  try {
    const reply = await send(deaf, aProduct())
    expect(reply).toMatchObject({ status: 404, body: { code: 'webhook_off' } })
    expect(reply.headers['ratelimit-policy']).toMatch(/q=3000;w=60/)
  } finally {
    await deaf.stop()
  }
})

test('S-47 what nobody here knows is stored and listed with its reason, and gives no credit', async () => {
  const transaction = {
    id: paddleId('txn'),
    status: 'completed',
    customer_id: paddleId('ctm'),
    currency_code: 'USD',
    items: [{ price: { id: 'pri_none' }, quantity: 1 }],
    details: {
      totals: { subtotal: '100', discount: '0', tax: '0', total: '100' },
      line_items: [],
    },
  }
  const totals = (total: unknown) => ({
    ...transaction,
    details: { ...transaction.details, totals: { ...transaction.details.totals, total } },
  })
  const cases = [
    [note('transaction.completed', transaction), 'parked', 'unknown_organization'],
    [note('transaction.teleported', transaction), 'ignored', 'type_not_used'],
    [note('transaction.completed', totals('1.5')), 'parked', 'unreadable'],
    [note('transaction.completed', totals(1.5)), 'parked', 'unreadable'],
    [note('transaction.completed', totals('-5')), 'parked', 'unreadable'],
    [note('transaction.completed', totals(`1${'0'.repeat(18)}`)), 'parked', 'unreadable'],
    [note('transaction.paid', { ...transaction, status: 'paid' }), 'ignored', 'not_completed'],
    [note('transaction.canceled', { ...transaction, status: 'canceled' }), 'ignored', 'no_effect'],
    [note('subscription.updated', { id: 'sub_1', status: 'inactive' }), 'parked', 'unreadable'],
    [note('customer.updated', { id: paddleId('ctm') }), 'ignored', 'type_not_used'],
    [{ event_id: paddleId('evt'), event_type: 'transaction.completed' }, 'parked', 'unreadable'],
    [{ event_id: paddleId('evt') }, 'parked', 'unreadable'],
  ] as const
  const head = await app.app.engine.events.head()
  for (const [message] of cases) expect((await send(app, message)).status).toBe(200)
  await app.settled()
  await app.app.workers.sweep()
  await app.settled()
  const ends = new Map((await logOf(app.app, head)).map((one) => [one.stream, one] as const))
  for (const [message, status, reason] of cases) {
    const end = ends.get(streamName('paddleEvent', message.event_id))
    const expected = {
      type: status === 'parked' ? 'PaddleEventParked' : 'PaddleEventIgnored',
      reason,
    }
    expect({ type: end?.type, reason: end?.data['reason'] }).toEqual(expected)
  }
  expect([...ends.values()].filter(({ type }) => /Credit|Payment/.test(type))).toEqual([])
})
