// Free credit comes once for each person and period, whatever fails in between, and lapses on its day.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemRoot } from '../../src/commands/context.ts'
import { followSubscription } from '../../src/commands/subscription/follow-subscription.ts'
import { claimForRegistration } from '../../src/commands/user/claim-email.ts'
import { finishClaim } from '../../src/commands/user/finish-claim.ts'
import { verifyEmail } from '../../src/commands/user/verify-email.ts'
import { account } from '../../src/domain/account/account.ts'
import { balanceOf, lotsOf } from '../../src/domain/account/state.ts'
import { organization } from '../../src/domain/organization/organization.ts'
import type { User } from '../../src/domain/user/user.ts'
import { startTestApp, type TestApp } from '../support/app.ts'
import { openShop, type Shop } from '../support/commerce.ts'
import { eventually, mailedToken, typesOf } from '../support/people.ts'
import { operatorRoot, signIn } from '../support/seed.ts'

const DAY_MS = 24 * 60 * 60_000
let app: TestApp
let shop: Shop
beforeEach(async () => {
  app = await startTestApp()
  shop = await openShop(app)
})
afterEach(() => app.stop())

const sweep = async () => {
  await app.settled()
  await app.app.workers.sweep()
}
const accountOf = async (orgId: string) => (await app.app.deps.streams.load(account, orgId)).state
const grantsOf = async (orgId: string) =>
  lotsOf(await accountOf(orgId)).map(({ kind, grantedNanos }) => [kind, grantedNanos])

/** Somebody whose address is not verified yet. */
async function register(email: string): Promise<User> {
  const { deps } = app.app
  const person = { email, passwordHash: 'never verified by a test', locale: 'en' }
  const { emailHmac } = await claimForRegistration(deps, operatorRoot(deps), person)
  const { user } = await finishClaim(deps, emailHmac)
  if (!user) throw new Error('nobody was registered')
  return user
}

describe('periods', () => {
  test('each month brings its credit once, the one before has lapsed', async () => {
    await shop.publishPlan({ trial: undefined })
    const { orgId } = await signIn(app)
    for (let month = 0; month < 3; month++) {
      await Promise.all([sweep(), sweep()])
      expect(balanceOf(await accountOf(orgId))).toBe(1_000_000_000n)
      expect(await grantsOf(orgId)).toHaveLength(month + 1)
      app.clock.advance(31 * DAY_MS)
    }
    const types = await typesOf(app, `subscription-${orgId}`)
    expect(types).toEqual([
      'SubscriptionStarted',
      ...Array.from(types.slice(1), () => 'PeriodStarted'),
    ])
  })

  test('plans that are changed within a period bring free credit once', async () => {
    const free = await shop.publishPlan({ trial: undefined })
    const other = await shop.publishPlan({ slug: 'other', name: 'Other', trial: undefined })
    const { orgId, token } = await signIn(app)
    for (const plan_id of [other, free, other])
      await app.request('POST /billing/subscribe', { token, body: { plan_id } })
    await sweep()
    expect(await grantsOf(orgId)).toEqual([['included', 1_000_000_000n]])
  })

  test('a team, and a plan that is paid for, bring none by themselves', async () => {
    await shop.publishPlan({ included_credit: undefined, trial: undefined })
    const paid = await shop.publishPlan({ slug: 'paid', name: 'Paid', free: false })
    const team = await shop.publishPlan({ slug: 'team', name: 'Team' })
    const { orgId, token } = await signIn(app)
    await app.request('POST /billing/subscribe', { token, body: { plan_id: paid } })
    const made = await app.request('POST /organizations', { token, body: { name: 'Crew' } })
    const org = String(made.body['id'])
    await app.request('POST /billing/subscribe', { token, org, body: { plan_id: team } })
    await sweep()
    const lots = [...(await grantsOf(orgId)), ...(await grantsOf(org))]
    expect(lots.filter(([kind]) => kind !== 'trial')).toEqual([])
    expect(await grantsOf(org)).toEqual([])
    expect(await typesOf(app, `subscription-${org}`)).toContain('PeriodStarted')
  })

  test('whoever canceled gets nothing after the end, and is not looked at any more', async () => {
    await shop.publishPlan({ trial: undefined })
    const { orgId, token } = await signIn(app)
    await app.request('POST /billing/cancel', { token })
    app.clock.advance(31 * DAY_MS)
    await sweep()
    expect(await grantsOf(orgId)).toHaveLength(1)
    expect(balanceOf(await accountOf(orgId))).toBe(0n)
  })

  test('a free plan rests while another is paid for, and is there again after it', async () => {
    const planId = await shop.publishPlan({ trial: undefined })
    const { orgId } = await signIn(app)
    const { deps } = app.app
    const hear = (n: number, status: 'active' | 'canceled', more: object = {}) =>
      followSubscription(deps, operatorRoot(deps), orgId, {
        subscriptionId: 'sub_1',
        status,
        planId,
        planVersion: 1,
        graceDays: 0,
        startedAt: deps.clock.now().toISOString(),
        occurredAt: `2026-11-0${n}T12:00:00.000000000Z`,
        eventId: `evt_${n}`,
        ...more,
      })
    await hear(1, 'active')
    app.clock.advance(31 * DAY_MS)
    await sweep()
    expect(await grantsOf(orgId)).toHaveLength(1)
    // Told in time, and over in five days: nothing is due before.
    const endsAt = new Date(deps.clock.now().getTime() + 5 * DAY_MS).toISOString()
    await hear(2, 'canceled', { endsAt })
    await sweep()
    expect(await grantsOf(orgId)).toHaveLength(1)
    app.clock.advance(5 * DAY_MS)
    await sweep()
    expect(await grantsOf(orgId)).toHaveLength(2)
    expect(balanceOf(await accountOf(orgId))).toBe(1_000_000_000n)
  })

  test('people who came before there was a plan get it, and its credit, with the next sweep', async () => {
    const { orgId } = await signIn(app)
    await shop.publishPlan({ trial: undefined })
    await sweep()
    expect(await grantsOf(orgId)).toEqual([['included', 1_000_000_000n]])
  })
})

