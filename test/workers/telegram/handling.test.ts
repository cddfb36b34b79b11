// Whoever floods the bot waits behind everybody else; an update that nothing can be made of ends, and its chat goes on; words open nowhere after some days.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createBotApi } from '../../../src/adapters/telegram/bot-api.ts'
import {
  CONTENT_OWNER,
  receiveTelegramUpdate,
} from '../../../src/commands/telegram/receive-update.ts'
import { enterByTelegram } from '../../../src/commands/user/telegram/enter-by-telegram.ts'
import { expireWords } from '../../../src/workers/telegram/expire-words.ts'
import {
  telegramChats,
  unhandledUpdatesSweep,
} from '../../../src/workers/telegram/handle-updates.ts'
import type { BotDeps } from '../../../src/workers/telegram/turn.ts'
import { createWorkers, type Workers } from '../../../src/workers/worker.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { operatorRoot } from '../../support/people.ts'
import { allHandled } from '../../support/telegram/bot.ts'
import { startTelegram, type TelegramServer } from '../../support/telegram/server.ts'

const STRANGERS = 40
const EACH = 3
const SLOTS = 32
const DAY_MS = 24 * 60 * 60_000
const most = { aMinute: 100, aDay: 100, aDayOfStrangers: 100 }
let telegram: TelegramServer
let app: TestApp
let deps: BotDeps

beforeAll(async () => {
  app = await startTestApp()
  telegram = await startTelegram({ now: () => app.clock.now() })
  telegram.hold()
  const { token, url: apiRoot } = telegram
  const chat = createBotApi({ token, apiRoot, pace: { privateMs: 1, groupMs: 1 } })
  const bot = { updates: 'webhook', webhookSecret: undefined, subscribe: false, most } as const
  // The application has no bot: its workers begin when a test says so.
  const settings = { ...app.app.deps.settings, telegramBot: bot }
  deps = { ...app.app.deps, chat, settings, denials: { record: () => undefined } }
})
afterAll(async () => {
  await app.stop()
  await telegram.close()
})

const workersOf = (own: BotDeps): Workers =>
  createWorkers(own, [telegramChats(own)], [unhandledUpdatesSweep(own)])
async function working(own: BotDeps, until: () => Promise<unknown>): Promise<void> {
  await app.settled()
  const workers = workersOf(own)
  workers.start()
  await workers.sweep()
  await until()
  await workers.stop()
}

/** On servers each takes its time. */
const LONG = 60_000

test(
  `${STRANGERS} who flood keep nobody waiting for more than one message of each`,
  { timeout: LONG },
  async () => {
    const known = telegram.person()
    await enterByTelegram(deps, operatorRoot(app), { telegramId: String(known.id), locale: 'en' })
    const strangers = Array.from({ length: STRANGERS }, () => telegram.person())
    for (const one of strangers)
      for (let n = 0; n < EACH; n++) await receiveTelegramUpdate(deps, one.say(`flood ${n}`))
    await receiveTelegramUpdate(deps, known.say('/help'))
    await working(deps, async () => {
      for (const one of strangers) await allHandled(app, one.chatId, EACH, 50_000)
    })
    const events = await app.app.engine.events.readAll({ after: -1n, limit: 10_000 })
    const handled = events.filter(({ type }) => type === 'TelegramUpdateHandled')
    expect(handled).toHaveLength(STRANGERS * EACH + 1)
    const chatKey = deps.sealer.hmac('telegram', String(known.chatId))
    const before = handled.findIndex(({ data }) => data['chatKey'] === chatKey)
    expect(before).toBeLessThanOrEqual(STRANGERS + SLOTS)
  },
)

test('what cannot be read ends as failed, and the next one is answered', async () => {
  const ann = telegram.person()
  await receiveTelegramUpdate(deps, ann.say('broken'))
  await receiveTelegramUpdate(deps, ann.say('/help'))
  let reads = 0
  const lines: unknown[] = []
  const broken: BotDeps = {
    ...deps,
    contents: {
      ...deps.contents,
      async get(key) {
        const bytes = await deps.contents.get(key)
        return reads++ === 0 ? bytes?.fill(0, 0, 8) : bytes
      },
    },
    logger: { ...deps.logger, error: (fields) => void lines.push(fields) },
  }
  await working(broken, () => allHandled(app, ann.chatId, 2))
  expect(await allHandled(app, ann.chatId, 2)).toEqual(['unknown failed', 'help answered'])
  expect(lines).toHaveLength(1)
})

test('words that nobody took open nowhere after some days, in no copy of the contents either', async () => {
  const { contents, sealer } = deps
  const sweep = expireWords(deps)
  const { signal } = new AbortController()
  // The content store has the machine's own time.
  app.clock.advance(Date.now() - app.clock.now().getTime())
  const ann = telegram.person()
  await receiveTelegramUpdate(deps, ann.say('Heron-4711 is a secret'))
  const [kept] = await contents.list({ prefix: CONTENT_OWNER, limit: 10 })
  const copy = kept && (await contents.get(kept.key))
  if (!kept || !copy) throw new Error('nothing was kept')
  const day = `content/${kept.key.slice(0, kept.key.lastIndexOf('/'))}`
  const opened = async () =>
    String(Buffer.from((await sealer.openBytes(day, kept.key, copy)) ?? []).includes('Heron-4711'))

  app.clock.advance(DAY_MS)
  expect(await sweep.run(signal)).toBe(0)
  expect(await opened()).toBe('true')
  app.clock.advance(3 * DAY_MS)
  expect(await sweep.run(signal)).toBe(1)
  expect(await opened()).toBe('false')
  expect(await contents.get(kept.key)).toBeUndefined()

  // A backup of the contents is put back: there is no key for it.
  await contents.put(kept.key, copy)
  await working(deps, () => allHandled(app, ann.chatId, 1))
  expect(await allHandled(app, ann.chatId, 1)).toEqual(['unknown expired'])
  // Of today there is a new one.
  await receiveTelegramUpdate(deps, ann.say('/help'))
  await working(deps, () => allHandled(app, ann.chatId, 2))
  expect((await allHandled(app, ann.chatId, 2)).at(-1)).toBe('help answered')
})
