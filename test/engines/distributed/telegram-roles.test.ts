// The process that hears an update and the one that handles it are two: of several bots one handles a chat, in its order, each update once.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createBotApi } from '../../../src/adapters/telegram/bot-api.ts'
import {
  type Installation,
  type Running,
  startInstallation,
} from '../../support/cluster/installation.ts'
import { until } from '../../support/cluster/until.ts'
import { needs } from '../../support/distributed.ts'
import { botSettings, WEBHOOK_SECRET } from '../../support/telegram/bot.ts'
import { startTelegram, type TelegramServer, type Update } from '../../support/telegram/server.ts'

let installation: Installation
let telegram: TelegramServer
let api: Running
let bots: Running[]

const bring = (update: Update) =>
  api.ask('POST /webhooks/telegram', {
    body: update,
    headers: { 'x-telegram-bot-api-secret-token': WEBHOOK_SECRET },
  })

needs(['MONGODB_URL', 'REDIS_URL'])('roles', () => {
  beforeAll(async () => {
    telegram = await startTelegram()
    installation = await startInstallation()
    const settings = {
      ...botSettings(telegram),
      TELEGRAM_UPDATES: 'webhook',
      TELEGRAM_WEBHOOK_SECRET: WEBHOOK_SECRET,
      PUBLIC_URL: 'https://daybook.example',
    }
    const pace = { privateMs: 5, groupMs: 5 }
    const chat = () => createBotApi({ token: telegram.token, apiRoot: telegram.url, pace })
    await installation.child('project', 'project')
    api = await installation.start('api', settings, { chat: chat() })
    bots = [
      await installation.start('bot', settings, { chat: chat() }),
      await installation.start('bot', settings, { chat: chat() }),
    ]
    await telegram.until(() => telegram.webhook !== undefined)
    // Nobody is at the address of the webhook: updates are brought by hand.
    telegram.hold()
  }, 60_000)
  afterAll(async () => {
    await installation.close()
    await telegram.close()
  }, 60_000)

  test('a bot says how it is, and answers nothing else', async () => {
    for (const bot of bots) {
      await until('a bot is ready', 10_000, async () => {
        const { status } = await bot.ask('GET /health/ready')
        return status === 200
      })
      expect((await bot.ask('GET /me')).status).toBe(404)
    }
  })

  test('each update has one effect, in the order of its chat', async () => {
    const people = Array.from({ length: 4 }, () => telegram.person())
    const said = people.map((person) => [
      person.say('/start'),
      person.say('/locale ru'),
      person.say('/locale en'),
    ])
    // As Telegram does it: in order for each chat, all chats at once; here each twice.
    const bringAll = async (updates: readonly Update[]) => {
      for (const update of updates)
        for (const { status } of await Promise.all([bring(update), bring(update)]))
          expect(status).toBe(200)
    }
    await Promise.all(said.map(bringAll))
    const updates = said.flat()
    await telegram.until(() => people.every(({ chatId }) => telegram.texts(chatId).length >= 3))
    const { events } = api.app.engine
    const handled = async () => {
      const log = await events.readAll({ after: -1n, limit: 10_000 })
      return log.filter(({ type }) => type === 'TelegramUpdateHandled')
    }
    await until('all are handled', 10_000, async () => (await handled()).length >= updates.length)
    expect(await handled()).toHaveLength(updates.length)
    for (const { chatId } of people) {
      const [welcome, russian, english, ...more] = telegram.texts(chatId)
      expect(welcome).toContain('You have an account now')
      expect(russian).toContain('по-русски')
      expect(english).toContain('English')
      expect(more).toEqual([])
    }
  })
})
