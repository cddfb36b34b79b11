// A stream brings the same text and the same answer as one document, can be resumed from any byte, and
// ends by the agent's policy when its reader leaves.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { openEvents, textOf } from '../../support/event-source.ts'
import { callOf, type Funded, fund, moneyOf, storyOf } from '../../support/funded.ts'
import { openable } from '../../support/upstream.ts'

let app: TestApp
let base: string
beforeAll(async () => {
  app = await startTestApp({ CORS_ORIGINS: 'https://shop.example' })
  base = await app.listen()
})
afterAll(() => app.stop())

const start = (who: Funded, body: object = {}, headers: Record<string, string> = {}) =>
  openEvents(`${base}/agents/${who.agentId}/invoke`, {
    method: 'POST',
    token: who.token,
    body: { input: 'Hello', stream: true, ...body },
    headers,
  })
const idFrom = (headers: Headers) => (headers.get('location') ?? '').split('/').at(-1) ?? ''
const ended = async (id: string) => {
  for (;;) {
    const call = await callOf(app, id)
    if (call.end) return call
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

describe('a stream', () => {
  test('brings deltas with the bytes sent so far, then the answer', async () => {
    const who = await fund(app)
    app.upstream.next({ text: ['Grüße, ', 'Welt 👋'] })
    const stream = await start(who, {}, { origin: 'https://shop.example' })
    expect(stream.status).toBe(200)
    expect(stream.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(stream.headers.get('x-accel-buffering')).toBe('no')
    expect(stream.headers.get('x-request-id')).toBeTruthy()
    expect(stream.headers.get('access-control-allow-origin')).toBe('https://shop.example')
    const events = await stream.rest()
    expect(textOf(events)).toBe('Grüße, Welt 👋')
    const done = events.at(-1)
    const bytes = Buffer.byteLength('Grüße, Welt 👋')
    expect(done).toMatchObject({
      id: `1.${bytes}`,
      event: 'done',
      data: { output: 'Grüße, Welt 👋', cost: { amount: '0.000014000' }, finish_reason: 'stop' },
    })
    expect(done?.data['position']).toMatch(/^\d+$/)
    expect(done?.data['invocation_id']).toBe(idFrom(stream.headers))
  })

  test('comes also where the client accepts nothing but events', async () => {
    const who = await fund(app)
    const stream = await start(who, { stream: undefined })
    expect((await stream.rest()).at(-1)?.event).toBe('done')
  })

  test('is a problem with its status where nothing was said before it failed', async () => {
    const who = await fund(app)
    app.upstream.next({ status: 401, error: { code: 'invalid_api_key' } })
    const stream = await start(who)
    expect(stream.status).toBe(502)
    expect(await stream.json()).toMatchObject({ code: 'provider_unavailable' })
  })

  test('ends with an error event where it broke off after its first word', async () => {
    const who = await fund(app)
    app.upstream.next({ text: ['One ', 'two'], after: 1, ending: 'cut' })
    const stream = await start(who)
    const events = await stream.rest()
    expect(textOf(events)).toBe('One ')
    expect(events.at(-1)).toMatchObject({
      event: 'error',
      data: { code: 'invocation_failed', facts: { reason: 'cut_off' } },
    })
    expect(await moneyOf(app, who.orgId)).toEqual({ balance: 1_000_000_000n, held: 0n })
  })

  test('of many pieces is whole for a reader that takes its time', async () => {
    const who = await fund(app)
    const text = Array.from({ length: 4_000 }, (_, i) => `piece ${i} ${'x'.repeat(300)} `)
    app.upstream.next({ text })
    const stream = await start(who)
    await stream.next()
    await new Promise((resolve) => setTimeout(resolve, 100))
    const rest = await stream.rest()
    expect(rest.at(-1)?.data['output']).toBe(text.join(''))
    expect(`${text[0]?.slice(0, 0)}${textOf(rest)}`.length).toBeGreaterThan(1_000_000)
  })
})

describe('following', () => {
  test('goes on after the last event that was seen, while the call runs', async () => {
    const who = await fund(app)
    const midGate = openable()
    app.upstream.next({ text: ['Anna ', 'und ', 'Ötzi'], after: 1, midGate })
    const stream = await start(who)
    const first = await stream.next()
    expect(first?.id).toBe('1.5')
    const id = idFrom(stream.headers)
    const follower = openEvents(`${base}/invocations/${id}/events`, {
      token: who.token,
      headers: { 'last-event-id': '1.2' },
    })
    midGate.open()
    const [mine, theirs] = await Promise.all([stream.rest(), follower.then((one) => one.rest())])
    expect(textOf(mine)).toBe('und Ötzi')
    expect(textOf(theirs)).toBe('na und Ötzi')
    expect(theirs.at(-1)?.data).toMatchObject({ output: 'Anna und Ötzi', invocation_id: id })
  })

  test('replays the same text after the end, from any byte', async () => {
    const who = await fund(app)
    app.upstream.next({ text: ['Straße ', 'zu Ende'] })
    const stream = await start(who)
    const events = await stream.rest()
    const id = idFrom(stream.headers)
    const from = async (headers: Record<string, string>) =>
      (await openEvents(`${base}/invocations/${id}/events`, { token: who.token, headers })).rest()
    const whole = await from({})
    expect(textOf(whole)).toBe('Straße zu Ende')
    const { position: _position, ...done } = events.at(-1)?.data ?? {}
    expect(whole.at(-1)?.data).toMatchObject(done)
    expect(textOf(await from({ 'last-event-id': '1.8' }))).toBe('zu Ende')
    expect(textOf(await from({ 'last-event-id': '1.15' }))).toBe('')
    const bad = await openEvents(`${base}/invocations/${id}/events`, {
      token: who.token,
      headers: { 'last-event-id': 'nonsense' },
    })
    expect(bad.status).toBe(400)
  })
})

describe('a reader that leaves', () => {
  const leave = async (abortPolicy: 'drain' | 'cancel_estimate' | 'cancel_free') => {
    const who = await fund(app, { agent: { abortPolicy } })
    const midGate = openable()
    const index = app.upstream.requests.length
    app.upstream.next({ text: ['One ', 'two ', 'three'], after: 2, midGate })
    const stream = await start(who)
    await stream.next()
    const id = idFrom(stream.headers)
    stream.leave()
    return { who, midGate, id, upstream: () => app.upstream.request(index) }
  }
  const wanted = async (id: string) => {
    while (!(await storyOf(app, `invocation-${id}`)).includes('InvocationCancelRequested'))
      await new Promise((resolve) => setTimeout(resolve, 5))
  }

  test('drain: the answer is read to its end and charged', async () => {
    const { who, midGate, id } = await leave('drain')
    await wanted(id)
    midGate.open()
    expect((await ended(id)).end).toMatchObject({
      type: 'InvocationCompleted',
      data: { usage: { basis: 'reported' } },
    })
    const replay = await openEvents(`${base}/invocations/${id}/events`, { token: who.token })
    expect(textOf(await replay.rest())).toBe('One two three')
    expect((await moneyOf(app, who.orgId)).balance).toBe(1_000_000_000n - 16_000n)
  })

  test('cancel_estimate: the provider is hung up on, what arrived is charged', async () => {
    const { who, id, upstream } = await leave('cancel_estimate')
    expect(await upstream().closed).toBe('aborted')
    const { end } = await ended(id)
    expect(end).toMatchObject({
      type: 'InvocationCanceled',
      data: { usage: { basis: 'estimated' } },
    })
    const replay = await openEvents(`${base}/invocations/${id}/events`, { token: who.token })
    const { data } = (await replay.rest()).at(-1) ?? {}
    expect(data).toMatchObject({ finish_reason: 'canceled', output: 'One two ' })
    const { balance, held } = await moneyOf(app, who.orgId)
    expect(held).toBe(0n)
    expect(balance).toBeLessThan(1_000_000_000n)
  })

  test('cancel_free: the provider is hung up on, nothing is charged', async () => {
    const { who, id, upstream } = await leave('cancel_free')
    expect(await upstream().closed).toBe('aborted')
    expect((await ended(id)).end?.type).toBe('InvocationCanceled')
    const replay = await openEvents(`${base}/invocations/${id}/events`, { token: who.token })
    expect((await replay.rest()).at(-1)?.data).toMatchObject({ cost: { amount: '0.000000000' } })
    expect(await moneyOf(app, who.orgId)).toEqual({ balance: 1_000_000_000n, held: 0n })
  })

  test('changes nothing while another waits for the same call', async () => {
    const who = await fund(app, { agent: { abortPolicy: 'cancel_free' } })
    const midGate = openable()
    const calls = app.upstream.requests.length
    app.upstream.next({ text: ['One ', 'two'], after: 1, midGate })
    const headers = { 'idempotency-key': 'shared' }
    const first = await start(who, {}, headers)
    await first.next()
    const second = await start(who, {}, headers)
    expect((await second.next())?.data).toEqual({ text: 'One ' })
    const id = idFrom(first.headers)
    const third = await openEvents(`${base}/invocations/${id}/events`, { token: who.token })
    await third.next()
    first.leave()
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(await storyOf(app, `invocation-${id}`)).toHaveLength(2)
    second.leave()
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(await storyOf(app, `invocation-${id}`)).toHaveLength(2)
    third.leave()
    expect(await app.upstream.request(calls).closed).toBe('aborted')
    expect((await ended(id)).end?.type).toBe('InvocationCanceled')
    expect(app.upstream.requests.length).toBe(calls + 1)
  })
})
