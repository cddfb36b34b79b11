// The promise about Telegram accounts can be seen broken: A1.
import { describe, expect, test } from 'vitest'
import { checked, found, idOf, log, second, type Written } from '../log.ts'

const HMAC = 'a'.repeat(64)
const CLAIM = `telegramClaim-${HMAC}`
const EMPTY: Written = { stream: 'x-y', type: 'X', data: {} }
const report = (...written: readonly Written[]) =>
  found(checked(written)).filter((violation) => violation.startsWith('A1'))
/** Sealed at the place where `log` will put the event. */
const sealed = (index: number, user: number) => ({
  key: `user/${idOf('user', user)}`,
  context: `${log(Array.from({ length: index + 1 }, () => EMPTY))[index]?.id}/telegramId/v1`,
  sealed: 'AAAA',
})

const claimed = (index: number, claim: number, user: number): Written => ({
  stream: CLAIM,
  type: 'TelegramClaimed',
  data: {
    claimId: idOf('claim', claim),
    userId: idOf('user', user),
    telegramHmac: HMAC,
    telegramId: sealed(index, user),
    purpose: 'link',
    at: second(0),
  },
})
const linked = (index: number, claim: number, user: number): Written => ({
  stream: `user-${idOf('user', user)}`,
  type: 'TelegramLinked',
  data: {
    userId: idOf('user', user),
    telegramHmac: HMAC,
    claimId: idOf('claim', claim),
    telegramId: sealed(index, user),
    purpose: 'link',
    at: second(0),
  },
})
const unlinked = (claim: number, user: number): Written => ({
  stream: `user-${idOf('user', user)}`,
  type: 'TelegramUnlinked',
  data: {
    userId: idOf('user', user),
    telegramHmac: HMAC,
    claimId: idOf('claim', claim),
    at: second(0),
  },
})
const refused = (claim: number, user: number): Written => ({
  stream: `user-${idOf('user', user)}`,
  type: 'TelegramLinkRefused',
  data: {
    userId: idOf('user', user),
    telegramHmac: HMAC,
    claimId: idOf('claim', claim),
    reason: 'another_linked',
    at: second(0),
  },
})
const freed = (claim: number, user: number): Written => ({
  stream: CLAIM,
  type: 'TelegramReleased',
  data: {
    claimId: idOf('claim', claim),
    userId: idOf('user', user),
    reason: 'unlinked',
    at: second(0),
  },
})
const login: Written = {
  stream: CLAIM,
  type: 'TelegramLoginUsed',
  data: { loginHash: 'b'.repeat(64), signedAt: second(0), at: second(0) },
}

describe('A1', () => {
  test('an account that is linked, unlinked, freed and linked to somebody else is sound', () => {
    const story = [login, claimed(1, 1, 1), linked(2, 1, 1), unlinked(1, 1), freed(1, 1)]
    expect(report(...story, claimed(5, 2, 2), linked(6, 2, 2))).toEqual([])
  })
  test('an account whose link was refused is sound with somebody else', () => {
    const story = [claimed(0, 1, 1), refused(1, 1), freed(1, 1)]
    expect(report(...story, claimed(3, 2, 2), linked(4, 2, 2))).toEqual([])
  })
  test.each<[string, readonly Written[], string[]]>([
    ['a claim of a held account', [claimed(0, 1, 1), claimed(1, 2, 2)], ['A1 2']],
    ['an account that nobody claimed', [linked(0, 1, 1)], ['A1 1']],
    ['an account of somebody else', [claimed(0, 1, 1), linked(1, 1, 2)], ['A1 2']],
    ['a second account', [claimed(0, 1, 1), linked(1, 1, 1), linked(2, 1, 1)], ['A1 3']],
    [
      'an account that is free and linked',
      [claimed(0, 1, 1), linked(1, 1, 1), freed(1, 1)],
      ['A1 3'],
    ],
    ['a link that was refused', [claimed(0, 1, 1), refused(1, 1), linked(2, 1, 1)], ['A1 3']],
    ['a refusal of what is linked', [claimed(0, 1, 1), linked(1, 1, 1), refused(1, 1)], ['A1 3']],
    ['a release of a claim that holds nothing', [claimed(0, 1, 1), freed(2, 1)], ['A1 2']],
    ['signed data that was used twice', [login, login], ['A1 2']],
  ])('%s', (_name, written, violations) => {
    expect(report(...written)).toEqual(violations)
  })
})
