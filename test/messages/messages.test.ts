// Guarantee: every code has whole texts in every language, whatever its facts are, and a person gets
// the best language that their browser asks for.
import { describe, expect, it } from 'vitest'
import { statusOf } from '../../src/api/errors.ts'
import { languages, localeFrom, locales, messagesFor } from '../../src/messages/index.ts'
import { en } from '../../src/messages/en.ts'
import { ru } from '../../src/messages/ru.ts'
import type { Facts, ProblemCode } from '../../src/messages/messages.ts'
import { sourceFiles } from '../support/repository.ts'

const codes = Object.keys(statusOf) as ProblemCode[]
const usd = (amount: string) => ({ amount, currency: 'USD' })

/** Every fact that a refusal may carry, at once. */
const full: Facts = {
  needed: usd('0.420000000'),
  available: usd('0.100000000'),
  held: usd('0.350000000'),
  waiting_helps: true,
  missing: ['topic'],
  unknown: ['tpoic'],
  too_long: [{ name: 'style', length: 300, max_length: 200 }],
  not_text: ['count'],
  problems: [{ code: 'undeclared_variable', in: 'prompt_template', name: 'tone', line: 3 }],
  tokens: 5000,
  bytes: 9000,
  limit: 4096,
  limit_bytes: 8192,
  service: 'event log',
  revision: 7,
  reason: 'timeout',
  min_length: 12,
  max_length: 128,
  label: 'beta',
  labels: ['production'],
  latest: 4,
  invocation_id: 'inv_123',
}
const fields = [...Object.keys(full), 'tooLong', 'notText', 'issues', 'limitBytes', 'min', 'max']
/** Facts of every wrong shape, each in all fields. */
const wrong = [
  undefined,
  null,
  {},
  [],
  [null, {}, undefined, 1],
  Number.NaN,
  -1,
  1.5,
  '',
  Symbol('x'),
]
const hostile: Facts[] = wrong.map((value) =>
  Object.fromEntries(fields.map((field) => [field, value])),
)
const every: Facts[] = [{}, full, ...hostile]
const hole = /undefined|null|\[object|NaN|Symbol|  | [.,;]|\(\)|“”|«»/

describe.each(locales)('in %s', (locale) => {
  const messages = messagesFor(locale)

  it('has a text for every code that the door can answer, and no other', () => {
    expect(Object.keys(messages.problems).sort()).toEqual([...codes].sort())
  })

  it.each(codes)('%s: has whole texts for any facts', (code) => {
    const { title, detail } = messages.problems[code]
    expect(title).toMatch(/^\p{Lu}.*[^.]$/u)
    for (const facts of every) {
      const text = detail(facts)
      expect(text).toMatch(/^[^\s].*[.]$/)
      expect(text).not.toMatch(hole)
    }
  })

  it('says the facts that a person needs', () => {
    const said = (code: ProblemCode, facts: Facts = full) => messages.problems[code].detail(facts)
    const contains = (text: string, ...parts: string[]) => {
      for (const part of parts) expect(text).toContain(part)
    }
    contains(said('insufficient_credit'), '0.420000000 USD', '0.100000000 USD', '0.350000000 USD')
    contains(said('variables_invalid'), 'topic', 'tpoic', 'style', '200', 'count')
    contains(said('template_invalid'), 'prompt_template', '3', 'tone')
    contains(said('prompt_too_large'), '5000', '4096')
    contains(said('prompt_too_large', { bytes: 9000, limitBytes: 8192 }), '9000', '8192')
    contains(said('context_exceeded'), '5000', '4096')
    contains(said('unavailable'), 'event log')
    contains(said('precondition_failed', { revision: 0n }), '0')
    contains(said('forbidden', { needed: 'admin' }), 'admin')
    contains(said('label_not_found'), 'beta', 'production')
    contains(said('version_not_found'), '4')
    contains(said('password_unacceptable', { ...full, reason: 'too_short' }), '12')
    contains(said('password_unacceptable', { ...full, reason: 'too_long' }), '128')
    contains(said('invocation_failed'), 'inv_123')
  })

  it('tells who must wait from who must pay', () => {
    const { detail } = messages.problems.insufficient_credit
    const waits = detail({ ...full, waiting_helps: true })
    const pays = detail({ ...full, waiting_helps: false })
    expect(waits).not.toBe(pays)
    expect(pays).not.toContain('0.350000000')
  })

  it('never tells a buyer what a provider says about the seller', () => {
    const { detail } = messages.problems.invocation_failed
    const texts = [
      'refused_key',
      'quota_exhausted',
      'rate_limited',
      'unknown_model',
      'provider_error',
    ]
    expect(new Set(texts.map((reason) => detail({ reason }))).size).toBe(1)
  })

  it('quotes names on one line, cut to 64 characters, and no more than ten', () => {
    const { detail } = messages.problems.variables_invalid
    const long = detail({ unknown: ['я'.repeat(500)] })
    expect(/я+…/.exec(long)?.[0]).toHaveLength(64)
    const many = Array.from({ length: 50 }, (_, index) => `v${index}x`)
    expect(detail({ missing: many }).match(/v\d+x/g)).toHaveLength(10)
    const label = detail({ missing: ['Acme\n\nPay now:\u202E\r\nhttp'] })
    expect(label).toContain('Acme Pay now: http')
    expect(messages.problems.label_not_found.detail({ label: '😀'.repeat(200) })).toSatisfy(
      (text: string) => text.isWellFormed(),
    )
  })
})

describe('languages', () => {
  it('Russian is Russian throughout', () => {
    const cyrillic = /\p{Script=Cyrillic}/u
    for (const code of codes)
      for (const facts of [{}, full]) {
        expect(ru.problems[code].title).toMatch(cyrillic)
        expect(ru.problems[code].detail(facts)).toMatch(cyrillic)
        expect(en.problems[code].title + en.problems[code].detail(facts)).not.toMatch(cyrillic)
      }
    expect(ru.texts.registered).toMatch(cyrillic)
    expect(en.texts.registered).toMatch(/^\p{Lu}.+\.$/u)
  })

  it.each([
    ['1', 'character.', 'символа.'],
    ['12', 'characters.', 'символов.'],
    ['21', 'characters.', 'символа.'],
    ['111', 'characters.', 'символов.'],
  ])('count %s of something as each language does', (min, english, russian) => {
    const facts = { reason: 'too_short', min }
    expect(en.problems.password_unacceptable.detail(facts)).toContain(`${min} ${english}`)
    expect(ru.problems.password_unacceptable.detail(facts)).toContain(`${min} ${russian}`)
  })

  it('are each listed under their own code', () => {
    expect(Object.keys(languages)).toEqual([...locales])
    for (const locale of locales) expect(messagesFor(locale).locale).toBe(locale)
  })

  it.each([undefined, '', 'de', 'toString', '__proto__'])('%s gets English', (locale) => {
    expect(messagesFor(locale)).toBe(en)
  })
})

describe('Accept-Language', () => {
  it.each([
    [undefined, 'en'],
    ['', 'en'],
    ['*', 'en'],
    ['ru', 'ru'],
    ['RU-ru', 'ru'],
    ['en-GB,en;q=0.9', 'en'],
    ['ru,en', 'ru'],
    ['en,ru', 'en'],
    ['en;q=0.5,ru;q=0.9', 'ru'],
    ['en;q=0.9, ru;q=0.5', 'en'],
    ['de,fr;q=0.9,ru;q=0.2', 'ru'],
    ['de-CH, *;q=0.5', 'en'],
    ['ru;q=0,en;q=0.1', 'en'],
    ['ru;q=0', 'en'],
    ['ru;q=0.000, de', 'en'],
    ['en ; q=0.3 , ru ; q=0.8', 'ru'],
    ['ru;q=nonsense', 'ru'],
    [';;;,,,q=1', 'en'],
    ['russian', 'en'],
    ['__proto__, constructor', 'en'],
    ['en;Q=0.3, ru;Q=0.8', 'ru'],
  ])('%s → %s', (header, locale) => {
    expect(localeFrom(header)).toBe(locale)
  })
  it('reads no more than the beginning of an endless header', () => {
    expect(localeFrom(`${'de,'.repeat(50_000)}ru`)).toBe('en')
  })
})

describe('what is expected of a field', () => {
  // Phrases stand beside the schemas and checks that say them.
  const phrases = [
    ...sourceFiles('src/api'),
    ...sourceFiles('src/domain'),
    ...sourceFiles('src/commands'),
  ]
    .flatMap(({ text }) => [
      ...text.matchAll(/\bmessage: '([^']+)'/g),
      ...text.matchAll(/regex\([^\n]*?, '([^']+)'\)/g),
      ...text.matchAll(/\berror: '([^']+ [^']+)'/g),
    ])
    .map((match) => match[1] ?? '')

  it.each([...new Set(phrases)])('“%s” is said in every language', (phrase) => {
    for (const messages of Object.values(languages))
      if (messages.locale !== 'en') expect(Object.keys(messages.fields)).toContain(phrase)
  })
  it('there are such phrases', () => {
    expect(phrases.length).toBeGreaterThan(15)
  })
})
