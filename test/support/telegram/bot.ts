/** The whole application with a bot, beside a stand-in of Telegram; its pace is quick, for the tests' sake. */
import { setTimeout } from 'node:timers/promises'
import { createBotApi } from '../../../src/adapters/telegram/bot-api.ts'
import type { Overrides } from '../../../src/app.ts'
import type { FakeClock } from '../clock.ts'
import { startTestApp, type TestApp, type TestAppOptions } from '../app.ts'
import { findUserByTelegram } from '../../../src/commands/user/telegram/find-user-by-telegram.ts'
import { grant } from '../funded.ts'
import type { PersonOptions, TelegramPerson } from './people.ts'
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
  options: TestAppOptions = {},
): Promise<BotApp> {
  let clock: FakeClock | undefined
  const telegram = await startTelegram({ now: () => clock?.now() ?? new Date() })
  const chat = createBotApi({
    token: telegram.token,
    apiRoot: telegram.url,
    pace: { privateMs: 5, groupMs: 5 },
  })
  const settings = { ...botSettings(telegram), ...environment }
  const test = await startTestApp(settings, { chat, ...overrides }, options)
  clock = test.clock
  return {
    test,
    telegram,
    async stop() {
      await test.stop()
      await telegram.close()
    },
  }
}

/** Waits until so many updates of a chat are handled; what became of them, in order. */
export async function allHandled(
  { app }: TestApp,
  chatId: number,
  count: number,
  withinMs = 10_000,
): Promise<readonly string[]> {
  const chatKey = app.deps.sealer.hmac('telegram', String(chatId))
  const deadline = performance.now() + withinMs
  for (;;) {
    const events = await app.engine.events.readAll({ after: -1n, limit: 10_000 })
    const handled = events
      .filter(({ type, data }) => type === 'TelegramUpdateHandled' && data['chatKey'] === chatKey)
      .map(({ data }) => `${String(data['handledAs'])} ${String(data['outcome'])}`)
    if (handled.length >= count) return handled
    if (performance.now() > deadline) throw new Error(`handled in time: ${handled.join(', ')}`)
    // Each look reads the whole log: whoever handles shall have the time.
    await setTimeout(20)
  }
}

/** Somebody who has said /start and can ask: with a plan, credit and an agent of the platform. */
export async function newcomer(
  { test, telegram }: BotApp,
  options: PersonOptions & { readonly creditNanos?: bigint } = {},
): Promise<{ person: TelegramPerson; userId: string; orgId: string }> {
  const { creditNanos = 1_000_000_000n, ...who } = options
  const person = telegram.person(who)
  person.say('/start')
  await telegram.said(person.chatId, 1)
  const user = await findUserByTelegram(test.app.deps, String(person.id))
  if (!user) throw new Error('nobody came to be')
  await grant(test, user.personalOrgId, creditNanos)
  return { person, userId: user.userId, orgId: user.personalOrgId }
}
