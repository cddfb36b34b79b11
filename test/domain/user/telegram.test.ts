// A person has one Telegram account, keeps a way in when it goes, and a link that was undone never comes back.
import { describe, expect, test } from 'vitest'
import type { UserEvent } from '../../../src/domain/user/events.ts'
import type { LinkTelegram } from '../../../src/domain/user/telegram-account.ts'
import { user } from '../../../src/domain/user/user.ts'
import { given as tell, stateOf } from '../../support/decider.ts'

const userId = 'usr_00000000000000000000000001'
const claimId = 'clm_00000000000000000000000001'
const otherClaimId = 'clm_00000000000000000000000002'
const at = '2026-01-01T00:00:00.000Z'
const emailHmac = 'e'.repeat(64)

const registered = ({ provisional = false, password = true }): UserEvent => ({
  type: 'UserRegistered',
  data: {
    userId,
    claimId: 'clm_00000000000000000000000009',
    email: 'ada@example.com',
    emailHmac,
    provisional,
    ...(password && { passwordHash: 'hash-1' }),
    locale: 'en',
    personalOrgId: 'org_00000000000000000000000001',
    at,
  },
})
const ada = registered({})
const newcomer = registered({ provisional: true, password: false })
const link: LinkTelegram = {
  type: 'LinkTelegram',
  telegramHmac: 'a'.repeat(64),
  claimId,
  telegramId: '424242424',
  username: 'zoe_n',
  purpose: 'link',
  at,
}
const other: LinkTelegram = { ...link, telegramHmac: 'b'.repeat(64), claimId: otherClaimId }
const linked = (command = link): UserEvent => {
  const { type: _, ...account } = command
  return { type: 'TelegramLinked', data: { userId, ...account } }
}
const unlink = { type: 'UnlinkTelegram', at } as const
const unlinked = (command = link): UserEvent => ({
  type: 'TelegramUnlinked',
  data: { userId, telegramHmac: command.telegramHmac, claimId: command.claimId, at },
})
const verified: UserEvent = { type: 'EmailVerified', data: { userId, emailHmac, at } }
const deactivated: UserEvent = { type: 'UserDeactivated', data: { userId, at } }
const given = (...events: UserEvent[]) => tell(user, events)

describe('linking', () => {
  test('is written once', () => {
    given(ada).when(link).then([linked()])
    given(ada, linked()).when(link).thenNothing()
    expect(stateOf(user, [ada, linked()])?.telegram).toEqual({
      telegramHmac: link.telegramHmac,
      claimId,
      telegramId: '424242424',
      username: 'zoe_n',
    })
  })
  test('a second account is refused, also by the same claim', () => {
    given(ada, linked()).when(other).thenRefused('telegram_already_linked')
    given(ada, linked())
      .when({ ...other, claimId })
      .thenRefused('telegram_already_linked')
  })
  test('what was undone never links again; another claim does', () => {
    given(ada, linked(), unlinked()).when(link).thenRefused('token_unusable')
    given(ada, linked(), unlinked())
      .when({ ...other, claimId })
      .thenRefused('token_unusable')
    given(ada, linked(), unlinked())
      .when(other)
      .then([linked(other)])
  })
  test('what was refused is refused for ever, for the same reason', () => {
    const refusal = (reason: 'another_linked' | 'deactivated') =>
      ({ telegramHmac: other.telegramHmac, claimId: otherClaimId, reason, at }) as const
    const refuse = { type: 'RefuseTelegramLink', ...refusal('another_linked') } as const
    const refused = (reason: 'another_linked' | 'deactivated'): UserEvent => ({
      type: 'TelegramLinkRefused',
      data: { userId, ...refusal(reason) },
    })
    given(ada, linked())
      .when(refuse)
      .then([refused('another_linked')])
    given(ada, linked(), refused('another_linked'), unlinked())
      .when(other)
      .thenRefused('telegram_already_linked')
    given(ada, refused('deactivated')).when(other).thenRefused('user_deactivated')
    given(ada, refused('deactivated')).when(link).then([linked()])
    // Somebody else was quicker, or it was undone.
    given(ada, linked(other)).when(refuse).thenNothing()
    given(ada, linked(other), unlinked(other)).when(refuse).thenNothing()
    given().when(refuse).thenRefused('user_not_found')
  })
  test('a deactivated person links nothing; who came by Telegram has it in any case', () => {
    given(ada, deactivated).when(link).thenRefused('user_deactivated')
    const registration = { ...link, purpose: 'registration' } as const
    given(newcomer, deactivated)
      .when(registration)
      .then([linked(registration)])
  })
  test('nobody links to somebody who is not there', () => {
    given().when(link).thenRefused('user_not_found')
  })
})

describe('unlinking', () => {
  test.each([
    ['a password', [ada]],
    ['a verified address', [registered({ password: false }), verified]],
  ])('with %s', (_name, events) => {
    given(...events, linked())
      .when(unlink)
      .then([unlinked()])
    given(...events, linked(), unlinked())
      .when(unlink)
      .thenNothing()
    given(...events)
      .when(unlink)
      .thenNothing()
  })
  test.each([
    ['a made-up address', [newcomer]],
    ['an address that nobody has proven', [registered({ password: false })]],
  ])('is refused with %s and nothing else', (_name, events) => {
    given(...events, linked())
      .when(unlink)
      .thenRefused('last_way_in')
  })
  test('a deactivated person unlinks nothing', () => {
    given(ada, linked(), deactivated).when(unlink).thenRefused('user_deactivated')
  })
})

test('a change of a made-up address says so, so that nobody is written to', () => {
  const [event] = given(newcomer)
    .when({
      type: 'ChangeEmail',
      email: 'zoe@example.com',
      emailHmac: 'f'.repeat(64),
      claimId: otherClaimId,
      at: '2026-01-02T00:00:00.000Z',
    })
    .events()
  expect(event?.data).toMatchObject({ previousProvisional: true })
  expect(stateOf(user, [newcomer, ...(event ? [event] : [])])?.provisional).toBe(false)
})

describe('a new password by mail', () => {
  const reset = {
    type: 'ChangePassword',
    cause: 'reset',
    passwordVersion: 1,
    passwordHash: 'hash-2',
    at,
  } as const
  const changed: UserEvent = {
    type: 'PasswordChanged',
    data: { userId, passwordHash: 'hash-2', cause: 'reset', at },
  }

  test('takes the account from whoever had named an address that is not theirs', () => {
    given(ada, linked()).when(reset).then([changed, verified, unlinked()])
  })
  test('leaves Telegram to whoever has verified the address', () => {
    given(ada, linked(), verified).when(reset).then([changed])
  })
})
