// Two spellings of one address are one address; a password is judged by length and context only.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Refusal } from '../../../src/domain/refusal.ts'
import { emailText, normalizeEmail } from '../../../src/domain/user/email.ts'
import {
  assertAcceptablePassword,
  passwordProblem,
} from '../../../src/domain/user/password-policy.ts'

describe('normalising', () => {
  test('case, space and width make no difference', () => {
    for (const text of [
      'ada@example.com',
      ' ADA@Example.COM\n',
      'ａｄａ＠example.com',
      'ada@ｅxample.com',
    ])
      expect(normalizeEmail(text)).toBe('ada@example.com')
  })
  test('a tag is another address', () => {
    expect(normalizeEmail('ada+x@example.com')).toBe('ada+x@example.com')
  })
  test('twice is once, for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const once = normalizeEmail(text)
        expect(normalizeEmail(once)).toBe(once)
      }),
      { numRuns: 2_000 },
    )
  })
  test('the schema answers the normal form and refuses what is no address', () => {
    expect(emailText.parse('  Ada@Example.com ')).toBe('ada@example.com')
    for (const text of [
      'ada',
      'ada@',
      '@example.com',
      'a b@example.com',
      'ada@example.com\r\nBcc: x@example.com',
      'ada@example.com\0',
      `${'a'.repeat(250)}@example.com`,
    ])
      expect(emailText.safeParse(text).success, JSON.stringify(text)).toBe(false)
  })
})

describe('passwords', () => {
  const email = 'ada.lovelace@example.com'
  test.each([
    ['correct horse battery', undefined],
    ['lowercase only words', undefined],
    ['🐎🔋📎✅🐎🔋📎✅🐎🔋📎✅', undefined],
    ['xyzabcdefgh', 'too_short'],
    ['🐎🔋📎✅🐎🔋📎✅🐎🔋📎', 'too_short'],
    ['Ada.Lovelace@Example.com', 'same_as_email'],
    ['ada.lovelace', 'same_as_email'],
    ['Daybook 12345', 'contains_product_name'],
    ['DaybookDaybook', 'contains_product_name'],
    ['aaaaaaaaaaaaaaaa', 'too_simple'],
    ['abababababababab', 'too_simple'],
    ['Password 1234', 'too_common'],
    ['lone \ud800 surrogate', 'not_text'],
  ] as const)('%j: %s', (password, problem) => {
    expect(passwordProblem(password, { email })).toBe(problem)
  })
  test('bounds are counted in code points', () => {
    const long = (n: number) => '🐎abc'.repeat(n / 4)
    expect(passwordProblem(long(12))).toBeUndefined()
    expect(passwordProblem(long(128))).toBeUndefined()
    expect(passwordProblem(`${long(128)}x`)).toBe('too_long')
  })
  test('the refusal has the reason and not the password', () => {
    const refuse = () => assertAcceptablePassword('too short')
    expect(refuse).toThrow(Refusal)
    try {
      refuse()
    } catch (error) {
      expect(error).toMatchObject({
        code: 'password_unacceptable',
        facts: { reason: 'too_short', min: 12, max: 128 },
      })
      expect(JSON.stringify(error)).not.toContain('too short')
    }
  })
})
