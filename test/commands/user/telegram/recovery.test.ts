// Killed after any append, a sign-up by Telegram, a link and an unlink come to their one end; what was refused or undone is free again.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Deps } from '../../../../src/commands/deps.ts'
import { deactivateUser } from '../../../../src/commands/user/deactivate-user.ts'
import { changeEmail } from '../../../../src/commands/user/change-email.ts'
import { enterByTelegram } from '../../../../src/commands/user/telegram/enter-by-telegram.ts'
import {
  findUserByTelegram,
  telegramHmacOf,
} from '../../../../src/commands/user/telegram/find-user-by-telegram.ts'
import { finishTelegramClaim } from '../../../../src/commands/user/telegram/finish-telegram-claim.ts'
import { linkTelegram } from '../../../../src/commands/user/telegram/link-telegram.ts'
import { unlinkTelegram } from '../../../../src/commands/user/telegram/unlink-telegram.ts'
import { claimsToFinish } from '../../../../src/projections/unfinished-claims.ts'
import { peopleWaitingFor } from '../../../../src/projections/unfinished-registrations.ts'
import { telegramClaimsToFinish } from '../../../../src/projections/unfinished-telegram-claims.ts'
import { startTestApp, type TestApp } from '../../../support/app.ts'
import { asleepBefore } from '../../../support/asleep.ts'
import { killedAfter } from '../../../support/killed-after.ts'
import { freshEmail, newPerson, operatorRoot, typesOf, wholeLog } from '../../../support/people.ts'
import { freshTelegramId } from '../../../support/telegram-login.ts'

let app: TestApp
beforeEach(async () => {
  app = await startTestApp({ USAGE_LOG: 'off' })
})
afterEach(() => app.stop())

const enter = (deps: Deps, telegramId: string) =>
  enterByTelegram(deps, operatorRoot(app), { telegramId, username: 'zoe', locale: 'en' })
const claimOf = (telegramId: string) =>
  typesOf(app, `telegramClaim-${telegramHmacOf(app.app.deps, telegramId)}`)

async function nothingIsLeft() {
  await app.settled()
  const { views } = app.app.deps
  const left: unknown[] = []
  for await (const { document } of telegramClaimsToFinish(views)) left.push(document)
  for await (const { document } of claimsToFinish(views)) left.push(document)
  for await (const userId of peopleWaitingFor(views, 'provision')) left.push(userId)
  expect(left).toEqual([])
}

describe('signing up', () => {
  // Claim, address, person, organization, account, link.
  test.each([1, 2, 3, 4, 5, 6])('killed after append %i', async (appends) => {
    const telegramId = freshTelegramId()
    await killedAfter(app, appends, (deps) => enter(deps, telegramId))
    const before = await wholeLog(app)
    expect(before).toHaveLength(appends)
    await app.restart()
    await nothingIsLeft()
    const person = await findUserByTelegram(app.app.deps, telegramId)
    // What was written before the kill is the same that the sweep would have written.
    expect(before[0]?.data['userId']).toBe(person?.userId)
    expect(await typesOf(app, `user-${person?.userId}`)).toEqual([
      'UserRegistered',
      'TelegramLinked',
    ])
    const orgId = person?.personalOrgId ?? ''
    expect(await typesOf(app, `organization-${orgId}`)).toEqual(['OrganizationCreated'])
    expect(await typesOf(app, `account-${orgId}`)).toEqual(['BillingAccountOpened'])
    const again = await enter(app.app.deps, telegramId)
    expect(again).toMatchObject({ created: false, user: { userId: person?.userId } })
  })
  test('who comes back before the sweep finishes it', async () => {
    const telegramId = freshTelegramId()
    await killedAfter(app, 1, (deps) => enter(deps, telegramId))
    const { user } = await enter(app.app.deps, telegramId)
    expect(user.telegram?.telegramId).toBe(telegramId)
    expect(await claimOf(telegramId)).toEqual(['TelegramClaimed'])
  })
  test('the request, a worker and the sweep at once make nothing twice', async () => {
    const telegramId = freshTelegramId()
    const { deps } = app.app
    await Promise.all([
      ...Array.from({ length: 10 }, () => enter(deps, telegramId)),
      ...Array.from({ length: 10 }, () =>
        finishTelegramClaim(deps, telegramHmacOf(deps, telegramId)),
      ),
      app.app.workers.sweep(),
    ])
    await nothingIsLeft()
    const types = (await wholeLog(app)).map(({ type }) => type)
    for (const type of ['TelegramClaimed', 'EmailClaimed', 'UserRegistered', 'TelegramLinked'])
      expect(types.filter((one) => one === type)).toHaveLength(1)
  })
  test('who has given a real address meanwhile is not claimed a made-up one again', async () => {
    const telegramId = freshTelegramId()
    const { user } = await enter(app.app.deps, telegramId)
    const email = freshEmail()
    await changeEmail(app.app.deps, operatorRoot(app), { userId: user.userId, email })
    await finishTelegramClaim(app.app.deps, telegramHmacOf(app.app.deps, telegramId))
    const types = (await wholeLog(app)).map(({ type }) => type)
    expect(types.filter((type) => type === 'EmailClaimed')).toHaveLength(2)
    expect(types.filter((type) => type === 'EmailReleased')).toHaveLength(1)
  })
})

