// An agent that keeps no texts keeps none: however a call ends, and when the process dies right after its
// end. Its answer reaches whoever waits, also where the store's answer to the end was lost.
import { afterEach, expect, test } from 'vitest'
import { account } from '../../../src/domain/account/account.ts'
import { Unavailable } from '../../../src/ports/unavailable.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { callOf, type Funded, fund, invoke, moneyOf } from '../../support/funded.ts'
import { openable } from '../../support/upstream.ts'

let app: TestApp
afterEach(() => app.stop())

const texts = async (): Promise<string[]> => {
  const parts = await app.app.engine.contents.list({ prefix: '', limit: 1_000 })
  return parts.map(({ key }) => key)
}
const later = (who: Funded) => invoke(app, who, {}, { headers: { prefer: 'respond-async' } })

test('completed, and canceled before its turn', async () => {
  app = await startTestApp({ CALLS_AT_ONCE: '1' })
  const who = await fund(app, { agent: { store: false } })
  const gate = openable()
  app.upstream.next({ gate })
  const running = await later(who)
  await app.upstream.arrived(1)
  const waiting = await later(who)
  const id = waiting.body.invocation_id
  expect((await callOf(app, id)).status).toBe('accepted')
  expect(await texts()).toHaveLength(2)
  const canceled = await app.request(`POST /invocations/${id}/cancel`, { token: who.token })
  expect(canceled.status).toBe(200)
  expect(await texts()).toHaveLength(1)
  gate.open()
  await expect
    .poll(async () => (await callOf(app, running.body.invocation_id)).status)
    .toBe('completed')
  await expect.poll(texts).toEqual([])
})

test('answered, where the store does not say that it has the end', async () => {
  app = await startTestApp()
  const who = await fund(app, { agent: { store: false } })
  const { streams } = app.app.deps as { streams: { transact: unknown } }
  const real = { ...app.app.deps.streams }
  let lost = false
  streams.transact = async (...args: Parameters<typeof real.transact>) => {
    const done = await real.transact(...args)
    if (lost || (args[2] as { type: string }).type !== 'CompleteInvocation') return done
    lost = true
    throw new Unavailable('EventStoreDB', new Error('no answer'))
  }
  const { status, body } = await invoke(app, who)
  expect({ lost, status, output: body.output }).toMatchObject({ lost: true, status: 200 })
  expect(body.output).not.toBe('')
  expect((await moneyOf(app, who.orgId)).held).toBe(0n)
})

test('where the process dies between the end of the call and its settlement', async () => {
  app = await startTestApp()
  const who = await fund(app, { agent: { store: false } })
  const { streams, contents } = app.app.deps as {
    streams: { transact: unknown }
    contents: { delete: unknown }
  }
  const real = { ...app.app.deps.streams }
  const died = Promise.withResolvers<void>()
  const never = () => (died.resolve(), new Promise<never>(() => undefined))
  contents.delete = never
  streams.transact = (...args: Parameters<typeof real.transact>) =>
    args[0].category === account.category && (args[2] as { type: string }).type === 'SettleHold'
      ? never()
      : real.transact(...args)
  const { invocation_id: id } = (await later(who)).body
  await died.promise
  expect((await callOf(app, id)).status).toBe('completed')
  expect(await texts()).toHaveLength(1)
  expect((await moneyOf(app, who.orgId)).held).toBeGreaterThan(0n)

  // The stop of a process that hangs would wait for it: what it left is seen by the next one.
  app.app.deps.calls.get(id)?.end(undefined)
  await app.restart()
  await app.app.workers.sweep()
  expect(await texts()).toEqual([])
  expect((await moneyOf(app, who.orgId)).held).toBe(0n)
})
