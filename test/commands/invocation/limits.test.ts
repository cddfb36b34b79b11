// A call ends within CALL_LIMIT whatever the provider does, and a stop of the server lets it end first.
import { afterEach, describe, expect, test } from 'vitest'
import type { UserActor } from '../../../src/commands/access.ts'
import type { Deps } from '../../../src/commands/deps.ts'
import { problemOf } from '../../../src/commands/invocation/ended-call.ts'
import { invokeAgent } from '../../../src/commands/invocation/invoke-agent.ts'
import { createRunningCalls } from '../../../src/commands/invocation/running-calls.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { expectCallsWhole } from '../../support/call-invariants.ts'
import { callOf, type Funded, fund, invoke, moneyOf } from '../../support/funded.ts'
import { operatorRoot } from '../../support/seed.ts'
import { type Behaviour, openable } from '../../support/upstream.ts'

let app: TestApp
afterEach(() => app.stop())

const actorOf = (who: Funded): UserActor => ({
  kind: 'user',
  userId: who.userId,
  sessionId: who.sessionId,
  locale: 'en',
  administrator: false,
  orgId: who.orgId,
  role: 'owner',
})

async function ask(deps: Deps, who: Funded) {
  const { signal } = new AbortController()
  const root = { ...operatorRoot(deps), orgId: who.orgId }
  const input = { agentId: who.agentId, input: 'Hello' }
  const { ended } = await invokeAgent(deps, actorOf(who), root, input, { respond: 'wait', signal })
  if (!ended) throw new Error('somebody waits')
  return ended
}

describe('a provider that is too slow', () => {
  const cases: [string, Behaviour][] = [
    ['to say anything', { before: 'stall' }],
    ['between two words', { text: ['One ', 'two'], after: 1, ending: 'stall' }],
  ]
  test.each(cases)('%s is broken off before the deadline', async (_name, behaviour) => {
    app = await startTestApp()
    // What is loaded with the first call is loaded.
    await invoke(app, await fund(app))
    const who = await fund(app)
    app.upstream.next(behaviour)
    const { settings } = app.app.deps
    // Fifteen seconds of it are kept for writing down the end.
    const deps = { ...app.app.deps, settings: { ...settings, callLimitMs: 15_500 } }
    const { invocation } = await ask(deps, who)
    expect(invocation.end).toMatchObject({ type: 'InvocationFailed', data: { reason: 'timeout' } })
    expect(invocation.end && problemOf(invocation.end)?.code).toBe('provider_timeout')
    expect(await app.upstream.request(1).closed).toBe('aborted')
    expect(await moneyOf(app, who.orgId)).toEqual({ balance: 1_000_000_000n, held: 0n })
    await expectCallsWhole(app, who.orgId)
  })
})

describe('a stop', () => {
  test('waits for a call that ends in time, and its caller gets the answer', async () => {
    app = await startTestApp()
    const who = await fund(app)
    const gate = openable()
    app.upstream.next({ text: 'In time.', gate })
    const reply = invoke(app, who)
    await app.upstream.arrived(1)
    const stopped = app.app.stop()
    gate.open()
    expect((await reply).body.output).toBe('In time.')
    await stopped
    await app.restart()
    await expectCallsWhole(app, who.orgId)
  })

  test('interrupts a call that does not, which costs nothing', async () => {
    app = await startTestApp()
    const who = await fund(app)
    app.upstream.next({ text: ['One ', 'two'], after: 1, ending: 'stall' })
    const calls = createRunningCalls(10)
    const ended = ask({ ...app.app.deps, calls }, who)
    await app.upstream.arrived(1)
    await calls.stop(50)
    const { invocation } = await ended
    expect(invocation.end).toMatchObject({
      type: 'InvocationFailed',
      data: { reason: 'interrupted', settlement: { kind: 'release', reason: 'interrupted' } },
    })
    await expectCallsWhole(app, who.orgId)
  })

  test('begins no call: it waits for the next start', async () => {
    app = await startTestApp()
    const who = await fund(app)
    const calls = createRunningCalls(10)
    await calls.stop(0)
    const { signal } = new AbortController()
    const deps = { ...app.app.deps, calls }
    const root = { ...operatorRoot(deps), orgId: who.orgId }
    const input = { agentId: who.agentId, input: 'Hello' }
    await app.app.deps.jobs.clear()
    const options = { respond: 'async', signal } as const
    const { invocationId } = await invokeAgent(deps, actorOf(who), root, input, options)
    await app.restart()
    while (!(await callOf(app, invocationId)).end) await new Promise((done) => setTimeout(done, 5))
    expect((await callOf(app, invocationId)).status).toBe('completed')
  })
})

describe('the practice model', () => {
  test('marks its answers in the answer, the event and the ledger', async () => {
    app = await startTestApp({ OPENAI_API_KEY: '', PRACTICE_MODEL: 'on' })
    const who = await fund(app)
    const reply = await invoke(app, who)
    expect(reply.body).toMatchObject({ practice: true, usage: { basis: 'reported' } })
    const call = await callOf(app, reply.body.invocation_id)
    expect(call.accepted?.practice).toBe(true)
    const account = await app.app.deps.streams.read(`account-${who.orgId}`)
    expect(account.filter(({ data }) => data['practice'] === true).map(({ type }) => type)).toEqual(
      ['HoldPlaced', 'HoldSettled'],
    )
    expect(app.upstream.requests).toHaveLength(0)
  })
})
