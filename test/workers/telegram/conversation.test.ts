// A person talks to the bot from /start to /stop: each command has one effect and an answer in their language.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type BotApp, startBot } from '../../support/telegram/bot.ts'
import type { TelegramPerson } from '../../support/telegram/people.ts'

let bot: BotApp
let ann: TelegramPerson
/** What the bot says next in Ann's chat. */
let heard = 0
async function next(): Promise<string> {
  const messages = await bot.telegram.said(ann.chatId, ++heard)
  return messages[heard - 1]?.text ?? ''
}

beforeAll(async () => {
  bot = await startBot()
  ann = bot.telegram.person({ first_name: 'Ann', language_code: 'en' })
})
afterAll(() => bot.stop())

describe('a conversation', () => {
  test('begins with /start', async () => {
    ann.say('hello?')
    expect(await next()).toContain('/start')
    ann.say('/start')
    expect(await next()).toContain('You have an account now')
    ann.say('/start')
    expect(await next()).toContain('Good to see you')
  })
})
