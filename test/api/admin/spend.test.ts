// The administrator sees what the providers take and under which ceiling, stops all calls with one
// request, and no customer learns the seller's figures.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { step } from '../../../src/commands/context.ts'
import { SPEND_CEILING } from '../../../src/domain/policy/defaults.ts'
import { policySet } from '../../../src/domain/policy/policy-set.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { callOf, fund, type Funded, invoke, moneyOf, storyOf } from '../../support/funded.ts'
import { operatorRoot, signIn } from '../../support/seed.ts'
import { openable } from '../../support/upstream.ts'

const PATIENT = { timeout: 15_000 }
let app: TestApp
let who: Funded
let administrator: string
beforeEach(async () => {
  app = await startTestApp()
  who = await fund(app)
  administrator = (await signIn(app, { administrator: true })).token
})
afterEach(() => app.stop())

async function setCeiling(amountNanos: bigint): Promise<void> {
  const { deps } = app.app
  const root = operatorRoot(deps)
  await deps.streams.transact(
    policySet('platform'),
    'platform',
    {
      type: 'ChangePolicy',
      policyId: SPEND_CEILING,
      changes: { amountNanos: amountNanos.toString() },
      at: root.at,
    },
    step(deps.ids, root, 'ceiling'),
  )
}

/** So many calls have reached the provider. */
const called = (times: number) =>
  expect.poll(() => app.upstream.requests, PATIENT).toHaveLength(times)
const spend = () => app.request('GET /admin/spend', { token: administrator })
const stop = (body: object) => app.request('PUT /admin/stop', { token: administrator, body })
/** As the log has it. */
async function lastOf(type: string) {
  const events = await app.app.deps.streams.read(`account-${who.orgId}`)
  return events.findLast((event) => event.type === type)?.data ?? {}
}
const usd = (nanos: unknown) => ({
  amount: `0.${String(nanos).padStart(9, '0')}`,
  currency: 'USD',
})

describe('the ceiling of a day', () => {
  test('is there from the beginning, and GET /admin/spend shows what is left of it', async () => {
    await invoke(app, who)
    await app.settled()
    const { costNanos } = await lastOf('HoldSettled')
    const { body } = await spend()
    expect(body).toMatchObject({
      day: '2026-11-01',
      settled: usd(costNanos),
      calls: 1,
      held: usd(0),
      per_hour: { last_hour: usd(costNanos) },
      hours: [{ from: '2026-11-01T12:00:00.000Z', cost: usd(costNanos), calls: 1 }],
      ceilings: [
        {
          policy_id: SPEND_CEILING,
          period: 'day',
          amount: { amount: '25.000000000', currency: 'USD' },
          hard: true,
          // A thousandth, of a process that has just begun.
          reserved: { amount: '0.025000000', currency: 'USD' },
          left: { amount: '24.975000000', currency: 'USD' },
          resets_at: '2026-11-02T00:00:00.000Z',
        },
      ],
    })
  })

  test('refuses a call that could pass it, in words without figures, before anything is held', async () => {
    await invoke(app, who)
    const bound = BigInt(String((await lastOf('HoldPlaced'))['costBoundNanos']))
    const spent = BigInt(String((await lastOf('HoldSettled'))['costNanos']))
    const before = await moneyOf(app, who.orgId)
    await setCeiling(spent + bound - 1n)
    const no = await invoke(app, who)
    expect([no.status, no.body.code, no.headers['retry-after']]).toEqual([
      503,
      'spend_ceiling_reached',
      String(12 * 60 * 60),
    ])
    expect(no.body.facts).toEqual({ retry_after_seconds: 12 * 60 * 60 })
    expect(await moneyOf(app, who.orgId)).toEqual(before)
    await setCeiling(spent + bound)
    expect((await invoke(app, who)).status).toBe(200)
  })

  test('holds what running calls can cost, and a call that ends gives it back', async () => {
    await invoke(app, who)
    const bound = BigInt(String((await lastOf('HoldPlaced'))['costBoundNanos']))
    const spent = BigInt(String((await lastOf('HoldSettled'))['costNanos']))
    await setCeiling(spent * 2n + bound)
    const gate = openable()
    app.upstream.next({ gate })
    const running = invoke(app, who)
    await called(2)
    expect((await invoke(app, who)).body.code).toBe('spend_ceiling_reached')
    gate.open()
    expect((await running).status).toBe(200)
    expect((await invoke(app, who)).status).toBe(200)
  })

  test('is given back what was reserved when the process stops', async () => {
    await invoke(app, who)
    await app.restart()
    expect(await storyOf(app, 'spendCeiling-2026-11-01')).toEqual([
      'SpendReserved',
      'SpendReturned',
    ])
  })
})

