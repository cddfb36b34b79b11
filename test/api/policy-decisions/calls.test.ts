// A call takes its limits and its place exactly once, gives back what it did not need, and its acceptance says by which rules it was let in.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../../../src/commands/context.ts'
import { admit } from '../../../src/commands/invocation/admit.ts'
import { CLOCKS_APART_MS, decideCall } from '../../../src/commands/invocation/flow.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { callOf, type Funded, fund, invoke, storyOf } from '../../support/funded.ts'
import { eventually } from '../../support/people.ts'
import { addLimit, addPolicy } from '../../support/policies.ts'
import { operatorRoot } from '../../support/seed.ts'
import { openable } from '../../support/upstream.ts'

const CALL_LIMIT = 120
let app: TestApp
beforeAll(async () => {
  app = await startTestApp({ CALL_LIMIT: String(CALL_LIMIT) })
})
afterAll(() => app.stop())

const later = (who: Funded, key?: string) =>
  invoke(app, who, {}, { headers: { prefer: 'respond-async' }, ...(key ? { key } : {}) })
const until = (what: string, isSo: () => Promise<boolean>) =>
  eventually(async () => ((await isSo()) ? true : undefined)).catch(() => {
    throw new Error(`${what} did not happen`)
  })
const ends = (id: string) =>
  until('the end of the call', async () => (await callOf(app, id)).end !== undefined)
const status = async (reply: Promise<{ status: number }>) => (await reply).status

/** As a process leaves a call that dies between its acceptance and anything else. */
async function acceptedAndForgotten({ userId, orgId, agentId }: Funded): Promise<string> {
  const { deps } = app.app
  const root = operatorRoot(deps)
  const id = newId(deps.ids, root, 'invocation')
  const { accepted, spend } = await admit(deps, { userId, orgId }, root, id, {
    agentId,
    input: 'Hello',
  })
  spend.end(0n)
  await decideCall(deps, root, 'accept', id, { type: 'AcceptInvocation', accepted })
  return id
}

describe('of parallel calls', () => {
  test('exactly as many as the limit are admitted', async () => {
    const who = await fund(app)
    await addLimit(app, who.orgId, { limit: 5 })
    const replies = await Promise.all(Array.from({ length: 8 }, () => status(invoke(app, who))))
    expect(replies.toSorted((a, b) => a - b)).toEqual([200, 200, 200, 200, 200, 429, 429, 429])
    const story = await storyOf(app, `account-${who.orgId}`)
    expect(story.filter((type) => type === 'HoldPlaced')).toHaveLength(5)
  })
})

describe('a call that is refused', () => {
  test('for want of credit has taken nothing', async () => {
    const who = await fund(app, { creditNanos: 0n })
    await addLimit(app, who.orgId, { limit: 1 })
    await addLimit(app, who.orgId, { limit: 1, measure: 'concurrency' })
    for (let n = 0; n < 3; n++) expect((await invoke(app, who)).status).toBe(402)
  })
  test('by a hard budget has taken nothing', async () => {
    const who = await fund(app)
    await addLimit(app, who.orgId, { limit: 1 })
    await addPolicy(app, who.orgId, {
      kind: 'budget',
      name: 'next to nothing',
      amountNanos: '1',
      period: 'day',
      per: 'organization',
      hard: true,
    })
    for (let n = 0; n < 3; n++) expect((await invoke(app, who)).body.code).toBe('budget_exceeded')
  })
  test('by a policy is told by which', async () => {
    const who = await fund(app)
    await addPolicy(app, who.orgId, {
      kind: 'resource_access',
      name: 'not this agent',
      effect: 'deny',
      agents: [who.agentId],
    })
    const { status: code, body } = await invoke(app, who)
    expect(code).toBe(403)
    expect(body).toMatchObject({ code: 'policy_denied', facts: { rule: 'not this agent' } })
  })
  test('by the plan, which has other agents', async () => {
    const who = await fund(app, { plan: { limits: { invocationsPerMinute: 1 } } })
    expect((await invoke(app, who)).status).toBe(200)
    const refused = await invoke(app, who)
    expect(refused.body).toMatchObject({ code: 'rate_limited', facts: { rule: 'plan' } })
  })
})

