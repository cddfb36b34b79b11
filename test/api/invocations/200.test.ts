// An admitted call answers once, costs what its usage costs, and leaves its events in the designed order.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { callOf, fund, invoke, moneyOf, storyOf } from '../../support/funded.ts'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.stop())

describe('JSON', () => {
  test('answers with the text, the usage and the cost', async () => {
    const who = await fund(app)
    app.upstream.next({ text: ['Hel', 'lo.'] })
    const reply = await invoke(app, who, { user: 'customer 7', metadata: { team: 'blue' } })
    expect(reply.status).toBe(200)
    expect(reply.body).toMatchObject({
      output: 'Hello.',
      finish_reason: 'stop',
      usage: { basis: 'reported', input_uncached: 10, input_cached: 0, output: 2, reasoning: 0 },
      // 10 × 1,000 + 2 × 2,000 nanos
      cost: { amount: '0.000014000', currency: 'USD' },
      agent: { id: who.agentId, version: 1 },
      balance_after: { amount: '0.999986000', currency: 'USD' },
    })
    const { invocation_id: id } = reply.body
    expect(await storyOf(app, `invocation-${id}`)).toEqual([
      'InvocationAccepted',
      'InvocationStarted',
      'InvocationCompleted',
    ])
    expect((await storyOf(app, `account-${who.orgId}`)).slice(-2)).toEqual([
      'HoldPlaced',
      'HoldSettled',
    ])
    expect(await moneyOf(app, who.orgId)).toEqual({ balance: 999_986_000n, held: 0n })
    const call = await callOf(app, id)
    expect(call.accepted).toMatchObject({ metadata: { team: 'blue' }, label: 'production' })
    expect(call.accepted?.endUser).toMatch(/^[0-9a-f]{64}$/)
  })
})
