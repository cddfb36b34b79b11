// Killed after any append, a registration, a change of address and a change of password come to their one end.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { step } from '../../../src/commands/context.ts'
import { DEFAULT_PLAN_SLUG } from '../../../src/commands/plan/default-plan.ts'
import { planIdOf } from '../../../src/commands/plan/plan-id.ts'
import { cancelSubscription } from '../../../src/commands/subscription/cancel-subscription.ts'
import { changeEmail } from '../../../src/commands/user/change-email.ts'
import { changePassword } from '../../../src/commands/user/change-password.ts'
import { deactivateUser } from '../../../src/commands/user/deactivate-user.ts'
import { claimRoot, finishClaim } from '../../../src/commands/user/finish-claim.ts'
import { emailHmacOf, findUserByEmail } from '../../../src/commands/user/find-user.ts'
import { reactivateUser } from '../../../src/commands/user/reactivate-user.ts'
import { registerUser } from '../../../src/commands/user/register-user.ts'
import { plan } from '../../../src/domain/plan/plan.ts'
import { passwordHashOf, user } from '../../../src/domain/user/user.ts'
import { claimsToFinish } from '../../../src/projections/unfinished-claims.ts'
import { mailsToRequest } from '../../../src/projections/due-mails.ts'
import { peopleWaitingFor } from '../../../src/projections/unfinished-registrations.ts'
import { usersWithSessionsDue } from '../../../src/projections/sessions-by-user.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { asleepBefore } from '../../support/asleep.ts'
import { killedAfter } from '../../support/killed-after.ts'
import {
  freshEmail,
  newPerson,
  operatorRoot,
  PASSWORD,
  signIn,
  typesOf,
  wholeLog,
} from '../../support/people.ts'

let app: TestApp
beforeEach(async () => {
  app = await startTestApp({ USAGE_LOG: 'off' })
})
afterEach(() => app.stop())

async function nothingIsLeft() {
  await app.settled()
  const { views } = app.app.deps
  const left: unknown[] = await usersWithSessionsDue(views, 10)
  for await (const { document } of claimsToFinish(views)) left.push(document)
  for await (const { document } of mailsToRequest(views)) left.push(document)
  for await (const userId of peopleWaitingFor(views, 'provision')) left.push(userId)
  expect(left).toEqual([])
}

/** The plan that everybody starts on, with credit for each month. */
async function publishDefaultPlan() {
  const { streams, ids } = app.app.deps
  const planId = planIdOf(ids, DEFAULT_PLAN_SLUG)
  await streams.transact(
    plan,
    planId,
    {
      type: 'PublishPlan',
      planId,
      name: 'Free',
      slug: DEFAULT_PLAN_SLUG,
      prices: { priceListId: `prl_${'0'.repeat(26)}` },
      includedCredit: { amountNanos: '1000000000', kind: 'included', period: 'month' },
      graceDays: 0,
      free: true,
      agents: 'all',
      limits: {},
      selfSubscribe: true,
      at: app.clock.now().toISOString(),
    },
    step(ids, operatorRoot(app), 'publish'),
  )
}

