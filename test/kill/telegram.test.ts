// A server killed at any point between an update of Telegram and its end: one effect, one charge, and an answer that comes at least once.
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { App } from '../../src/app.ts'
import { enterByTelegram } from '../../src/commands/user/telegram/enter-by-telegram.ts'
import { startTestApp } from '../support/app.ts'
import { effectsOf, expectInvariants, logOf, openApp, quiet } from '../support/crash-data.ts'
import type { CrashPoint } from '../support/crash-server.ts'
import { grant, publishAgent, version } from '../support/funded.ts'
import { eventually, operatorRoot } from '../support/people.ts'
import { crashServers } from '../support/servers.ts'
import { startTelegram } from '../support/telegram/server.ts'
import { publishTerms } from '../support/test-terms.ts'
import { startUpstream } from '../support/upstream.ts'
import { before, type Effects } from './flow.ts'

const TELEGRAM_ID = 5_123_456_789
const SECRET_WORDS = 'Numbat-6647 asks by Telegram'

let servers: ReturnType<typeof crashServers>
let base: string
let seed: string
let head: bigint

const settings = (DATA_DIR: string) => ({
  DATA_DIR,
  PORT: '0',
  METRICS_PORT: '0',
  LOG_LEVEL: 'silent',
  USAGE_LOG: 'off',
})

beforeAll(async () => {
  servers = crashServers()
  base = await mkdtemp(join(tmpdir(), 'daybook-kill-telegram-'))
  seed = join(base, 'seed')
  const app = await startTestApp(settings(seed))
  await publishTerms(app)
  await publishAgent(app, 'platform', version())
  const profile = { telegramId: String(TELEGRAM_ID), name: 'Ann', locale: 'en' }
  const { user } = await enterByTelegram(app.app.deps, operatorRoot(app), profile)
  await grant(app, user.personalOrgId, 1_000_000_000n)
  await quiet(app.app)
  head = await app.app.engine.events.head()
  await app.stop()
}, 30_000)
afterAll(async () => {
  await servers.close()
  await rm(base, { recursive: true, force: true })
})

interface Case {
  readonly says: string
  readonly id?: number
  readonly effects: Effects
  /** What the person finds at the end. */
  readonly answer: RegExp
  readonly points: readonly Point[]
}
type Point = CrashPoint & { readonly ends?: Pick<Case, 'effects' | 'answer'> }

const after = (type: string): CrashPoint => ({ at: 'append', type, when: 'after' })
const handled = { TelegramUpdateReceived: 1, TelegramUpdateHandled: 1 }
const call = { HoldPlaced: 1, InvocationAccepted: 1, InvocationStarted: 1 }
const told = [before('TelegramUpdateHandled'), after('TelegramUpdateHandled')]

const cases: Readonly<Record<string, Case>> = {
  'a command': {
    says: '/locale ru',
    effects: { ...handled, LocaleChanged: 1 },
    answer: /по-русски/,
    points: [
      before('TelegramUpdateReceived'),
      after('TelegramUpdateReceived'),
      before('LocaleChanged'),
      after('LocaleChanged'),
      ...told,
    ],
  },
  'a question': {
    says: SECRET_WORDS,
    effects: { ...handled, ...call, InvocationCompleted: 1, HoldSettled: 1 },
    answer: /^Hello from the test model\.\n\n— /,
    points: [
      after('HoldPlaced'),
      {
        ...after('InvocationStarted'),
        ends: {
          effects: { ...handled, ...call, InvocationFailed: 1, HoldReleased: 1 },
          answer: /costs nothing/,
        },
      },
      after('InvocationCompleted'),
      before('TelegramUpdateHandled'),
    ],
  },
  'a newcomer': {
    says: '/start',
    id: 5_987_654_321,
    effects: {
      ...handled,
      TelegramChatStarted: 1,
      TelegramClaimed: 1,
      EmailClaimed: 1,
      UserRegistered: 1,
      TelegramLinked: 1,
      OrganizationCreated: 1,
      BillingAccountOpened: 1,
      SubscriptionStarted: 1,
      PeriodStarted: 1,
      CreditGranted: 1,
    },
    answer: /\/help|\/agents/,
    points: [after('TelegramClaimed'), after('UserRegistered')],
  },
}

async function killAt(one: Case, { ends, ...point }: Point): Promise<void> {
  const [telegram, provider] = [await startTelegram(), await startUpstream()]
  const directory = await mkdtemp(join(base, 'copy-'))
  await cp(seed, directory, { recursive: true })
  onTestFinished(async () => {
    await telegram.close()
    await provider.close()
  })
  const environment = {
    ...settings(directory),
    OPENAI_BASE_URL: provider.baseUrl,
    OPENAI_API_KEY: provider.apiKey,
    TELEGRAM_BOT_TOKEN: telegram.token,
    TELEGRAM_API_URL: telegram.url,
  }
  const server = await servers.start({ environment, point })
  const person = telegram.person({ id: one.id ?? TELEGRAM_ID })
  person.say(one.says)
  expect(await server.died).toEqual({ reached: true })
  const { effects, answer } = { ...one, ...ends }
  const app = await openApp(environment)
  try {
    expect(await effectsIn(app, effects)).toEqual(effects)
    expect(telegram.texts(person.chatId).at(-1)).toMatch(answer)
    const mustNotAppear = [SECRET_WORDS, String(person.id)]
    await expectInvariants(app, { quiet: true, mustNotAppear })
  } finally {
    await app.stop()
  }
}

/** When the update has ended, and with it all that follows. */
async function effectsIn(app: App, wanted: Effects): Promise<Effects> {
  await eventually(async () => {
    const { TelegramUpdateHandled = 0 } = effectsOf(await logOf(app, head))
    return TelegramUpdateHandled > 0 ? true : undefined
  })
  await quiet(app)
  const found = effectsOf(await logOf(app, head))
  // What a newcomer gets is a worker's, too, and may take a moment longer.
  if (Object.keys(found).length >= Object.keys(wanted).length) return found
  await app.workers.sweep()
  await quiet(app)
  return effectsOf(await logOf(app, head))
}

const nameOf = ({ at, ...point }: CrashPoint): string =>
  'when' in point && 'type' in point ? `${point.when} ${point.type}` : at

describe.each(Object.entries(cases))('%s', (_name, one) => {
  test.each(one.points.map((point) => [nameOf(point), point] as const))('%s', (_at, point) =>
    killAt(one, point),
  )
})
