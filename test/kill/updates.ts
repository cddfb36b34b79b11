/** Kills a server between an update of Telegram and its end, on either engine. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { App } from '../../src/app.ts'
import { enterByTelegram } from '../../src/commands/user/telegram/enter-by-telegram.ts'
import { askForLinkCode } from '../../src/commands/user/telegram/link-code.ts'
import type { TestApp } from '../support/app.ts'
import { until } from '../support/cluster/until.ts'
import { effectsOf, expectInvariants, logOf, quiet } from '../support/crash-data.ts'
import type { CrashPoint } from '../support/crash-server.ts'
import { grant, publishAgent, version } from '../support/funded.ts'
import type { KillEngine, Sites } from '../support/kill-engines.ts'
import { newPerson, operatorRoot, PASSWORD } from '../support/people.ts'
import { crashServers } from '../support/servers.ts'
import { startTelegram } from '../support/telegram/server.ts'
import { publishTerms } from '../support/test-terms.ts'
import { startUpstream } from '../support/upstream.ts'
import { before, type Effects } from './flow.ts'

const TELEGRAM_ID = 5_123_456_789
const SECRET_WORDS = 'Numbat-6647 asks by Telegram'

/** Of somebody who has asked for a link. */
interface Seeded {
  readonly code: string
}

const seeding = {
  async seed(app: TestApp): Promise<Seeded> {
    await publishTerms(app)
    await publishAgent(app, 'platform', version())
    const profile = { telegramId: String(TELEGRAM_ID), name: 'Ann', locale: 'en' }
    const { user } = await enterByTelegram(app.app.deps, operatorRoot(app), profile)
    await grant(app, user.personalOrgId, 1_000_000_000n)
    const { userId } = await newPerson(app)
    const self = { userId, sessionId: 'none', currentPassword: PASSWORD }
    const now = { ...operatorRoot(app), at: new Date().toISOString() }
    // Of a bot that this application has not; its code holds for the server that will have one.
    const telegramLogin = { botToken: 'none', loginSeconds: 300, tokens: 'code' } as const
    const { deps } = app.app
    return askForLinkCode({ ...deps, settings: { ...deps.settings, telegramLogin } }, now, self)
  },
}

interface Case {
  readonly says?: string
  /** What the button that they press stands for. */
  readonly presses?: (seeded: Seeded) => string
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
  'a link that is agreed to': {
    presses: ({ code }) => `link:${code}`,
    id: 5_777_654_321,
    effects: { ...handled, TelegramClaimed: 1, TelegramLinked: 1, MailRequested: 1, MailSent: 1 },
    answer: /linked/,
    points: [after('TelegramClaimed'), after('TelegramLinked'), before('TelegramUpdateHandled')],
  },
}

interface Ground {
  readonly engine: KillEngine
  readonly servers: ReturnType<typeof crashServers>
  readonly sites: Sites<Seeded>
}

async function killAt({ engine, servers, sites }: Ground, one: Case, { ends, ...point }: Point) {
  const site = await sites.fresh()
  const [telegram, provider] = [await startTelegram(), await startUpstream()]
  try {
    const environment = {
      ...site.environment,
      USAGE_LOG: 'off',
      OPENAI_BASE_URL: provider.baseUrl,
      OPENAI_API_KEY: provider.apiKey,
      TELEGRAM_BOT_TOKEN: telegram.token,
      TELEGRAM_API_URL: telegram.url,
    }
    const server = await servers.start({ environment, point })
    const person = telegram.person({ id: one.id ?? TELEGRAM_ID })
    if (one.says !== undefined) person.say(one.says)
    if (one.presses) person.pressOn(one.presses(site.seeded))
    expect(await server.died).toEqual({ reached: true })
    const { effects, answer } = { ...one, ...ends }
    const app = await engine.open(environment)
    try {
      expect(await effectsIn(app, site.head, effects)).toEqual(effects)
      expect(telegram.texts(person.chatId).at(-1)).toMatch(answer)
      const mustNotAppear = [SECRET_WORDS, String(person.id)]
      await expectInvariants(app, { quiet: true, mustNotAppear })
    } finally {
      await app.stop()
    }
  } finally {
    await telegram.close()
    await provider.close()
    await site.remove()
  }
}

/** When the update has ended, and with it all that follows. */
async function effectsIn(app: App, head: bigint, wanted: Effects): Promise<Effects> {
  const effects = async () => effectsOf(await logOf(app, head))
  await until('the update ends', 60_000, async () => 'TelegramUpdateHandled' in (await effects()))
  await quiet(app)
  const found = await effects()
  // What a newcomer gets is a worker's, too, and may take a moment longer.
  if (Object.keys(found).length >= Object.keys(wanted).length) return found
  await app.workers.sweep()
  await quiet(app)
  return effects()
}

const nameOf = ({ at, ...point }: CrashPoint): string =>
  'when' in point && 'type' in point ? `${point.when} ${point.type}` : at

/** Declares the tests. */
export function killUpdates(engine: KillEngine): void {
  let ground: Ground
  beforeAll(() => {
    ground = { engine, servers: crashServers(engine.name), sites: engine.sites(seeding) }
  })
  afterAll(async () => {
    await ground.servers.close()
    await ground.sites.close()
  })
  describe.each(Object.entries(cases))('%s', engine.suite, (_name, one) => {
    test.each(one.points.map((point) => [nameOf(point), point] as const))(
      '%s',
      async (_at, point) => killAt(ground, one, point),
    )
  })
}