describe('linking', () => {
  const link = (deps: Deps, userId: string, telegramId: string) =>
    linkTelegram(deps, operatorRoot(app), userId, { telegramId })

  test.each([1, 2])('killed after append %i', async (appends) => {
    const { userId } = await newPerson(app)
    const telegramId = freshTelegramId()
    await app.settled()
    await killedAfter(app, appends, (deps) => link(deps, userId, telegramId))
    await app.restart()
    await nothingIsLeft()
    expect((await findUserByTelegram(app.app.deps, telegramId))?.userId).toBe(userId)
    expect(await claimOf(telegramId)).toEqual(['TelegramClaimed'])
  })
  test('a claim whose link is refused is released, and somebody else may have the account', async () => {
    const { userId } = await newPerson(app)
    const telegramId = freshTelegramId()
    await app.settled()
    await killedAfter(app, 1, (deps) => link(deps, userId, telegramId))
    await deactivateUser(app.app.deps, operatorRoot(app), { userId })
    await app.restart()
    await nothingIsLeft()
    expect(await claimOf(telegramId)).toEqual(['TelegramClaimed', 'TelegramReleased'])
    const { user } = await enter(app.app.deps, telegramId)
    expect(user.userId).not.toBe(userId)
  })
  test('who wakes up after the claim was released and given to another links nothing', async () => {
    const [ada, bob] = [await newPerson(app), await newPerson(app)]
    const telegramId = freshTelegramId()
    const { deps } = app.app
    await killedAfter(app, 1, (mortal) => link(mortal, ada.userId, telegramId))
    await link(deps, ada.userId, freshTelegramId())

    const sleeper = asleepBefore(deps, 'LinkTelegram')
    const sleeping = finishTelegramClaim(sleeper.deps, telegramHmacOf(deps, telegramId))
    await sleeper.asleep
    const { refused } = await finishTelegramClaim(deps, telegramHmacOf(deps, telegramId))
    expect(refused?.code).toBe('telegram_already_linked')
    await link(deps, bob.userId, telegramId)
    await unlinkTelegram(deps, operatorRoot(app), ada.userId)

    sleeper.wake()
    expect((await sleeping).user).toBeUndefined()
    expect(await typesOf(app, `user-${ada.userId}`)).toEqual([
      'UserRegistered',
      'TelegramLinked',
      'TelegramLinkRefused',
      'TelegramUnlinked',
    ])
    expect((await findUserByTelegram(deps, telegramId))?.userId).toBe(bob.userId)
  })
  test('two accounts linked to one person at once: one is theirs, the other is free', async () => {
    const { userId } = await newPerson(app)
    const ids = [freshTelegramId(), freshTelegramId()]
    const done = await Promise.allSettled(ids.map((id) => link(app.app.deps, userId, id)))
    expect(done.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    await app.settled()
    await app.app.workers.sweep()
    await nothingIsLeft()
    const owners = await Promise.all(ids.map((id) => findUserByTelegram(app.app.deps, id)))
    expect(owners.map((owner) => owner?.userId).filter(Boolean)).toEqual([userId])
  })
  test('one account linked to two people at once is one’s', async () => {
    const [ada, bob] = [await newPerson(app), await newPerson(app)]
    const telegramId = freshTelegramId()
    const done = await Promise.allSettled(
      [ada, bob].map(({ userId }) => link(app.app.deps, userId, telegramId)),
    )
    expect(done.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    const winner = done[0]?.status === 'fulfilled' ? ada : bob
    expect((await findUserByTelegram(app.app.deps, telegramId))?.userId).toBe(winner.userId)
  })
})

test.each([1, 2])('unlinking killed after append %i frees the account once', async (appends) => {
  const { userId } = await newPerson(app)
  const telegramId = freshTelegramId()
  await linkTelegram(app.app.deps, operatorRoot(app), userId, { telegramId })
  await app.settled()
  await killedAfter(app, appends, (deps) => unlinkTelegram(deps, operatorRoot(app), userId))
  await app.restart()
  await nothingIsLeft()
  expect(await claimOf(telegramId)).toEqual(['TelegramClaimed', 'TelegramReleased'])
  expect(await typesOf(app, `user-${userId}`)).toEqual([
    'UserRegistered',
    'TelegramLinked',
    'TelegramUnlinked',
  ])
  const { user, created } = await enter(app.app.deps, telegramId)
  expect(created).toBe(true)
  expect(user.userId).not.toBe(userId)
})