describe('PUT /admin/stop', () => {
  test('refuses new calls until it is taken back', async () => {
    expect((await stop({ stopped: true, reason: 'the bill' })).body).toEqual({
      stopped: true,
      reason: 'the bill',
      since: '2026-11-01T12:00:00.000Z',
    })
    const no = await invoke(app, who)
    expect([no.status, no.body.code]).toEqual([503, 'calls_stopped'])
    expect(app.upstream.requests).toHaveLength(0)
    expect(await storyOf(app, `account-${who.orgId}`)).not.toContain('HoldPlaced')
    const state = await app.request('GET /admin/stop', { token: administrator })
    expect(state.body).toMatchObject({ stopped: true })
    expect((await stop({ stopped: false })).body).toEqual({
      stopped: false,
      reason: null,
      since: null,
    })
    expect((await invoke(app, who)).status).toBe(200)
  })

  test('lets running calls end, and known keys get their answer', async () => {
    const gate = openable()
    app.upstream.next({ gate })
    const running = invoke(app, who, {}, { key: 'one' })
    await called(1)
    await stop({ stopped: true })
    gate.open()
    expect((await running).status).toBe(200)
    expect((await invoke(app, who, {}, { key: 'one' })).status).toBe(200)
  })

  test('begins no second attempt', async () => {
    const gate = openable()
    app.upstream.next({ gate, status: 500, error: { message: 'down' } })
    const running = invoke(app, who)
    await called(1)
    await stop({ stopped: true })
    gate.open()
    expect((await running).status).toBe(502)
    expect(app.upstream.requests).toHaveLength(1)
  })

  test('everything else goes on, and it is for administrators alone', async () => {
    await stop({ stopped: true })
    expect((await app.request('GET /agents', { token: who.token })).status).toBe(200)
    for (const line of ['PUT /admin/stop', 'GET /admin/stop', 'GET /admin/spend'])
      expect((await app.request(line, { token: who.token })).status).toBe(403)
  })
})

describe('a call that waits while calls are stopped', () => {
  /** Accepted, and not begun: there is no place for it. */
  async function waiting(): Promise<string> {
    await app.stop()
    app = await startTestApp({ CALLS_AT_ONCE: '1' })
    who = await fund(app)
    administrator = (await signIn(app, { administrator: true })).token
    const gate = openable()
    app.upstream.next({ gate })
    const running = invoke(app, who)
    await called(1)
    const second = await app.request<{ invocation_id: string }>(
      `POST /agents/${who.agentId}/invoke`,
      { token: who.token, body: { input: 'Hello' }, headers: { prefer: 'respond-async' } },
    )
    expect(second.status).toBe(202)
    await stop({ stopped: true })
    gate.open()
    await running
    return second.body.invocation_id
  }

  test('is carried out at once when they go on', async () => {
    const id = await waiting()
    await app.settled()
    await app.app.workers.sweep()
    expect((await callOf(app, id)).status).toBe('accepted')
    await stop({ stopped: false })
    // No sweep comes: the next one is half a minute away.
    await expect
      .poll(async () => (await callOf(app, id)).end?.type, PATIENT)
      .toBe('InvocationCompleted')
  })

  test('fails with that reason when its time is over, and costs nothing', async () => {
    const id = await waiting()
    await app.settled()
    const { balance } = await moneyOf(app, who.orgId)
    // Beyond what clocks may differ, where several share the work.
    app.clock.advance(17 * 60_000)
    await app.app.workers.sweep()
    await expect
      .poll(async () => (await callOf(app, id)).end, PATIENT)
      .toMatchObject({ type: 'InvocationFailed', data: { reason: 'calls_stopped' } })
    await expect.poll(() => moneyOf(app, who.orgId), PATIENT).toEqual({ balance, held: 0n })
  })
})