describe('registering', () => {
  // Claim, person, organization, account, plan, credit, period.
  test.each([1, 2, 3, 4, 5, 6, 7])('killed after append %i', async (appends) => {
    await publishDefaultPlan()
    const email = freshEmail()
    await killedAfter(app, appends, async (deps) => {
      await registerUser(deps, operatorRoot(app), { email, password: PASSWORD, locale: 'en' })
      await finishClaim(deps, emailHmacOf(deps, email))
    })
    const [, ...log] = await wholeLog(app)
    expect(log).toHaveLength(appends)
    await app.restart()
    const person = await findUserByEmail(app.app.deps, email)
    // What was written before the kill is the same that the sweep would have written.
    expect(log[0]?.data['userId']).toBe(person?.userId)
    const orgId = person?.personalOrgId ?? ''
    expect(await typesOf(app, `user-${person?.userId}`)).toEqual(['UserRegistered'])
    expect(await typesOf(app, `organization-${orgId}`)).toEqual(['OrganizationCreated'])
    expect(await typesOf(app, `account-${orgId}`)).toEqual([
      'BillingAccountOpened',
      'CreditGranted',
    ])
    expect(await typesOf(app, `subscription-${orgId}`)).toEqual([
      'SubscriptionStarted',
      'PeriodStarted',
    ])
    await app.app.workers.sweep()
    await nothingIsLeft()
    const mails = (await wholeLog(app)).filter(({ type }) => type === 'MailRequested')
    expect(mails.map(({ data }) => data['kind'])).toEqual(['verify_email'])
    expect((await signIn(app, email)).orgId).toBe(orgId)
  })
  test('killed before the first append, the address is still free', async () => {
    const email = freshEmail()
    await killedAfter(app, 0, (deps) =>
      registerUser(deps, operatorRoot(app), { email, password: PASSWORD, locale: 'en' }),
    )
    expect(await wholeLog(app)).toEqual([])
    await app.restart()
    expect((await newPerson(app, email)).email).toBe(email)
  })
  test('who registered before there was a default plan gets it; who gave it up does not', async () => {
    const { orgId } = await newPerson(app)
    const stream = `subscription-${orgId}`
    expect(await typesOf(app, stream)).toEqual([])
    await publishDefaultPlan()
    await app.settled()
    await app.app.workers.sweep()
    expect(await typesOf(app, stream)).toContain('SubscriptionStarted')
    await cancelSubscription(app.app.deps, operatorRoot(app), orgId)
    app.clock.advance(40 * 24 * 60 * 60_000)
    await app.settled()
    await app.app.workers.sweep()
    const types = await typesOf(app, stream)
    expect(types.filter((type) => type === 'SubscriptionStarted')).toHaveLength(1)
  })
  test('who signs in before the sweep has come finishes it', async () => {
    const email = freshEmail()
    await killedAfter(app, 1, (deps) =>
      registerUser(deps, operatorRoot(app), { email, password: PASSWORD, locale: 'en' }),
    )
    const { orgId } = await signIn(app, email)
    expect(await typesOf(app, `account-${orgId}`)).toEqual(['BillingAccountOpened'])
  })
  test('the request, a worker and the sweep at once make nothing twice', async () => {
    const email = freshEmail()
    const { deps } = app.app
    await registerUser(deps, operatorRoot(app), { email, password: PASSWORD, locale: 'en' })
    await Promise.all([
      ...Array.from({ length: 10 }, () => finishClaim(deps, emailHmacOf(deps, email))),
      app.app.workers.sweep(),
    ])
    const types = (await wholeLog(app)).map(({ type }) => type)
    for (const type of ['UserRegistered', 'OrganizationCreated', 'BillingAccountOpened'])
      expect(types.filter((one) => one === type)).toHaveLength(1)
  })
})

