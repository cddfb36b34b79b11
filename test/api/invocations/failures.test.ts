// Whatever a provider does, the caller gets one clear answer without the seller's affairs, and pays
// nothing for what was not delivered.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { callOf, fund, invoke, moneyOf, storyOf } from '../../support/funded.ts'
import type { Behaviour } from '../../support/upstream.ts'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.stop())

const whole = { balance: 1_000_000_000n, held: 0n }

describe('a provider that', () => {
  const cases: [string, Behaviour, { status: number; code: string; reason: string }][] = [
    [
      'refuses our key',
      { status: 401, error: { code: 'invalid_api_key', message: 'key sk-secret is wrong' } },
      { status: 502, code: 'provider_unavailable', reason: 'provider_unavailable' },
    ],
    [
      'says that our quota is used up',
      { status: 429, error: { code: 'insufficient_quota', message: 'your plan and billing' } },
      { status: 502, code: 'provider_unavailable', reason: 'provider_unavailable' },
    ],
    [
      'does not know the model',
      { status: 404, error: { code: 'model_not_found' } },
      { status: 502, code: 'provider_unavailable', reason: 'provider_unavailable' },
    ],
    [
      'refuses a parameter',
      { refuses: 'temperature' },
      { status: 502, code: 'provider_refused', reason: 'provider_refused' },
    ],
    [
      'finds the prompt too long',
      { status: 400, error: { code: 'context_length_exceeded' } },
      { status: 422, code: 'context_exceeded', reason: 'context_exceeded' },
    ],
    [
      'filters the answer',
      { status: 400, error: { code: 'content_filter' } },
      { status: 502, code: 'provider_refused', reason: 'content_filtered' },
    ],
    [
      'answers nonsense',
      { raw: '<html>It works!</html>' },
      { status: 502, code: 'invocation_failed', reason: 'nonsense' },
    ],
    [
      'cuts the stream',
      { text: ['One ', 'two'], after: 1, ending: 'cut' },
      { status: 502, code: 'invocation_failed', reason: 'cut_off' },
    ],
    [
      'tears the socket in the middle',
      { text: ['One ', 'two'], after: 1, ending: 'reset' },
      { status: 502, code: 'invocation_failed', reason: 'cut_off' },
    ],
    [
      'sends an error in the stream',
      { text: ['One ', 'two'], after: 1, ending: 'error' },
      { status: 502, code: 'provider_unavailable', reason: 'provider_unavailable' },
    ],
  ]
  test.each(cases)('%s', async (_name, behaviour, { status, code, reason }) => {
    const who = await fund(app, { agent: { temperature: 0.5 } })
    const calls = app.upstream.requests.length
    app.upstream.next(behaviour)
    const reply = await invoke(app, who)
    expect({ status: reply.status, code: reply.body.code }).toEqual({ status, code })
    expect(reply.body.facts).toMatchObject({ reason })
    expect(reply.text).not.toMatch(/sk-|quota|billing|api_key/i)
    // Something may have been charged to the seller: it is never asked again.
    expect(app.upstream.requests.length).toBe(calls + 1)
    expect(await moneyOf(app, who.orgId)).toEqual(whole)
    const shown = await app.request(
      `GET /invocations/${String(reply.body.facts?.['invocation_id'])}`,
      {
        token: who.token,
      },
    )
    expect(shown.body).toMatchObject({ status: 'failed', reason })
    expect(shown.text).not.toMatch(/quota|refused_key|invalid_api_key/)
  })

  test('is busy twice is asked three times, each an event, and charged once', async () => {
    const who = await fund(app)
    app.upstream.next({ status: 503 }, { before: 'reset' }, { text: 'Third.' })
    const reply = await invoke(app, who)
    expect(reply.body.output).toBe('Third.')
    expect(await storyOf(app, `invocation-${reply.body.invocation_id}`)).toEqual([
      'InvocationAccepted',
      'InvocationStarted',
      'InvocationAttemptFailed',
      'InvocationStarted',
      'InvocationAttemptFailed',
      'InvocationStarted',
      'InvocationCompleted',
    ])
    expect(await moneyOf(app, who.orgId)).toEqual({ balance: 999_988_000n, held: 0n })
  })

  test('is busy a third time fails the call', async () => {
    const who = await fund(app)
    const calls = app.upstream.requests.length
    app.upstream.next({ status: 503 }, { status: 503 }, { status: 503 })
    const reply = await invoke(app, who)
    expect(reply.status).toBe(502)
    expect(app.upstream.requests.length).toBe(calls + 3)
    expect(await moneyOf(app, who.orgId)).toEqual(whole)
  })

  test('asks for a long rest is left alone', async () => {
    const who = await fund(app)
    const calls = app.upstream.requests.length
    app.upstream.next({ status: 429, headers: { 'retry-after': '60' } })
    expect((await invoke(app, who)).status).toBe(502)
    expect(app.upstream.requests.length).toBe(calls + 1)
  })
})

