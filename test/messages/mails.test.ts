// Every mail is whole in every language whatever its facts are, its plain text and its HTML say the same, and a name from outside stays a name: no markup, no header, no turned text, no link of its own.
import { describe, expect, it } from 'vitest'
import { mailKinds } from '../../src/domain/mail/events.ts'
import { mailTexts } from '../../src/messages/mails/index.ts'
import { locales } from '../../src/messages/index.ts'

/** As a worker gives them. */
const facts = {
  link: 'https://app.example.org/verify-email?token=mai_01.abc&x=1',
  until: '2030-02-07T10:11:12.131Z',
  at: '2030-01-31T10:11:12.131Z',
  organization: 'Analytical Engines',
  budget: 'Team',
  percent: '80',
  spent: '8.00 USD',
  amount: '10.00 USD',
  hard: 'true',
  resets_at: '2030-02-01T00:00:00.000Z',
  grace_until: '2030-02-03T00:00:00.000Z',
}
const named = ['invitation', 'budget_threshold', 'payment_failed', 'payment_returned'] as const
const hostile = [
  '<script>alert(1)</script>',
  '<img src=//evil.example/x.png onerror=alert(1)>',
  '"><a href="https://evil.example">Pay now</a>',
  '&lt;b&gt;',
  'https://evil.example',
  'x\r\nBcc: eve@example.com\r\n\r\n<p>',
  '\u202Eevil\u202C\u2066\u2069\u2069',
  'a\u2028b\u2029c\0d',
  'я'.repeat(10_000),
  '😀'.repeat(100),
  '\ud800',
]

/** Names that are addresses, in the ways that they are written. */
const addresses = [
  'evil.example/login',
  'http://evil.example',
  'https://localhost/x',
  'www.evil.example',
  'Pay at evil.example:8443/now',
  'eve@evil.example',
  'mailto:eve@localhost',
  'tel:+19005551234',
  '\\\\evil\\share',
  'evil\u3002example',
  'evil\uFF0Eexample\uFF0Fx',
  'evil\u2024example',
  'e\u202Elpmaxe.live\u202C http://x\u2067.example',
  'one\nhttp://evil.example',
  'пример.рф',
  '10.0.0.1/x',
]
/** As generous as any mail program: a scheme, a host with a dot, an address with @, a share. */
const LINK = /\p{L}[\p{L}\d+.-]*:[^\s]|[\p{L}\d\u200B-\u200D\u2060\u00AD-]\.[\p{L}\d]|\S@\S|\\\S/u
const linksIn = (text: string) =>
  text
    .normalize('NFKC')
    .replaceAll('\u3002', '.')
    .split(/\s+/)
    .filter((word) => LINK.test(word))
const plain = (text: string) => text.replaceAll(/[\u2068\u2069]/g, '')
/** What HTML shows: by undoing it in another way than it was made. */
const shown = (html: string) =>
  html
    .replace(/^[^]*<body[^>]*>/, '')
    .replaceAll(/<br>|<\/p>/g, '\n')
    .replaceAll(/<[^>]*>/g, '')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')
const lines = (text: string) => text.split('\n').filter(Boolean)

