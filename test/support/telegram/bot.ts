/** The whole application with a bot, beside a stand-in of Telegram; its pace is quick, for the tests' sake. */
import { createBotApi } from '../../../src/adapters/telegram/bot-api.ts'
import type { Overrides } from '../../../src/app.ts'
import { startTestApp, type TestApp } from '../app.ts'
import { startTelegram, type TelegramServer } from './server.ts'

export const WEBHOOK_SECRET = 'test-secret-0123456789'

export interface BotApp {
  readonly test: TestApp
  readonly telegram: TelegramServer
  stop(): Promise<void>
}

export const botSettings = (telegram: TelegramServer) => ({
  TELEGRAM_BOT_TOKEN: telegram.token,
  TELEGRAM_API_URL: telegram.url,
})

export async function startBot(
  environment: Readonly<Record<string, string>> = {},
  overrides: Overrides = {},
): Promise<BotApp> {
  const telegram = await startTelegram()
  const chat = createBotApi({
    token: telegram.token,
    apiRoot: telegram.url,
    pace: { privateMs: 5, groupMs: 5 },
  })
  const settings = { ...botSettings(telegram), ...environment }
  const test = await startTestApp(settings, { chat, ...overrides })
  return {
    test,
    telegram,
    async stop() {
      await test.stop()
      await telegram.close()
    },
  }
}

/** Waits until every update that was taken is handled; the outcomes, in order. */
export async function allHandled({ app }: TestApp, count: number): Promise<readonly string[]> {
  const deadline = performance.now() + 10_000
  for (;;) {
    const events = await app.engine.events.readAll({ after: -1n, limit: 10_000 })
    const handled = events.filter(({ type }) => type === 'TelegramUpdateHandled')
    if (handled.length >= count)
      return handled.map(({ data }) => `${String(data['handledAs'])} ${String(data['outcome'])}`)
    if (performance.now() > deadline)
      throw new Error(`${handled.length} of ${count} updates were handled within 10 s`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}