describe('fallbacks', () => {
  const models = [{ name: 'test-model' }, { name: 'second-model' }]
  test('answer before the first word, at the price of the model that answered', async () => {
    const who = await fund(app, { models, agent: { fallbacks: ['second-model'] } })
    const calls = app.upstream.requests.length
    app.upstream.next({ status: 404, error: { code: 'model_not_found' } }, { text: 'Second.' })
    const reply = await invoke(app, who)
    expect(reply.body.output).toBe('Second.')
    expect(app.upstream.request(calls + 1).body['model']).toBe('second-model')
    expect((await callOf(app, reply.body.invocation_id)).end?.data.of?.model).toBe('second-model')
  })

  test('never answer after it', async () => {
    const who = await fund(app, { models, agent: { fallbacks: ['second-model'] } })
    const calls = app.upstream.requests.length
    app.upstream.next({ text: ['One ', 'two'], after: 1, ending: 'reset' })
    expect((await invoke(app, who)).status).toBe(502)
    expect(app.upstream.requests.length).toBe(calls + 1)
  })
})

describe('usage', () => {
  test('that the provider keeps to itself is counted', async () => {
    const who = await fund(app)
    app.upstream.next({ text: ['Hello ', 'there'], usage: null })
    const reply = await invoke(app, who)
    expect(reply.body.usage).toMatchObject({ basis: 'counted', output: 2 })
    expect((await moneyOf(app, who.orgId)).balance).toBeLessThan(1_000_000_000n)
  })

  test('of a model that nobody can count for is estimated', async () => {
    const who = await fund(app, { models: [{ name: 'test-model', encoding: 'bytes' }] })
    app.upstream.next({ text: ['Hello ', 'there'], usage: null })
    expect((await invoke(app, who)).body.usage).toMatchObject({ basis: 'estimated', output: 3 })
  })

  test('above the hold is the seller’s loss', async () => {
    const who = await fund(app, { agent: { maxTokens: 1 } })
    app.upstream.next({
      text: 'Far too long.',
      usage: { prompt_tokens: 10, completion_tokens: 5_000, total_tokens: 5_010 },
    })
    const reply = await invoke(app, who)
    const { accepted, end } = await callOf(app, reply.body.invocation_id)
    const hold = BigInt(accepted?.holdNanos ?? '0')
    expect(end?.data.settlement).toMatchObject({
      kind: 'settle',
      priceNanos: '10010000',
      chargeNanos: hold.toString(),
      uncollectedNanos: (10_010_000n - hold).toString(),
    })
    expect(await moneyOf(app, who.orgId)).toEqual({ balance: 1_000_000_000n - hold, held: 0n })
  })

  test('of an answer that broke off is charged where the agent says so', async () => {
    const who = await fund(app, { agent: { onProviderFailure: 'charge_delivered' } })
    app.upstream.next({ text: ['One ', 'two'], after: 1, ending: 'cut' })
    expect((await invoke(app, who)).status).toBe(502)
    const { balance, held } = await moneyOf(app, who.orgId)
    expect(balance).toBeLessThan(1_000_000_000n)
    expect(held).toBe(0n)
  })
})

describe('parameters', () => {
  test('are only those that the model takes, the installation’s where the agent sets none', async () => {
    const who = await fund(app, {
      models: [
        {
          name: 'test-model',
          parameters: { maxTokens: 'max_tokens', temperature: false },
          maxOutput: 50,
        },
      ],
      agent: { temperature: 1.5, maxTokens: 80 },
    })
    const calls = app.upstream.requests.length
    await invoke(app, who, { user: 'customer 7' })
    const { body } = app.upstream.request(calls)
    expect(body).toMatchObject({ model: 'test-model', max_tokens: 50, stream: true })
    expect(body).not.toHaveProperty('temperature')
    expect(body).not.toHaveProperty('max_completion_tokens')
    expect(JSON.stringify(body)).not.toContain('customer 7')
    expect(body['messages']).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hello' },
    ])
  })
})