describe('trial credit', () => {
  const hasTrial = async ({ personalOrgId }: User) =>
    (await grantsOf(personalOrgId)).some(([kind]) => kind === 'trial') || undefined

  test('comes when the address is verified, once', async () => {
    await shop.publishPlan({ included_credit: undefined })
    const person = await register('new@example.test')
    await sweep()
    expect(await grantsOf(person.personalOrgId)).toEqual([])
    const token = await mailedToken(app, 'new@example.test', 'verify_email')
    await verifyEmail(app.app.deps, operatorRoot(app.app.deps), token)
    await eventually(() => hasTrial(person))
    await Promise.all([sweep(), sweep()])
    expect(await grantsOf(person.personalOrgId)).toEqual([['trial', 2_500_000_000n]])
    expect(lotsOf(await accountOf(person.personalOrgId))[0]?.expiresAt).toBe(
      '2026-11-15T12:00:00.000Z',
    )
  })

  test('is that of the plan taken by hand, whatever is paid for at a provider', async () => {
    await shop.publishPlan({ included_credit: undefined })
    const trial = { amount: '9.00', days: 9 }
    const planId = await shop.publishPlan({ slug: 'paid', name: 'Paid', free: false, trial })
    const person = await register('payer@example.test')
    const { deps } = app.app
    await followSubscription(deps, operatorRoot(deps), person.personalOrgId, {
      subscriptionId: 'sub_1',
      status: 'active',
      planId,
      planVersion: 1,
      graceDays: 0,
      startedAt: deps.clock.now().toISOString(),
      occurredAt: '2026-11-01T12:00:00.000000000Z',
      eventId: 'evt_1',
    })
    const token = await mailedToken(app, 'payer@example.test', 'verify_email')
    await verifyEmail(deps, operatorRoot(deps), token)
    await eventually(() => hasTrial(person))
    expect(await grantsOf(person.personalOrgId)).toEqual([['trial', 2_500_000_000n]])
  })

  test('comes by the sweep where its job was lost', async () => {
    await shop.publishPlan({ included_credit: undefined })
    const person = await register('lost@example.test')
    const token = await mailedToken(app, 'lost@example.test', 'verify_email')
    await app.app.workers.stop()
    await verifyEmail(app.app.deps, operatorRoot(app.app.deps), token)
    await app.app.deps.jobs.clear()
    expect(await hasTrial(person)).toBeUndefined()
    await app.restart()
    expect(await grantsOf(person.personalOrgId)).toEqual([['trial', 2_500_000_000n]])
  })
})

test('the end of a lot is written down by the sweep, once', async () => {
  await shop.publishPlan({ included_credit: undefined, trial: undefined })
  const { orgId } = await signIn(app)
  await app.request(`POST /admin/accounts/${orgId}/credits`, {
    token: shop.administrator.token,
    body: {
      amount: '2.00',
      kind: 'promotional',
      reason: 'a fair',
      expires_at: '2026-11-02T00:00:00.000Z',
    },
  })
  await sweep()
  expect(balanceOf(await accountOf(orgId))).toBe(2_000_000_000n)
  app.clock.advance(DAY_MS / 2)
  await sweep()
  await sweep()
  expect(await typesOf(app, `account-${orgId}`)).toEqual([
    'BillingAccountOpened',
    'CreditGranted',
    'CreditExpired',
  ])
})

test('an invitation whose request was cut off still gets its mail', async () => {
  const { orgId, userId } = await signIn(app)
  const { deps } = app.app
  const invitationId = 'ivt_00000000000000000000000000'
  const at = app.clock.now().toISOString()
  await deps.streams.transact(
    organization,
    orgId,
    {
      type: 'InviteMember',
      invitationId,
      email: 'guest@example.test',
      emailHmac: '0'.repeat(64),
      tokenHash: '0'.repeat(64),
      role: 'member',
      expiresAt: '2026-11-08T12:00:00.000Z',
      by: userId,
      at,
    },
    { ...systemRoot(deps.ids, 'test', { id: invitationId }, at), commandId: deps.ids.random() },
  )
  await sweep()
  await sweep()
  const log = await app.app.engine.events.readAll({ after: -1n, limit: 10_000 })
  const mails = log.filter(({ data }) => data['subjectId'] === invitationId)
  expect(mails.map((event) => event.type)).toEqual(['MailRequested'])
})