describe('a call that is known by its key', () => {
  test('takes nothing again', async () => {
    const who = await fund(app)
    await addLimit(app, who.orgId, { limit: 1 })
    const first = await invoke(app, who, {}, { key: 'the-same' })
    const again = await invoke(app, who, {}, { key: 'the-same' })
    expect([first.status, again.status]).toEqual([200, 200])
    expect(again.body.invocation_id).toBe(first.body.invocation_id)
    expect((await invoke(app, who, {}, { key: 'another' })).status).toBe(429)
  })
})

describe('its place', () => {
  test('comes free when it has ended, however it ends', async () => {
    const who = await fund(app)
    await addLimit(app, who.orgId, { limit: 1, measure: 'concurrency' })
    expect((await invoke(app, who)).status).toBe(200)
    app.upstream.next({ status: 400, error: { code: 'invalid_request_error' } })
    expect((await invoke(app, who)).status).toBe(502)
    const gate = openable()
    app.upstream.next({ gate })
    const reply = await later(who)
    expect((await invoke(app, who)).status).toBe(429)
    const id = reply.body.invocation_id
    await app.request(`POST /invocations/${id}/cancel`, { token: who.token })
    gate.open()
    await ends(id)
    await until('a free place', async () => (await invoke(app, who)).status === 200)
  })
  test('of one whose process died comes free when a sweep ends it', async () => {
    const who = await fund(app)
    await addLimit(app, who.orgId, { limit: 1, measure: 'concurrency' })
    const id = await acceptedAndForgotten(who)
    expect((await invoke(app, who)).status).toBe(429)
    // Past its time by every clock; alone, before its lease would end by itself.
    const apart = app.app.engine.singleProcess ? 5_000 : CLOCKS_APART_MS
    app.clock.advance(CALL_LIMIT * 1_000 + apart)
    await app.settled()
    await app.app.workers.sweep()
    await ends(id)
    await until('a free place', async () => (await invoke(app, who)).status === 200)
  })
})

describe('its tokens', () => {
  test('are the expected ones at first, and the reported ones afterwards', async () => {
    const who = await fund(app, { agent: { maxTokens: 500 } })
    await addLimit(app, who.orgId, { limit: 1_000, measure: 'tokens', name: 'tokens' })
    const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 }
    for (let n = 0; n < 10; n++) {
      app.upstream.next({ usage })
      expect((await invoke(app, who)).status).toBe(200)
    }
    const checked = await app.request<{ limits: { rule: string; remaining: number }[] }>(
      'POST /policies/check',
      { token: who.token, body: { action: 'invoke', agent_id: who.agentId } },
    )
    const tokens = checked.body.limits.find(({ rule }) => rule === 'tokens')
    expect(tokens?.remaining).toBe(1_000 - 10 * 15)
  })
})

test('its acceptance says by which rules it was let in and what it took', async () => {
  const who = await fund(app)
  const policyId = await addLimit(app, who.orgId, { limit: 7, measure: 'concurrency' })
  const budgetId = await addPolicy(app, who.orgId, {
    kind: 'budget',
    name: 'a budget',
    amountNanos: '900000000',
    period: 'month',
    per: 'user',
    hard: true,
  })
  const { body } = await invoke(app, who)
  const { accepted } = await callOf(app, body.invocation_id)
  expect(accepted?.decision).toEqual({
    rulings: [
      { policyId, version: 1, rule: 'a limit of the test', reason: '7 at once per organization' },
      { policyId: budgetId, version: 1, rule: 'a budget', reason: 'a budget per user and month' },
    ],
    taken: [
      {
        key: `${policyId}/organization/${who.orgId}`,
        measure: 'concurrency',
        limit: 7,
        windowMs: CALL_LIMIT * 1_000 + 60_000,
        units: 1,
      },
    ],
  })
})
