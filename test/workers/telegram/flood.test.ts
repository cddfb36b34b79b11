// A flood of messages to the bot is not stored, is told of once, and keeps nobody else from being taken.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { receiveTelegramUpdate } from '../../../src/commands/telegram/receive-update.ts'
import { allHandled, type BotApp, newcomer, startBot } from '../../support/telegram/bot.ts'
import type { TelegramPerson } from '../../support/telegram/people.ts'
import type { Update } from '../../support/telegram/server.ts'

const MINUTE_MS = 60_000
let bot: BotApp

beforeAll(async () => {
  bot = await startBot({
    TELEGRAM_MESSAGES_PER_MINUTE: '5',
    TELEGRAM_MESSAGES_PER_DAY: '30',
    TELEGRAM_STRANGER_MESSAGES_PER_DAY: '7',
  })
})
afterAll(() => bot.stop())

const deps = () => bot.test.app.deps
const take = (update: Update) => receiveTelegramUpdate(deps(), update)
const takeAll = async (updates: readonly Update[]) => {
  const outcomes = []
  for (const update of updates) outcomes.push(await take(update))
  return outcomes
}
/** Brought by hand: the bot does not hear of it from Telegram. */
function written(person: TelegramPerson, ...texts: readonly string[]): Update[] {
  bot.telegram.hold()
  const updates = texts.map((text) => person.say(text))
  bot.telegram.letGo(() => [])
  return updates
}
const many = (times: number) => Array.from({ length: times }, (_, index) => `text ${index}`)
const count = (outcomes: readonly string[], outcome: string) =>
  outcomes.filter((one) => one === outcome).length
const stored = async () => {
  const events = await bot.test.app.engine.events.readAll({ after: -1n, limit: 10_000 })
  const words = await bot.test.app.engine.contents.list({ prefix: 'telegram', limit: 1_000 })
  return { events: events.length, words: words.length }
}
const told = (person: TelegramPerson, what: RegExp) =>
  bot.telegram.texts(person.chatId).filter((text) => what.test(text)).length

describe('what is too much of one sender', () => {
  test('leaves nothing behind, and is told once a minute', async () => {
    const ann = bot.telegram.person()
    const [first, second] = [written(ann, ...many(5)), written(ann, ...many(50))]
    expect(count(await takeAll(first), 'received')).toBe(5)
    await allHandled(bot.test, ann.chatId, 5)
    await bot.test.settled()
    const before = await stored()
    const lost = deps().floods.lostInAll()
    expect(count(await takeAll(second), 'refused')).toBe(50)
    expect(await stored()).toEqual(before)
    expect(deps().floods.lostInAll()).toBe(lost + 50)
    await bot.telegram.until(() => told(ann, /too fast/) > 0)
    expect(told(ann, /too fast/)).toBe(1)
    bot.test.clock.advance(2 * MINUTE_MS)
    expect(await takeAll(written(ann, ...many(1)))).toEqual(['received'])
  })

  test('keeps nobody else from being heard', async () => {
    const [ann, bob] = [bot.telegram.person(), bot.telegram.person()]
    await takeAll(written(ann, ...many(20)))
    expect(await takeAll(written(bob, ...many(3)))).toEqual(['received', 'received', 'received'])
  })

  test('counts a repeat once, however often and at once it comes', async () => {
    const ann = bot.telegram.person()
    const [update, ...others] = written(ann, ...many(5))
    if (!update) throw new Error('nothing was written')
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => take(update)))
    expect(count(outcomes, 'received')).toBe(1)
    expect(await take(update)).toBe('known')
    expect(count(await takeAll(others), 'received')).toBe(4)
  })

  test('counts nothing of an update that could not be stored', async () => {
    const ann = bot.telegram.person()
    const updates = written(ann, ...many(5))
    const broken = {
      ...deps(),
      contents: { ...deps().contents, put: () => Promise.reject(new Error('full')) },
    }
    for (const update of updates)
      await expect(receiveTelegramUpdate(broken, update)).rejects.toThrow('full')
    expect(count(await takeAll(updates), 'received')).toBe(5)
  })

  test('is less in a day for whoever has no account', async () => {
    const ann = bot.telegram.person()
    const outcomes: string[] = []
    for (let minute = 0; minute < 4; minute++) {
      outcomes.push(...(await takeAll(written(ann, ...many(3)))))
      bot.test.clock.advance(2 * MINUTE_MS)
    }
    expect(count(outcomes, 'received')).toBe(7)
    await bot.telegram.until(() => told(ann, /one day/) > 0)
    expect(told(ann, /one day/)).toBe(1)
  })

  test('leaves /stop and /cancel of a person who is known', async () => {
    const { person } = await newcomer(bot)
    expect(count(await takeAll(written(person, ...many(40))), 'refused')).toBeGreaterThan(30)
    expect(await takeAll(written(person, '/cancel', '/stop'))).toEqual(['received', 'received'])
    const stranger = bot.telegram.person()
    const outcomes = await takeAll(written(stranger, ...many(5), '/stop'))
    expect(outcomes.at(-1)).toBe('refused')
  })
})

test('a group is one chat, however many write there', async () => {
  const outcomes: string[] = []
  for (let member = 0; member < 10; member++) {
    const one = bot.telegram.person({ group: -1_000_000_000_001 })
    outcomes.push(...(await takeAll(written(one, '/help', '/help', '/help'))))
  }
  expect(count(outcomes, 'received')).toBe(20)
})
