// A subscription at a provider that nobody asks any more is not forgotten: whoever starts and watches the server is told, and nobody is promised its end.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sayUnheard } from '../../../src/commands/payment/say-unheard.ts'
import { followSubscription } from '../../../src/commands/subscription/follow-subscription.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { openShop } from '../../support/commerce.ts'
import { operatorRoot, signIn } from '../../support/seed.ts'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.stop())

const ready = async () => {
  const { body } = await app.request<{ checks: { name: string }[] }>('GET /health/ready')
  return body.checks.filter(({ name }) => name === 'billing')
}

test('BILLING=manual with subscriptions at a provider: it is said, and nothing pretends to end them', async () => {
  const { deps } = app.app
  const planId = await (await openShop(app)).publishPlan()
  const { orgId, token } = await signIn(app)
  expect(await sayUnheard(deps)).toEqual([])
  expect(await ready()).toEqual([])
  const at = deps.clock.now().toISOString()
  const position = await followSubscription(deps, operatorRoot(deps), orgId, {
    subscriptionId: 'sub_1',
    status: 'active',
    planId,
    planVersion: 1,
    graceDays: 3,
    startedAt: at,
    occurredAt: at.replace('Z', '000000Z'),
    eventId: 'evt_1',
  })
  await deps.views.passed(position ?? 0n, 5_000)
  expect(await sayUnheard(deps)).toEqual([expect.stringContaining('cannot ask: 1;')])
  expect(await ready()).toMatchObject([{ ok: true }])
  const refused = { status: 409, code: 'payment_provider_not_set' }
  const bodies = { 'POST /billing/cancel': {}, 'POST /billing/subscribe': { plan_id: planId } }
  for (const [line, body] of Object.entries(bodies))
    expect((await app.request(line, { token, body })).body).toMatchObject(refused)
})