describe('changing the address', () => {
  test.each([1, 2, 3])('killed after append %i', async (appends) => {
    const { email: before, userId, orgId } = await newPerson(app)
    await app.settled()
    const after = freshEmail()
    await killedAfter(app, appends, (deps) =>
      changeEmail(deps, operatorRoot(app), { userId, email: after }),
    )
    await app.restart()
    await app.app.workers.sweep()
    await nothingIsLeft()
    const { deps } = app.app
    expect(await typesOf(app, `user-${userId}`)).toEqual(['UserRegistered', 'EmailChanged'])
    expect((await findUserByEmail(deps, after))?.userId).toBe(userId)
    expect(await findUserByEmail(deps, before)).toBeUndefined()
    expect((await signIn(app, after)).orgId).toBe(orgId)
    expect((await newPerson(app, before)).userId).not.toBe(userId)
  })
  test('a claim whose second step is refused is released', async () => {
    const { userId } = await newPerson(app)
    const email = freshEmail()
    await killedAfter(app, 1, (deps) => changeEmail(deps, operatorRoot(app), { userId, email }))
    await deactivateUser(app.app.deps, operatorRoot(app), { userId })
    await app.restart()
    const claim = `emailClaim-${emailHmacOf(app.app.deps, email)}`
    expect(await typesOf(app, claim)).toEqual(['EmailClaimed', 'EmailReleased'])
    expect((await newPerson(app, email)).userId).not.toBe(userId)
  })
  test('who wakes up after the claim was released and given to another changes nothing', async () => {
    const { userId } = await newPerson(app)
    const email = freshEmail()
    const { deps } = app.app
    await killedAfter(app, 1, (mortal) => changeEmail(mortal, operatorRoot(app), { userId, email }))
    const sleeper = asleepBefore(deps, 'ChangeEmail')
    const sleeping = finishClaim(sleeper.deps, emailHmacOf(deps, email))
    await sleeper.asleep
    await deactivateUser(deps, operatorRoot(app), { userId })
    const { refused } = await finishClaim(deps, emailHmacOf(deps, email))
    expect(refused?.code).toBe('user_deactivated')
    const other = await newPerson(app, email)
    await reactivateUser(deps, operatorRoot(app), { userId })

    sleeper.wake()
    expect((await sleeping).user).toBeUndefined()
    expect(await typesOf(app, `user-${userId}`)).toEqual([
      'UserRegistered',
      'UserDeactivated',
      'EmailChangeRefused',
      'UserReactivated',
    ])
    expect((await findUserByEmail(deps, email))?.userId).toBe(other.userId)
  })
  test('who is reactivated before the refusal is final may have been quicker, and keeps the address', async () => {
    const { userId } = await newPerson(app)
    const email = freshEmail()
    const { deps } = app.app
    await killedAfter(app, 1, (mortal) => changeEmail(mortal, operatorRoot(app), { userId, email }))
    await deactivateUser(deps, operatorRoot(app), { userId })
    const sleeper = asleepBefore(deps, 'RefuseEmailChange')
    const sleeping = finishClaim(sleeper.deps, emailHmacOf(deps, email))
    await sleeper.asleep
    await reactivateUser(deps, operatorRoot(app), { userId })
    const changed = await finishClaim(deps, emailHmacOf(deps, email))
    expect(changed.user?.userId).toBe(userId)
    sleeper.wake()
    // The other one was quicker: the address is theirs, and stays claimed.
    expect((await sleeping).user?.userId).toBe(userId)
    expect((await findUserByEmail(deps, email))?.userId).toBe(userId)
    await app.restart()
    await nothingIsLeft()
  })
  test('a late worker takes no address from who was deactivated after the change', async () => {
    const { userId } = await newPerson(app)
    const email = freshEmail()
    const { deps } = app.app
    await changeEmail(deps, operatorRoot(app), { userId, email })
    await deactivateUser(deps, operatorRoot(app), { userId })
    const { user: holder } = await finishClaim(deps, emailHmacOf(deps, email))
    expect(holder?.userId).toBe(userId)
    expect(await typesOf(app, `emailClaim-${emailHmacOf(deps, email)}`)).toEqual(['EmailClaimed'])
  })
  test('of two changes in one moment, the one that was left behind does not come back', async () => {
    const { userId } = await newPerson(app)
    const [first, second] = [freshEmail(), freshEmail()]
    const { deps } = app.app
    const sleeper = asleepBefore(deps, 'ChangeEmail')
    const sleeping = changeEmail(sleeper.deps, operatorRoot(app), { userId, email: first })
    await sleeper.asleep
    await finishClaim(deps, emailHmacOf(deps, first))
    await changeEmail(deps, operatorRoot(app), { userId, email: second })
    const other = await newPerson(app, first)
    sleeper.wake()
    await expect(sleeping).rejects.toMatchObject({ code: 'email_unchanged' })
    expect((await findUserByEmail(deps, second))?.userId).toBe(userId)
    expect((await findUserByEmail(deps, first))?.userId).toBe(other.userId)
  })
})

describe('changing the password', () => {
  test('killed before the other sessions were ended, they end at the next start', async () => {
    const here = await newPerson(app)
    const there = await signIn(app, here.email)
    await app.settled()
    const { state } = await app.app.deps.streams.load(user, here.userId)
    const asked = {
      ...operatorRoot(app),
      actor: { kind: 'user', id: here.userId, sessionId: here.sessionId },
    } as const
    await killedAfter(app, 1, (deps) =>
      changePassword(deps, asked, {
        userId: here.userId,
        passwordHash: 'another hash',
        replaces: passwordHashOf(state) ?? '',
      }),
    )
    expect(await typesOf(app, `session-${there.sessionId}`)).toEqual(['SessionStarted'])
    await app.restart()
    expect((await app.request('GET /me', { token: there.token })).status).toBe(401)
    expect((await app.request('GET /me', { token: here.token })).status).toBe(200)
    await nothingIsLeft()
  })
})

test('everything that follows from a claim has ids of its own, whoever does it', () => {
  const { deps } = app.app
  const [one, two] = [claimRoot(deps, 'clm_1'), claimRoot(deps, 'clm_1', operatorRoot(app))]
  expect(one.id).toBe(two.id)
  expect(claimRoot(deps, 'clm_2').id).not.toBe(one.id)
})
