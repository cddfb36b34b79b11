// Views of organizations, plans and expiring credit say what the streams say, in whatever batches they were folded.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { account } from '../../src/domain/account/account.ts'
import { freeOf } from '../../src/domain/account/lots.ts'
import { lotsOf } from '../../src/domain/account/state.ts'
import { currentOf } from '../../src/domain/subscription/state.ts'
import { subscription } from '../../src/domain/subscription/subscription.ts'
import { catalogueEntries } from '../../src/projections/catalogue.ts'
import { accountsWithExpired, expiringCredit } from '../../src/projections/expiring-credit.ts'
import { foldBatch } from '../../src/projections/fold.ts'
import { memberships } from '../../src/projections/memberships.ts'
import { organizations } from '../../src/projections/organizations.ts'
import { currentPlanOf, periodsDue, subscriptions } from '../../src/projections/subscriptions.ts'
import { unmailedInvitations } from '../../src/projections/unmailed-invitations.ts'
import { untriedPeople } from '../../src/projections/untried-people.ts'
import { physical } from '../../src/projections/views.ts'
import { startTestApp, type TestApp } from '../support/app.ts'
import { openShop } from '../support/commerce.ts'
import { fund } from '../support/funded.ts'
import { signIn, signInMember } from '../support/seed.ts'

const views = [
  catalogueEntries,
  expiringCredit,
  memberships,
  organizations,
  subscriptions,
  unmailedInvitations,
  untriedPeople,
]
let app: TestApp
let orgId: string
beforeAll(async () => {
  app = await startTestApp()
  const shop = await openShop(app)
  const free = await shop.publishPlan()
  const other = await shop.publishPlan({ slug: 'other', name: 'Other' })
  const person = await signIn(app)
  ;({ orgId } = person)
  const { token } = person
  for (const plan_id of [other, free])
    await app.request('POST /billing/subscribe', { token, body: { plan_id } })
  await app.request(`PATCH /organizations/${orgId}`, { token, body: { name: 'Renamed' } })
  await app.request(`POST /organizations/${orgId}/invitations`, {
    token,
    body: { email: 'guest@example.test' },
  })
  const member = await signInMember(app, orgId, 'member')
  await app.request(`DELETE /organizations/${orgId}/members/${member.userId}`, { token })
  const caller = await fund(app, { creditNanos: 0n })
  await credit(shop.administrator.token, caller.orgId, '2026-11-03T00:00:00.000Z')
  const called = await app.request(`POST /agents/${caller.agentId}/invoke`, {
    token: caller.token,
    body: { input: 'Hi' },
  })
  await app.request(`POST /admin/invocations/${String(called.body['invocation_id'])}/adjust`, {
    token: shop.administrator.token,
    body: { amount: '0.000001', reason: 'a test' },
  })
  await credit(shop.administrator.token, orgId, '2026-11-02T00:00:00.000Z')
  app.clock.advance(24 * 60 * 60_000)
  await app.settled()
  await app.app.workers.sweep()
  await app.request('POST /billing/cancel', { token: await renewed(person) })
  await app.settled()
})
afterAll(() => app.stop())

const credit = (token: string, org: string, expires_at: string) =>
  app.request(`POST /admin/accounts/${org}/credits`, {
    token,
    body: { amount: '1.00', kind: 'promotional', reason: 'a test', expires_at },
  })

/** An access token of now. */
function renewed({ userId, sessionId }: { userId: string; sessionId: string }): Promise<string> {
  const issuedAt = Math.floor(app.clock.now().getTime() / 1_000)
  const claims = { userId, sessionId, issuedAt, expiresAt: issuedAt + 60 }
  return app.app.deps.tokens.signAccess(claims)
}

test('one event at a time or all at once: the same bytes', async () => {
  const { engine } = app.app
  const events = await engine.events.readAll({ after: -1n, limit: 10_000 })
  const last = events.at(-1)?.position ?? 0n
  for (const one of views) {
    const [single, whole] = [physical(one, 7), physical(one, 8)]
    for (const event of events) await foldBatch(engine.views, one, single, [event], event.position)
    await foldBatch(engine.views, one, whole, events, last)
    const scan = { limit: 10_000 }
    const [a, b] = [await engine.views.scan(single, scan), await engine.views.scan(whole, scan)]
    expect(JSON.stringify(a.map((row) => row.document))).toBe(
      JSON.stringify(b.map((row) => row.document)),
    )
    if (one !== unmailedInvitations && one !== untriedPeople) expect(a).not.toEqual([])
  }
})

test('what is left of each expiring lot is what the account has of it', async () => {
  const { streams, views: read } = app.app.deps
  let lots = 0
  for await (const { document } of read.all(expiringCredit)) {
    const { state } = await streams.load(account, document.orgId)
    const lot = lotsOf(state).find((one) => one.lotId === document.lotId)
    expect(lot && (freeOf(lot) + lot.reservedNanos).toString()).toBe(document.leftNanos)
    expect(document.open).toBe(document.leftNanos === '0' ? undefined : 1)
    lots++
  }
  expect(lots).toBeGreaterThan(3)
  expect(await accountsWithExpired(read, app.clock.now().toISOString())).toEqual(new Set())
})

test('the plan shown is the stream’s, and a canceled one brings no further period', async () => {
  const { streams, views: read } = app.app.deps
  const { state } = await streams.load(subscription, orgId)
  const view = await read.get(subscriptions, orgId)
  expect(currentPlanOf(view)).toMatchObject({
    planId: currentOf(state)?.planId,
    status: 'canceled',
    endsAt: '2026-12-01T00:00:00.000Z',
  })
  const due: string[] = []
  for await (const one of periodsDue(read, '2027-06-01T00:00:00.000Z')) due.push(one)
  expect(due).not.toContain(orgId)
  expect(due).not.toEqual([])
})
