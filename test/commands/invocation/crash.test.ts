// A process that dies between any two steps of a call leaves nothing open, charges nothing twice and
// never has a model called twice.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { UserActor } from '../../../src/commands/access.ts'
import type { Root } from '../../../src/commands/context.ts'
import type { Deps } from '../../../src/commands/deps.ts'
import { answered, type EndedCall } from '../../../src/commands/invocation/ended-call.ts'
import { CLOCKS_APART_MS } from '../../../src/commands/invocation/flow.ts'
import { invokeAgent } from '../../../src/commands/invocation/invoke-agent.ts'
import { createRunningCalls } from '../../../src/commands/invocation/running-calls.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { expectCallsWhole } from '../../support/call-invariants.ts'
import { type Funded, fund, moneyOf, storyOf } from '../../support/funded.ts'
import { operatorRoot } from '../../support/seed.ts'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.stop())

const never = new Promise<never>(() => undefined)

/**
 * The application's parts as a process sees them that dies after so many steps towards the outside:
 * from then on nothing it asks for is ever answered. `before`: it dies before the step, else after it,
 * without hearing of it.
 */
function mortal(deps: Deps, steps: number, before: boolean) {
  let left = steps
  const died = Promise.withResolvers<void>()
  const through = async <T>(act: () => Promise<T>): Promise<T> => {
    const last = left-- === 0
    if (left < -1 || (last && before)) {
      died.resolve()
      return never
    }
    const result = await act()
    if (last) {
      died.resolve()
      return never
    }
    return result
  }
  const mortalDeps: Deps = {
    ...deps,
    calls: createRunningCalls(10),
    streams: {
      ...deps.streams,
      transact: (...args) => through(() => deps.streams.transact(...args)),
    },
    contents: { ...deps.contents, put: (...args) => through(() => deps.contents.put(...args)) },
    llm: { complete: (...args) => through(() => deps.llm.complete(...args)) },
  }
  return { deps: mortalDeps, died: died.promise, lived: () => left >= 0 }
}

const actorOf = (who: Funded): UserActor => ({
  kind: 'user',
  userId: who.userId,
  sessionId: who.sessionId,
  locale: 'en',
  administrator: false,
  orgId: who.orgId,
  role: 'owner',
})
const wish = (deps: Deps, orgId: string): Root => ({
  ...operatorRoot(deps),
  orgId,
  digest: deps.ids.sha256('the same body'),
})
const input = (who: Funded) => ({ agentId: who.agentId, input: 'Hello' })

async function ask(deps: Deps, who: Funded, root: Root): Promise<EndedCall> {
  const { signal } = new AbortController()
  const invoked = await invokeAgent(deps, actorOf(who), root, input(who), {
    respond: 'wait',
    signal,
  })
  if (!invoked.ended) throw new Error('somebody waits')
  return invoked.ended
}

// content, hold, accept and start, provider, output, end, settle
const STEPS = 7

describe.each(Array.from({ length: STEPS }, (_, step) => step))('death at step %i', (step) => {
  test.each([true, false])('before it: %s', async (before) => {
    const who = await fund(app)
    const { deps } = app.app
    const root = wish(deps, who.orgId)
    const calls = app.upstream.requests.length
    const process = mortal(deps, step, before)
    void ask(process.deps, who, root)
    await process.died
    await app.restart()
    const startedBefore = step > 2 || (step === 2 && !before)
    if (startedBefore) await app.takeUpFromTheDead()

    const again = await ask(app.app.deps, who, root)
    const answer = outcomeOf(again)
    await app.settled()
    app.clock.advance(11 * 60_000)
    await app.app.workers.sweep()
    await expectCallsWhole(app, who.orgId)
    // From the start on the provider may have been asked: it is never asked again.
    expect(app.upstream.requests.length).toBeLessThanOrEqual(calls + 1)
    const endedBefore = step > 5 || (step === 5 && !before)
    expect(answer).toBe(startedBefore && !endedBefore ? 'invocation_failed' : 'answered')
    const { balance } = await moneyOf(app, who.orgId)
    expect(balance).toBe(answer === 'answered' ? 999_980_000n : 1_000_000_000n)
    expect(
      (await storyOf(app, `account-${who.orgId}`)).filter((t) => t === 'HoldPlaced'),
    ).toHaveLength(1)
  })
})

test('the steps above are all there are', async () => {
  const who = await fund(app)
  const process = mortal(app.app.deps, STEPS, true)
  await ask(process.deps, who, wish(app.app.deps, who.orgId))
  expect(process.lived()).toBe(true)
})

function outcomeOf(ended: EndedCall): string {
  try {
    answered(ended)
    return 'answered'
  } catch (error) {
    return (error as { code: string }).code
  }
}

test('a call whose caller never comes back after the hold is given back after CALL_LIMIT', async () => {
  const who = await fund(app)
  const { deps } = app.app
  const process = mortal(deps, 1, false)
  void ask(process.deps, who, wish(deps, who.orgId))
  await process.died
  expect((await moneyOf(app, who.orgId)).held).toBeGreaterThan(0n)
  await app.settled()
  await app.app.workers.sweep()
  expect((await moneyOf(app, who.orgId)).held).toBeGreaterThan(0n)
  // Sharing, somebody's clock may run ahead.
  app.clock.advance(10 * 60_000 + (app.app.engine.singleProcess ? 0 : CLOCKS_APART_MS))
  await app.app.workers.sweep()
  await expectCallsWhole(app, who.orgId)
})

test('two processes with the same key never both ask the provider', async () => {
  const who = await fund(app)
  const { deps } = app.app
  const calls = app.upstream.requests.length
  const root = wish(deps, who.orgId)
  // Each has its own memory of what runs, as two processes have; the log is one.
  const process = () => ({ ...deps, calls: createRunningCalls(10) })
  const ended = await Promise.all([ask(process(), who, root), ask(process(), who, root)])
  expect(ended.map((one) => answered(one).text)).toEqual([ended[0]?.text, ended[0]?.text])
  expect(app.upstream.requests.length).toBe(calls + 1)
  await expectCallsWhole(app, who.orgId)
})
