// The bot sells plans only where it was told to: then it opens the same checkout as every other door, once for each press.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createBotApi } from '../../../src/adapters/telegram/bot-api.ts'
import { findUserByTelegram } from '../../../src/commands/user/telegram/find-user-by-telegram.ts'
import { openPaddleShop, type PaddleTest, startPaddleTest } from '../../support/paddle.ts'
import { botSettings } from '../../support/telegram/bot.ts'
import { startTelegram, type TelegramServer } from '../../support/telegram/server.ts'

let telegram: TelegramServer
let shop: PaddleTest

beforeAll(async () => {
  telegram = await startTelegram()
  const pace = { privateMs: 5, groupMs: 5 }
  const chat = createBotApi({ token: telegram.token, apiRoot: telegram.url, pace })
  shop = await startPaddleTest({ ...botSettings(telegram), TELEGRAM_SUBSCRIBE: 'on' }, { chat })
  await openPaddleShop(shop.app)
  await shop.app.settled()
}, 30_000)
afterAll(async () => {
  await shop.stop()
  await telegram.close()
})

test('a pressed plan opens its checkout', async () => {
  const ann = telegram.person()
  ann.say('/start')
  await telegram.said(ann.chatId, 1)
  ann.say('/subscribe')
  const [, plans] = await telegram.said(ann.chatId, 2)
  expect(plans?.text).toBe('Which plan?')
  const press = ann.press('team')
  telegram.push(press)
  const [, , paying] = await telegram.said(ann.chatId, 3)
  const [button] = paying?.buttons ?? []
  expect(button?.url).toMatch(/^http/)
  const user = await findUserByTelegram(shop.app.app.deps, String(ann.id))
  const log = await shop.app.app.engine.events.readStream(`payment-${user?.personalOrgId}`)
  expect(log.map(({ type }) => type)).toEqual(['CheckoutRequested', 'CheckoutOpened'])
})

test('the menu offers it', () => {
  expect(telegram.menus.get('en')?.map(({ command }) => command)).toContain('subscribe')
})
