// What a crash, a lost queue or a broken store leaves of a call is found and ended; old texts go.
import { afterEach, beforeEach, expect, test } from 'vitest'
import { step } from '../../src/commands/context.ts'
import { claimOf } from '../../src/commands/invocation/carry-out.ts'
import { CLOCKS_APART_MS } from '../../src/commands/invocation/flow.ts'
import { runAccepted } from '../../src/commands/invocation/run-accepted.ts'
import { invocationDecider } from '../../src/domain/invocation/invocation.ts'
import { settleInvocations } from '../../src/workers/settle-invocations.ts'
import { startTestApp, type TestApp } from '../support/app.ts'
import { expectCallsWhole } from '../support/call-invariants.ts'
import { callOf, type Funded, fund, invoke, moneyOf, storyOf } from '../support/funded.ts'
import { operatorRoot } from '../support/seed.ts'
import { openable } from '../support/upstream.ts'

let app: TestApp
beforeEach(async () => {
  app = await startTestApp({ CALLS_AT_ONCE: '1' })
})
afterEach(() => app.stop())

const until = async (condition: () => Promise<boolean>) => {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5))
}
const sweep = async () => {
  await app.settled()
  await app.app.workers.sweep()
}
const settles = (who: Funded) => until(async () => (await moneyOf(app, who.orgId)).held === 0n)
const later = async (who: Funded) =>
  (await invoke(app, who, {}, { headers: { prefer: 'respond-async' } })).body.invocation_id

/** A call that waits for its turn behind another one. */
async function waiting() {
  const who = await fund(app)
  const gate = openable()
  app.upstream.next({ text: 'First.', gate })
  const first = invoke(app, who)
  await app.upstream.arrived(1)
  return { who, id: await later(who), first, gate }
}

test('a lost queue loses no call', async () => {
  const { who, id, first, gate } = await waiting()
  await app.app.deps.jobs.clear()
  // Sharing, another process may be just making the job.
  app.clock.advance(15_000)
  await sweep()
  gate.open()
  await first
  await until(async () => (await callOf(app, id)).end !== undefined)
  await settles(who)
  expect((await callOf(app, id)).status).toBe('completed')
  expect(app.upstream.requests).toHaveLength(2)
  await expectCallsWhole(app, who.orgId)
})

test('a call whose turn never comes fails as expired, and is not made after that', async () => {
  const { who, id, first, gate } = await waiting()
  await app.app.deps.jobs.clear()
  app.clock.advance(10 * 60_000)
  await sweep()
  // Sharing, somebody's clock may run ahead.
  if (!app.app.engine.singleProcess) app.clock.advance(CLOCKS_APART_MS)
  await sweep()
  expect((await callOf(app, id)).end).toMatchObject({
    type: 'InvocationFailed',
    data: { reason: 'expired', settlement: { kind: 'release', reason: 'expired' } },
  })
  gate.open()
  await first
  await settles(who)
  expect(app.upstream.requests).toHaveLength(1)
  await expectCallsWhole(app, who.orgId)
})

test('a process whose clock is ahead ends no call of others before its time', async () => {
  const { who, id, first, gate } = await waiting()
  const { deps } = app.app
  const sharing = { ...deps, runs: { ...deps.runs, alone: false } }
  const { signal } = new AbortController()
  const takenUp = async () => {
    await app.settled()
    await settleInvocations(sharing).run(signal)
    gate.open()
    await first
    await runAccepted(sharing, { invocationId: id }, signal)
    return (await callOf(app, id)).end
  }
  await deps.jobs.clear()
  // By its own clock the time of the call is over; by another's, five minutes are left.
  app.clock.advance(10 * 60_000 + 1)
  expect(await takenUp()).toBeUndefined()
  app.clock.advance(CLOCKS_APART_MS)
  expect(await takenUp()).toMatchObject({ data: { reason: 'expired' } })
  await settles(who)
  await expectCallsWhole(app, who.orgId)
})

test('a call that a dead run had started is interrupted and costs nothing', async () => {
  const { who, id, first, gate } = await waiting()
  await app.app.deps.jobs.clear()
  const { deps } = app.app
  const { accepted } = await callOf(app, id)
  if (!accepted) throw new Error('it was accepted')
  const claim = { ...claimOf(deps, accepted, 0), runId: 'a run before' }
  await deps.streams.transact(
    invocationDecider,
    id,
    { type: 'StartInvocation', ...claim },
    step(deps.ids, operatorRoot(deps), 'start'),
  )
  await sweep()
  await app.takeUpFromTheDead()
  expect((await callOf(app, id)).end).toMatchObject({
    type: 'InvocationFailed',
    data: { reason: 'interrupted', usage: { basis: 'unknown' } },
  })
  gate.open()
  await first
  await settles(who)
  await expectCallsWhole(app, who.orgId)
})

test('a running call is left alone', async () => {
  const { who, id, first, gate } = await waiting()
  await sweep()
  expect(await storyOf(app, `invocation-${id}`)).toEqual(['InvocationAccepted'])
  gate.open()
  expect((await first).body.output).toBe('First.')
  await until(async () => (await callOf(app, id)).end !== undefined)
  await settles(who)
})

test('texts go after CONTENT_DAYS, and after a day where no event names them', async () => {
  const who = await fund(app)
  const { body } = await invoke(app, who)
  const { accepted, end } = await callOf(app, body.invocation_id)
  const orphan = `${who.userId}/2026-11-01/${body.invocation_id}.nobody`
  await app.app.deps.contents.put(orphan, new Uint8Array([1]))
  await app.app.deps.contents.put('other/webhook', new Uint8Array([1]))
  const keys = async () =>
    (await app.app.deps.contents.list({ prefix: '', limit: 10 })).map((p) => p.key)
  const named = [accepted?.messages.ref, end?.data.output?.ref].map(String)
  expect((await keys()).toSorted()).toEqual([...named, orphan, 'other/webhook'].toSorted())
  const now = () => app.clock.now().getTime()
  // Parts are stamped by the machine's own clock.
  app.clock.advance(Date.now() - now() + 25 * 60 * 60_000)
  await sweep()
  expect((await keys()).toSorted()).toEqual([...named, 'other/webhook'].toSorted())
  app.clock.advance(30 * 24 * 60 * 60_000)
  await sweep()
  expect(await keys()).toEqual(['other/webhook'])
})
