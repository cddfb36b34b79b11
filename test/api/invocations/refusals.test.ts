// What must not be called is refused with what to do, before anything is held or sent to a provider.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { agent } from '../../../src/domain/agent/agent.ts'
import { step } from '../../../src/commands/context.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import {
  fund,
  type FundedOptions,
  invoke,
  moneyOf,
  publishAgent,
  storyOf,
  version,
} from '../../support/funded.ts'
import { operatorRoot, publishModel, signIn, signInMember } from '../../support/seed.ts'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.stop())

async function refused(options: FundedOptions, body: object = {}) {
  const who = await fund(app, options)
  const calls = app.upstream.requests.length
  const reply = await invoke(app, who, { ...body })
  expect(app.upstream.requests.length).toBe(calls)
  expect(await storyOf(app, `account-${who.orgId}`)).not.toContain('HoldPlaced')
  return reply
}

describe('422', () => {
  test('names the missing input', async () => {
    for (const input of [undefined, '']) {
      const reply = await refused({}, { input })
      expect([reply.status, reply.body.code]).toEqual([422, 'input_required'])
    }
  })
  test('names what is wrong with the variables', async () => {
    const variables = [{ name: 'topic', required: true, maxLength: 3 }]
    const agentOf = { variables, promptTemplate: '{{input}} {{topic}}' }
    const reply = await refused({ agent: agentOf }, { variables: { topic: 'long', odd: 'x' } })
    expect([reply.status, reply.body.code]).toEqual([422, 'variables_invalid'])
    expect(reply.body.facts).toMatchObject({ unknown: ['odd'] })
  })
  test('no price, no call', async () => {
    const who = await fund(app)
    const agentId = await publishAgent(app, who.orgId, version({ modelName: 'gpt-unpriced' }))
    const unknown = await invoke(app, { ...who, agentId })
    expect([unknown.status, unknown.body.code]).toEqual([404, 'model_not_found'])
    await publishModel(app, { name: 'gpt-unpriced' })
    const unpriced = await invoke(app, { ...who, agentId })
    expect([unpriced.status, unpriced.body.code]).toEqual([422, 'price_missing'])
  })
  test('a prompt that cannot fit is not sent', async () => {
    const models = [{ name: 'test-model', contextSize: 150 }]
    const reply = await refused({ models }, { input: 'word '.repeat(100) })
    expect([reply.status, reply.body.code]).toEqual([422, 'context_exceeded'])
  })
})

describe('402', () => {
  test('says what is needed, available and held', async () => {
    const reply = await refused({ creditNanos: 1_000n })
    expect(reply.status).toBe(402)
    expect(reply.body).toMatchObject({
      code: 'insufficient_credit',
      facts: {
        needed: { currency: 'USD' },
        available: { amount: '0.000001000' },
        held: { amount: '0.000000000' },
        helps_to_wait: false,
      },
    })
  })
})

describe('404', () => {
  test('an unknown, another’s and an inactive agent', async () => {
    const [who, other] = [await fund(app), await fund(app)]
    const unknown = { ...who, agentId: 'agt_00000000000000000000000000' }
    expect((await invoke(app, unknown)).body.code).toBe('agent_not_found')
    expect((await invoke(app, { ...who, agentId: other.agentId })).body.code).toBe(
      'agent_not_found',
    )
    const { deps } = app.app
    const off = { type: 'DeactivateAgent' } as const
    await deps.streams.transact(agent, who.agentId, off, step(deps.ids, operatorRoot(deps), 'off'))
    expect((await invoke(app, who)).body.code).toBe('agent_inactive')
    expect((await invoke(app, other, { label: 'nightly' })).body.code).toBe('label_not_found')
  })
})

describe('403', () => {
  test('an auditor reads and never invokes', async () => {
    const who = await fund(app)
    const auditor = await signInMember(app, who.orgId, 'auditor')
    const reply = await app.request(`POST /agents/${who.agentId}/invoke`, {
      token: auditor.token,
      org: who.orgId,
      body: { input: 'Hello' },
    })
    expect(reply.status).toBe(403)
  })
  test('a plan that does not have the platform’s agent', async () => {
    const who = await fund(app, { plan: { agents: [] } })
    expect((await invoke(app, who)).status).toBe(200)
    const agentId = await publishAgent(app, 'platform', version())
    const reply = await invoke(app, { ...who, agentId })
    expect([reply.status, reply.body.code]).toEqual([403, 'forbidden'])
  })
})

describe('409', () => {
  test('without a plan there are no prices', async () => {
    const [who, other] = [await fund(app), await signIn(app)]
    const agentId = await publishAgent(app, other.orgId, version())
    const reply = await invoke(app, { ...who, ...other, agentId })
    expect([reply.status, reply.body.code]).toEqual([409, 'not_subscribed'])
  })
})

describe('400', () => {
  test('unknown fields and wrong types name their path', async () => {
    const who = await fund(app)
    const reply = await invoke(app, who, { temperature: 1, stream: 'yes', metadata: { a: 1 } })
    expect(reply.status).toBe(400)
    expect(reply.text).toContain('body.stream')
    expect(await moneyOf(app, who.orgId)).toEqual({ balance: 1_000_000_000n, held: 0n })
  })
})
