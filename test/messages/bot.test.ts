// The bot says the same things in every language, whole, and within what Telegram takes.
import { describe, expect, test } from 'vitest'
import { botCommands } from '../../src/domain/telegram-update/events.ts'
import { botLanguages, botMessagesFor } from '../../src/messages/bot/index.ts'
import { locales } from '../../src/messages/index.ts'

const facts = {
  balance: { balance: '1.00 USD', held: '0.10 USD', plan: 'Pro' },
  usage: { calls: 21, tokens: 1, charged: '0.01 USD' },
}

/** Every text, by its path. */
function textsOf(value: unknown, path = ''): [string, string][] {
  if (typeof value === 'string') return [[path, value]]
  if (typeof value === 'function') {
    const [name = ''] = path.split('.').slice(-1)
    const fact = Object.hasOwn(facts, name) ? facts[name as keyof typeof facts] : 'Acme'
    return [[path, String((value as (fact: unknown) => unknown)(fact))]]
  }
  return Object.entries(value as object).flatMap(([name, one]) => textsOf(one, `${path}.${name}`))
}

test('every language has its texts', () => {
  expect(Object.keys(botLanguages).sort()).toEqual([...locales].sort())
  expect(botMessagesFor('tlh')).toBe(botLanguages.en)
  expect(botMessagesFor('__proto__')).toBe(botLanguages.en)
})

describe.each(locales)('in %s', (locale) => {
  const messages = botMessagesFor(locale)

  test('nothing has a hole', () => {
    for (const [path, text] of textsOf(messages)) {
      expect(text, path).not.toMatch(/undefined|null|\[object|NaN|  |“”|«»/)
      expect(text.trim(), path).toBe(text)
      expect(text.length, path).toBeGreaterThan(0)
    }
    expect(messages.joined(undefined)).not.toMatch(/undefined|“”|«»/)
    expect(messages.balance({ balance: '0.00 USD', held: undefined, plan: undefined })).toContain(
      '0.00 USD',
    )
  })

  test('the menu fits', () => {
    for (const command of botCommands) {
      expect(command).toMatch(/^[a-z0-9_]{1,32}$/)
      expect(messages.menu[command].length).toBeLessThanOrEqual(256)
    }
  })

  test('is written in its own letters', () => {
    const own = locale === 'ru' ? /\p{Script=Cyrillic}/u : /^[^\p{Script=Cyrillic}]*$/u
    for (const [path, text] of textsOf(messages)) if (path !== '.cost') expect(text).toMatch(own)
  })
})

test('counts as Russians do', () => {
  const { usage } = botMessagesFor('ru')
  expect(usage({ calls: 21, tokens: 3, charged: 'x' })).toContain('21 ответ, 3 токена')
  expect(usage({ calls: 5, tokens: 11, charged: 'x' })).toContain('5 ответов, 11 токенов')
})
