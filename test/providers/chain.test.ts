// Where a model gives no answer the next one of the chain is asked, each attempt an event, before the first
// byte of an answer and within the call's time; what was refused for what it says goes nowhere else.
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { invokeAgent } from '../../src/commands/invocation/invoke-agent.ts'
import type { AttemptFailure } from '../../src/domain/invocation/events.ts'
import type { ModelInput } from '../../src/domain/model/events.ts'
import { startTestApp, type TestApp } from '../support/app.ts'
import { openEvents } from '../support/event-source.ts'
import { callOf, fund, type Funded, invoke, moneyOf, prices, storyOf } from '../support/funded.ts'
import { openai, openrouter, vllm } from '../support/providers/kinds.ts'
import {
  type ProviderReply,
  type ProviderServer,
  startProvider,
} from '../support/providers/server.ts'
import { operatorRoot } from '../support/seed.ts'

const SECOND = ['From ', 'the ', 'second.']
let app: TestApp
let first: ProviderServer
let second: ProviderServer
let closedPort: number
beforeAll(async () => {
  first = await startProvider(openai)
  second = await startProvider(vllm)
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  closedPort = (taken.address() as AddressInfo).port
  await new Promise((resolve) => taken.close(resolve))
  app = await startTestApp({
    PROVIDER_URL_FIRST: `${first.origin}/v1`,
    PROVIDER_KEY_FIRST: openai.key,
    PROVIDER_URL_SECOND: `${second.origin}/v1`,
    PROVIDER_KEY_SECOND: vllm.key,
    PROVIDER_URL_GONE: `http://127.0.0.1:${closedPort}/v1`,
  })
})
afterAll(async () => {
  await app.stop()
  await first.close()
  await second.close()
})
let asked: number
beforeEach(() => {
  asked = second.requests.length
  first.decide(() => Promise.resolve(undefined))
  second.decide(({ body }) => Promise.resolve(vllm.answer(SECOND, body)))
})

/** Two models at two providers; every test has a pair of its own, so that no rest binds another test. */
let pairs = 0
function customer(change: Partial<ModelInput> = {}): Promise<Funded> {
  const n = ++pairs
  const [one, two] = [`first-${n}`, `second-${n}`]
  return fund(app, {
    models: [
      { name: one, keyRef: 'FIRST', ...change },
      { name: two, keyRef: 'SECOND', providerModel: 'llama' },
    ],
    agent: { modelName: one, fallbacks: [two] },
    price: prices(1_000_000_000n, 2_000_000_000n),
  })
}
const answering = (reply: ProviderReply) => first.decide(() => Promise.resolve(reply))
const silence = () => first.decide(() => new Promise(() => undefined))
const attempts = async (invocationId: string) => {
  const events = await app.app.deps.streams.read(`invocation-${invocationId}`)
  return events.filter(({ type }) => type === 'InvocationAttemptFailed').map(({ data }) => data)
}

async function goesOn(who: Funded, reason: AttemptFailure): Promise<void> {
  const reply = await invoke(app, who)
  expect(reply.body.output).toBe(SECOND.join(''))
  const id = reply.body.invocation_id
  expect(await storyOf(app, `invocation-${id}`)).toEqual([
    'InvocationAccepted',
    'InvocationStarted',
    'InvocationAttemptFailed',
    'InvocationStarted',
    'InvocationCompleted',
  ])
  expect(await attempts(id)).toMatchObject([{ reason, firstByte: false, attempt: 1 }])
  expect((await callOf(app, id)).end?.data).toMatchObject({ of: { model: `second-${pairs}` } })
}

async function endsThere(who: Funded, reason: AttemptFailure): Promise<void> {
  const reply = await invoke(app, who)
  expect(reply.status).toBeGreaterThanOrEqual(422)
  expect(await attempts(String(reply.body.facts?.['invocation_id']))).toMatchObject([{ reason }])
  expect(second.requests.length).toBe(asked)
  expect(await moneyOf(app, who.orgId)).toEqual({ balance: 1_000_000_000n, held: 0n })
}

const ENDS: readonly AttemptFailure[] = ['context_exceeded', 'content_filtered', 'refused_request']
const known = [openai, openrouter].flatMap(({ name, failures }) =>
  failures.map(({ what, reason, reply }) => ({ what: `${name}: ${what}`, reason, reply })),
)
const on = known.filter(({ reason }) => !ENDS.includes(reason))
const ends = known.filter(({ reason }) => ENDS.includes(reason))

