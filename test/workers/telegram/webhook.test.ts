// Telegram's webhook takes an update once, however often and at once it comes, and answers when it is in the log.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { allHandled, type BotApp, startBot, WEBHOOK_SECRET } from '../../support/telegram/bot.ts'
import type { Update } from '../../support/telegram/server.ts'

let bot: BotApp

beforeAll(async () => {
  bot = await startBot({
    TELEGRAM_UPDATES: 'webhook',
    TELEGRAM_WEBHOOK_SECRET: WEBHOOK_SECRET,
    PUBLIC_URL: 'https://daybook.example',
  })
  // Updates are made here and brought by hand: nobody is at that address.
  await bot.telegram.until(() => bot.telegram.webhook !== undefined)
  bot.telegram.hold()
})
afterAll(() => bot.stop())

const bring = (update: unknown) =>
  bot.test.request('POST /webhooks/telegram', {
    body: update,
    headers: { 'x-telegram-bot-api-secret-token': WEBHOOK_SECRET },
  })
const received = async (update: Update) => {
  const events = await bot.test.app.engine.events.readAll({ after: -1n, limit: 10_000 })
  return events.filter(
    ({ type, data }) => type === 'TelegramUpdateReceived' && data['updateId'] === update.update_id,
  )
}

describe('the webhook', () => {
  test('is where Telegram was told to send updates, with the secret', () => {
    expect(bot.telegram.webhook).toEqual({
      url: 'https://daybook.example/webhooks/telegram',
      secret: WEBHOOK_SECRET,
    })
    expect(bot.telegram.calls.some(({ method }) => method === 'getUpdates')).toBe(false)
  })

  test('takes an update once', async () => {
    const ann = bot.telegram.person()
    const update = ann.say('/start')
    const replies = await Promise.all(Array.from({ length: 20 }, () => bring(update)))
    for (const { status, body } of replies)
      expect({ status, body }).toEqual({ status: 200, body: { ok: true } })
    expect(await received(update)).toHaveLength(1)
    expect(await allHandled(bot.test, ann.chatId, 1)).toEqual(['start answered'])
    await bring(update)
    expect(await received(update)).toHaveLength(1)
    expect(bot.telegram.texts(ann.chatId)).toHaveLength(1)
  })

  test.each([{}, { update_id: 'x' }, { update_id: 7, poll: {} }, []])(
    'takes %j and does nothing with it',
    async (update) => {
      const before = await bot.test.app.engine.events.head()
      expect((await bring(update)).status).toBe(200)
      expect(await bot.test.app.engine.events.head()).toBe(before)
    },
  )

  test('takes no body that no update has', async () => {
    const reply = await bring({ update_id: 1, text: 'x'.repeat(600_000) })
    expect(reply.status).toBe(413)
  })
})