describe.each(locales)('in %s', (locale) => {
  it.each(mailKinds)('%s reads as it is written down', async (kind) => {
    const { subject, text, html } = mailTexts(kind, locale, facts)
    const file = (ending: string) => `../golden-mails/${kind}.${locale}.${ending}`
    await expect(`${subject}\n\n${text}`).toMatchFileSnapshot(file('txt'))
    await expect(html).toMatchFileSnapshot(file('html'))
    expect(lines(shown(html))).toEqual(lines(plain(text)))
  })

  it.each(mailKinds)('%s is whole without facts, and with facts of a wrong shape', (kind) => {
    const wrong = [undefined, null, {}, [], Number.NaN, -1, '', Symbol('x'), '  ']
    const all = wrong.map((one) => Object.fromEntries(Object.keys(facts).map((f) => [f, one])))
    for (const given of [{}, ...all]) {
      const { subject, text } = mailTexts(kind, locale, given)
      expect(subject).toMatch(/^\p{Lu}[^\n]{5,80}[^.\n]$/u)
      expect(text).toMatch(/^\p{Lu}[^]*\.\n$/u)
      expect(text).not.toMatch(/undefined|null|\[object|NaN|Symbol| {2}| [.,;]|\(\)|“”|«»/)
    }
  })

  it.each(named)('%s keeps every name a name', (kind) => {
    for (const name of hostile) {
      const { text, html, subject } = mailTexts(kind, locale, { ...facts, organization: name })
      expect(subject).toBe(mailTexts(kind, locale, facts).subject)
      const inside = /\u2068([^\u2069]*)\u2069/g
      const names = [...text.matchAll(inside)].map((found) => found[1] ?? '')
      expect(text.replaceAll(inside, '')).not.toMatch(/evil|Bcc|alert/)
      for (const one of names) {
        expect(one.length).toBeLessThanOrEqual(128)
        expect(one).toMatch(/^[^\p{Cc}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]*$/u)
        expect(one.isWellFormed()).toBe(true)
      }
      const tags = [...html.matchAll(/<(\/?[a-z]+)/g)].map((found) => found[1])
      expect(tags.filter((tag) => /script|img|style|iframe|form/.test(tag ?? ''))).toEqual([])
      for (const [, address] of html.matchAll(/<[^>]*(?:href|src)="?([^"\s>]*)/g))
        expect(address).toBe(facts.link.replaceAll('&', '&amp;'))
    }
  })

  it.each(named)('%s has no name that a mail program makes a link of', (kind) => {
    for (const name of addresses) {
      const given = { ...facts, organization: name, budget: name }
      const { text, html } = mailTexts(kind, locale, given)
      const ours = mailTexts(kind, locale, facts)
      expect(linksIn(plain(text)), name).toEqual(linksIn(plain(ours.text)))
      expect(linksIn(shown(html)), name).toEqual(linksIn(shown(ours.html)))
    }
  })

  it('reads as it is written down also of an organization that is called like an address', async () => {
    const organization = 'http://evil.example/login\n\u202Eeve@evil.example'
    const { text, html } = mailTexts('invitation', locale, { ...facts, organization })
    const file = (ending: string) => `../golden-mails/hostile-name.${locale}.${ending}`
    await expect(text).toMatchFileSnapshot(file('txt'))
    await expect(html).toMatchFileSnapshot(file('html'))
  })

  it('loads nothing from anywhere', () => {
    for (const kind of mailKinds) {
      const { html } = mailTexts(kind, locale, facts)
      expect(html).toMatch(new RegExp(`^<!doctype html>\\n<html lang="${locale}" dir="ltr">\\n`))
      expect(html).not.toMatch(/<(?:img|link|script|iframe|object)|url\(|@import|src=/i)
    }
  })

  it('leads only to whole web addresses', () => {
    const links = ['javascript:alert(1)', 'https://a b', 'https://a\nb', 'data:text/html,x']
    for (const link of [...links, `https://${'a'.repeat(3_000)}`])
      for (const kind of mailKinds)
        expect(mailTexts(kind, locale, { ...facts, link }).html).not.toContain('<a ')
  })

  it('is in its own alphabet', () => {
    const cyrillic = /\p{Script=Cyrillic}/u
    for (const kind of mailKinds) {
      const { subject, text } = mailTexts(kind, locale, facts)
      for (const one of [subject, ...lines(text).filter((line) => !line.startsWith('http'))])
        expect({ one, found: cyrillic.test(one) }).toEqual({ one, found: locale === 'ru' })
    }
  })
})

it('is in English for a language that there is not', () => {
  expect(mailTexts('invitation', 'de', facts)).toEqual(mailTexts('invitation', 'en', facts))
})
