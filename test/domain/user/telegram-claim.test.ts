// One Telegram account belongs to one person, signed data gets somebody in once, and a claim carries what finishes it.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ERASED } from '../../../src/domain/personal.ts'
import type { TelegramClaimEvent } from '../../../src/domain/user/events.ts'
import {
  LOGIN_MAX_MS,
  linkOf,
  provisionalEmail,
  telegramClaim,
  type TelegramClaimCommand,
  telegramClaimOutcome,
} from '../../../src/domain/user/telegram-claim.ts'
import { emailText, normalizeEmail } from '../../../src/domain/user/email.ts'
import { given as tell, stateOf } from '../../support/decider.ts'

const at = '2026-01-01T00:00:00.000Z'
const later = (ms: number) => new Date(Date.parse(at) + ms).toISOString()
const id = (prefix: string, n: number) => `${prefix}_${String(n).padStart(26, '0')}`
const claim = (n: number) =>
  ({
    type: 'ClaimTelegram',
    purpose: 'registration',
    claimId: id('clm', n),
    userId: id('usr', n),
    personalOrgId: id('org', n),
    telegramHmac: 'a'.repeat(64),
    telegramId: '424242424',
    username: 'zoe_n',
    locale: 'en',
    at,
  }) as const
const claimed = (n: number): Extract<TelegramClaimEvent, { type: 'TelegramClaimed' }> => {
  const { type: _, ...data } = claim(n)
  return { type: 'TelegramClaimed', data }
}
const release = (n: number, reason: 'unlinked' | 'refused' = 'unlinked') =>
  ({ type: 'ReleaseTelegram', claimId: id('clm', n), reason, at }) as const
const released = (n: number): TelegramClaimEvent => ({
  type: 'TelegramReleased',
  data: { claimId: id('clm', n), userId: id('usr', n), reason: 'unlinked', at },
})
const use = (hash: string, signedAt = at, when = signedAt) =>
  ({ type: 'UseTelegramLogin', loginHash: hash.repeat(64), signedAt, at: when }) as const
const used = (hash: string, signedAt = at, when = signedAt): TelegramClaimEvent => {
  const { type: _, ...data } = use(hash, signedAt, when)
  return { type: 'TelegramLoginUsed', data }
}
const given = (...events: TelegramClaimEvent[]) => tell(telegramClaim, events)

describe('claiming', () => {
  test('the first claim holds the account, another changes nothing', () => {
    given()
      .when(claim(1))
      .then([claimed(1)])
    given(claimed(1)).when(claim(2)).thenNothing()
    given(claimed(1)).when(claim(1)).thenNothing()
  })
  test('a released account may be claimed anew, but never by the released claim', () => {
    given(claimed(1), released(1))
      .when(claim(2))
      .then([claimed(2)])
    given(claimed(1), released(1)).when(claim(1)).thenNothing()
    const state = stateOf(telegramClaim, [claimed(1), released(1)])
    expect(telegramClaimOutcome(state, id('clm', 1))).toBe('released')
  })
  test('only the holder releases, once', () => {
    given(claimed(1)).when(release(2)).thenNothing()
    given(claimed(1))
      .when(release(1))
      .then([released(1)])
    given(claimed(1), released(1)).when(release(1)).thenNothing()
  })
  test('in any order of claims and releases at most one claim holds, and the outcome says which', () => {
    const commands = fc.array(
      fc.record({ n: fc.integer({ min: 1, max: 4 }), frees: fc.boolean() }),
      { maxLength: 30 },
    )
    fc.assert(
      fc.property(commands, (steps) => {
        let state = telegramClaim.initial()
        for (const { n, frees } of steps) {
          const before = state.held?.claimId
          const command: TelegramClaimCommand = frees ? release(n) : claim(n)
          for (const event of telegramClaim.decide(command, state))
            state = telegramClaim.evolve(state, event)
          if (!frees && before !== undefined) expect(state.held?.claimId).toBe(before)
          const held = [1, 2, 3, 4].filter(
            (k) => telegramClaimOutcome(state, id('clm', k)) === 'held',
          )
          expect(held).toEqual(state.held ? [Number(state.held.claimId.slice(4))] : [])
        }
      }),
    )
  })
})

describe('signed data', () => {
  test('works once, whoever holds the account', () => {
    given()
      .when(use('1'))
      .then([used('1')])
    given(used('1')).when(use('1')).thenRefused('telegram_login_refused')
    given(used('1'), claimed(1), released(1)).when(use('1')).thenRefused('telegram_login_refused')
    given(used('1'))
      .when(use('2'))
      .then([used('2')])
  })
  test('is remembered for longer than it could be accepted, and not for ever', () => {
    const day = later(LOGIN_MAX_MS)
    given(used('1'), used('2', day)).when(use('1')).thenRefused('telegram_login_refused')
    const state = stateOf(telegramClaim, [used('1'), used('2', later(2 * LOGIN_MAX_MS + 1))])
    expect(state.used.map(({ loginHash }) => loginHash[0])).toEqual(['2'])
  })
})

describe('what follows', () => {
  test('the link that the claim describes', () => {
    expect(linkOf(claimed(1).data)).toEqual({
      type: 'LinkTelegram',
      claimId: id('clm', 1),
      telegramHmac: 'a'.repeat(64),
      telegramId: '424242424',
      username: 'zoe_n',
      purpose: 'registration',
      at,
    })
  })
  test('nothing, where the values were erased', () => {
    expect(linkOf({ ...claimed(1).data, telegramId: ERASED })).toBeUndefined()
  })
  test('the made-up address is one, is the claim’s, and never takes mail', () => {
    const email = provisionalEmail(id('clm', 1))
    expect(emailText.parse(email)).toBe(email)
    expect(normalizeEmail(email)).toBe(email)
    expect(email).toMatch(/^telegram-0+1@users\.invalid$/)
    expect(provisionalEmail(id('clm', 2))).not.toBe(email)
  })
})