describe('the next model is asked where the first', () => {
  test.each(on)('says $what ($reason)', async ({ reason, reply }) => {
    const who = await customer()
    answering(reply('x'))
    await goesOn(who, reason)
  })

  test('cannot be reached', async () => goesOn(await customer({ keyRef: 'GONE' }), 'unreachable'))

  test('has a key that is not set here: nothing is sent', async () => {
    const before = first.requests.length
    await goesOn(await customer({ keyRef: 'NOWHERE' }), 'refused_key')
    expect(first.requests.length).toBe(before)
  })

  test('keeps silent', async () => {
    const who = await customer({ timeouts: { firstByteMs: 150 } })
    silence()
    await goesOn(who, 'timeout')
  })

  test('sends comments and nothing else', async () => {
    const who = await customer({ timeouts: { firstByteMs: 150, betweenChunksMs: 60_000 } })
    const gone = new AbortController()
    const comments = async function* () {
      while (!gone.signal.aborted) {
        yield ': OPENROUTER PROCESSING\n\n'
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
    first.decide(() => Promise.resolve({ pieces: comments() }))
    await goesOn(who, 'timeout')
    gone.abort()
  })

  test('is not done in its time', async () => {
    const who = await customer({ timeouts: { totalMs: 150 } })
    silence()
    await goesOn(who, 'timeout')
  })

  test('ends before its first word', async () => {
    const who = await customer()
    answering({ pieces: [': a comment\n\n', 'data: {"choices":[]}\n\n'] })
    await goesOn(who, 'cut_off')
  })

  test('answers with a page', async () => {
    const who = await customer()
    answering({ pieces: ['<html>It works!</html>'] })
    await goesOn(who, 'nonsense')
  })
})

describe('nobody else is asked where the first', () => {
  test.each(ends)('says $what ($reason)', async ({ reason, reply }) => {
    const who = await customer()
    answering(reply('x'))
    await endsThere(who, reason)
  })

  test('refuses a parameter', async () => {
    const who = await customer()
    const error = { message: 'x', type: 'invalid_request_error', code: 'unsupported_parameter' }
    answering({ status: 400, pieces: [JSON.stringify({ error })] })
    await endsThere(who, 'refused_request')
  })

  test('has said a word, whatever came then', async () => {
    const who = await customer()
    const { pieces } = openai.answer(['One ', 'two'], {})
    answering({ pieces: (await Array.fromAsync(pieces)).slice(0, 2) })
    await endsThere(who, 'cut_off')
    const stream = await openEvents(`${await app.listen()}/agents/${who.agentId}/invoke`, {
      method: 'POST',
      token: who.token,
      body: { input: 'Hello', stream: true },
    })
    const events = await stream.rest()
    expect(events.map(({ event }) => event)).toEqual(['delta', 'error'])
    expect(second.requests.length).toBe(asked)
  })
})

test('three attempts in all: the last model again, where it did not take the call', async () => {
  const who = await customer()
  answering({ status: 503, pieces: ['{}'] })
  second.decide(() => Promise.resolve({ status: 503, pieces: ['{}'] }))
  const reply = await invoke(app, who)
  expect(reply.body).toMatchObject({ code: 'provider_unavailable' })
  const models = (await attempts(String(reply.body.facts?.['invocation_id']))).map(
    ({ model }) => model,
  )
  expect(models).toEqual([`first-${pairs}`, `second-${pairs}`, `second-${pairs}`])
})

test('the whole chain ends with the time of the call', async () => {
  const who = await customer()
  silence()
  second.decide(() => new Promise(() => undefined))
  const { settings } = app.app.deps
  // Fifteen seconds of it are kept for writing down the end; a silent model gets a quarter.
  const deps = { ...app.app.deps, settings: { ...settings, callLimitMs: 16_000 } }
  const actor = { kind: 'user', locale: 'en', administrator: false, role: 'owner', ...who } as const
  const from = performance.now()
  const { ended } = await invokeAgent(
    deps,
    actor,
    { ...operatorRoot(deps), orgId: who.orgId },
    { agentId: who.agentId, input: 'Hello' },
    { respond: 'wait', signal: new AbortController().signal },
  )
  const call = (await ended)?.invocation
  expect(call?.end).toMatchObject({ type: 'InvocationFailed', data: { reason: 'timeout' } })
  expect(performance.now() - from).toBeLessThan(4_000)
  expect(await moneyOf(app, who.orgId)).toEqual({ balance: 1_000_000_000n, held: 0n })
})

test('who asked for a long rest holds up no fallback', async () => {
  const who = await customer()
  answering({ status: 429, headers: { 'retry-after': '60' }, pieces: ['{}'] })
  const from = performance.now()
  await goesOn(who, 'rate_limited')
  // And is not asked by the next call of the same organization.
  const before = first.requests.length
  await goesOn(who, 'rate_limited')
  expect(first.requests.length).toBe(before)
  expect(performance.now() - from).toBeLessThan(5_000)
})
