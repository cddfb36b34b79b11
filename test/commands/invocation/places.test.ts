// Every place for a call comes back, and a call that runs here is known here: otherwise a sweep takes it
// for lost, gives its hold back, and the answer that comes is paid for by the seller.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { UserActor } from '../../../src/commands/access.ts'
import type { Root } from '../../../src/commands/context.ts'
import type { Deps } from '../../../src/commands/deps.ts'
import { answered } from '../../../src/commands/invocation/ended-call.ts'
import { invocationIdOf, invokeAgent } from '../../../src/commands/invocation/invoke-agent.ts'
import { createRunningCalls } from '../../../src/commands/invocation/running-calls.ts'
import { Unavailable } from '../../../src/ports/unavailable.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { callOf, type Funded, fund, moneyOf } from '../../support/funded.ts'
import { operatorRoot } from '../../support/seed.ts'
import { openable } from '../../support/upstream.ts'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.stop())

const actorOf = ({ userId, sessionId, orgId }: Funded): UserActor => ({
  kind: 'user',
  userId,
  sessionId,
  locale: 'en',
  administrator: false,
  orgId,
  role: 'owner',
})
const wish = (deps: Deps, orgId: string): Root => ({
  ...operatorRoot(deps),
  orgId,
  digest: deps.ids.sha256('the same body'),
})

async function ask(deps: Deps, who: Funded, root: Root) {
  const { signal } = new AbortController()
  const input = { agentId: who.agentId, input: 'Hello' }
  const invoked = await invokeAgent(deps, actorOf(who), root, input, { respond: 'wait', signal })
  if (!invoked.ended) throw new Error('somebody waits')
  return invoked.ended
}

/** The log says no to the nth append to a call's stream, once `until` has come. */
function refusing(deps: Deps, nth: number, until: Promise<unknown>): Deps {
  let appends = 0
  const { streams } = deps
  return {
    ...deps,
    streams: {
      ...streams,
      async transact(decider, ...rest) {
        if (decider.category !== 'invocation' || ++appends !== nth)
          return streams.transact(decider, ...rest)
        await until
        throw new Unavailable('event log', undefined)
      },
    },
  }
}

test('a retry whose texts are gone gives its place back', async () => {
  const who = await fund(app)
  const calls = createRunningCalls(1)
  const deps: Deps = { ...app.app.deps, calls }
  const root = wish(deps, who.orgId)
  await expect(ask(refusing(deps, 1, Promise.resolve()), who, root)).rejects.toThrow(Unavailable)
  expect((await moneyOf(app, who.orgId)).held).toBeGreaterThan(0n)

  const contents = { ...deps.contents, get: async () => undefined }
  const ended = ask({ ...deps, contents }, who, root)
  await expect
    .poll(async () => (await callOf(app, invocationIdOf(deps, root))).status)
    .not.toBe('absent')
  expect(calls.tryEnter()).toBe(true)
  calls.leave()
  await ended
})

test('the second of two with one key is known when the first could not write', async () => {
  const who = await fund(app)
  const { deps } = app.app
  const root = wish(deps, who.orgId)
  const id = invocationIdOf(deps, root)
  const gate = openable()
  app.upstream.next({ gate })
  const called = app.upstream.requests.length
  const second = openable()
  const first = ask(refusing(deps, 1, second.opened), who, root)
  const refused = expect(first).rejects.toThrow(Unavailable)
  await expect.poll(() => deps.calls.get(id)).toBeDefined()
  const answer = ask(deps, who, root)
  await app.upstream.arrived(called + 1)
  second.open()
  await refused

  expect(deps.calls.get(id)).toBeDefined()
  await app.settled()
  app.clock.advance(20_000)
  await app.app.workers.sweep()
  expect((await callOf(app, id)).status).toBe('running')
  gate.open()
  expect(answered(await answer).text).toContain('Hello')
  const { balance, held } = await moneyOf(app, who.orgId)
  expect(held).toBe(0n)
  expect(balance).toBeLessThan(1_000_000_000n)
})
