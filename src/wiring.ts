/**
 * From an engine and the configuration to what command handlers, routes and workers are given: the
 * adapters are made here, the spine and the views are put on the engine.
 */
import { join } from 'node:path'
import { createArgon2 } from './adapters/argon2.ts'
import { createIds } from './adapters/ids.ts'
import { createPaddleSignatures } from './adapters/paddle/signature.ts'
import { createJoseTokens } from './adapters/jose.ts'
import { createMailFolder, keptMails } from './adapters/mail/folder.ts'
import { createSmtpMailer } from './adapters/mail/smtp.ts'
import { createOpenAi } from './adapters/openai.ts'
import { createPaddle, paddleUrl } from './adapters/paddle/api.ts'
import {
  PRACTICE_MODEL,
  type PracticeModel,
  startPracticeModel,
} from './adapters/practice-model.ts'
import { createSealer } from './adapters/sealing.ts'
import { createTokenCounter } from './adapters/token-counter.ts'
import { countersOrOwn, type RateCounters } from './commands/admission/counters-or-own.ts'
import type { Deps, Settings } from './commands/deps.ts'
import { createEventCodec } from './commands/event-codec.ts'
import { createProviderShare } from './commands/invocation/provider-share.ts'
import { createRunningCalls } from './commands/invocation/running-calls.ts'
import { createRuns } from './commands/invocation/runs.ts'
import { createLeases, type Leases } from './commands/lease.ts'
import { createLogEnd, type LogEnd } from './commands/log-end.ts'
import { createSpend } from './commands/spend/ceiling.ts'
import { createStreams } from './commands/streams.ts'
import { createFloods } from './commands/telegram/floods.ts'
import { type Config, usesPracticeModel } from './config.ts'
import type { EventDefinitions } from './domain/event.ts'
import { botMessagesFor } from './messages/bot/index.ts'
import { localeFrom } from './messages/index.ts'
import type { ChatChannel } from './ports/chat-channel.ts'
import type { Clock } from './ports/clock.ts'
import type { Engine } from './ports/engine.ts'
import type { Ids } from './ports/ids.ts'
import type { Llm } from './ports/llm.ts'
import type { Logger } from './ports/logger.ts'
import type { Mailer } from './ports/mailer.ts'
import type { SignedMessages } from './ports/signed-messages.ts'
import type { AnyProjection } from './projections/projection.ts'
import { createRunner, type Lead, type Runner } from './projections/runner.ts'

export interface Wired {
  readonly deps: Deps
  readonly runner: Runner
  readonly leases: Leases
  readonly logEnd: LogEnd
  /** The built-in model answers instead of a provider. */
  readonly practice: boolean
  /** Wraps by the master key what another one wraps. */
  rewrapKeys(): Promise<number>
  /** Ends what talks to the provider. */
  close(): Promise<void>
}

export interface Ground {
  readonly engine: Engine
  readonly logger: Logger
  readonly clock: Clock
  readonly llm: Llm | undefined
  readonly mailer: Mailer | undefined
  /** The bot's line, where it is not the configuration's. */
  readonly chat: ChatChannel | undefined
  /** Where limits are counted while the shared counters are away. */
  readonly ownCounters: RateCounters
  /** Brings the views up to the log, where it has the lead. */
  readonly projects: boolean
  /** The events that this release knows. */
  readonly events: EventDefinitions
  /** The views that it reads. */
  readonly projections: readonly AnyProjection[]
}

export async function wire(config: Config, ground: Ground): Promise<Wired> {
  const { engine, logger, clock, projections } = ground
  const ids = createIds()
  const alone = engine.singleProcess
  const masterKey = await masterKeyOf(config, engine)
  const previousMasterKeys = otherMasterKeysOf(config)
  const sealer = await createSealer({ keys: engine.keys, masterKey, previousMasterKeys, alone })
  const codec = createEventCodec(ground.events, { sealer, ids })
  const { events, snapshots, views: store, contents, jobs, counters, feed } = engine
  const streams = createStreams({ events, snapshots, codec, logger, alone })
  const upcast = codec.upcast.bind(codec)
  const tokenCounter = createTokenCounter()
  const practice = usesPracticeModel(config)
    ? await startPracticeModel({ tokens: tokenCounter })
    : undefined
  const openAi = createOpenAi()
  const mailer = ground.mailer ?? mailerOf(config, logger)
  const paddle = config.BILLING === 'paddle' ? createPaddle(paddleAccessOf(config)) : undefined
  const settings = settingsOf(config, ids.random(), practice)
  const chat = ground.chat ?? (await chatOf(config))
  const leases = createLeases({ counters, logger }, settings.runId)
  const lead = ground.projects ? leadOf(leases, projections, ids) : undefined
  const sharing = alone ? {} : { sharing: { lead } }
  const runner = createRunner({ events, store, projections, upcast, logger, ...sharing })
  const run = { runId: settings.runId, alone }
  const deps: Deps = {
    streams,
    views: runner.views,
    contents,
    sealer,
    jobs,
    counters,
    limits: countersOrOwn({ counters, own: alone ? undefined : ground.ownCounters, logger }),
    feed,
    ids,
    clock,
    logger,
    passwords: createArgon2(config.HASHES_AT_ONCE > 0 ? { atOnce: config.HASHES_AT_ONCE } : {}),
    tokens: createJoseTokens({ sealer, issuer: settings.publicUrl, clock }),
    paymentMessages: paymentMessagesOf(config),
    tokenCounter,
    llm: ground.llm ?? openAi,
    mailer,
    share: createProviderShare(),
    calls: createRunningCalls(settings.callsAtOnce),
    spend: createSpend(
      { streams, ids, clock, logger },
      { runId: settings.runId, practice: practice !== undefined },
    ),
    runs: createRuns({ counters, clock, logger }, run),
    floods: createFloods((language, when) => botMessagesFor(localeFrom(language)).tooMuch[when]),
    chat,
    telegramName: telegramNameOf(config, chat),
    paymentProvider: paddle,
    settings,
  }
  return {
    deps,
    runner,
    leases,
    logEnd: alone ? logEndOf(runner) : createLogEnd({ events, upcast, logger }),
    practice: practice !== undefined,
    rewrapKeys: () => sealer.rewrapAll(masterKey),
    async close() {
      await openAi.close()
      await mailer.close()
      await paddle?.close()
      await practice?.close()
    },
  }
}

export const usesBot = (config: Config): boolean =>
  config.TELEGRAM_BOT_TOKEN !== undefined && config.TELEGRAM_UPDATES !== 'off'

/** Loaded only where there is a bot. */
async function chatOf(config: Config): Promise<ChatChannel | undefined> {
  const { TELEGRAM_BOT_TOKEN: token, TELEGRAM_API_URL: apiRoot } = config
  if (token === undefined || !usesBot(config)) return undefined
  const { createBotApi } = await import('./adapters/telegram/bot-api.ts')
  return createBotApi({ token, apiRoot })
}

/** Sign-in asks for it where there is no bot, too. */
function telegramNameOf(
  { TELEGRAM_BOT_TOKEN: token, TELEGRAM_API_URL: apiRoot }: Config,
  chat: ChatChannel | undefined,
): (() => Promise<string>) | undefined {
  if (token === undefined) return undefined
  let channel = chat && Promise.resolve(chat)
  return async () => {
    channel ??= import('./adapters/telegram/bot-api.ts').then(({ createBotApi }) =>
      createBotApi({ token, apiRoot }),
    )
    return (await channel).username()
  }
}

function mailerOf(config: Config, logger: Logger): Mailer {
  const from = config.MAIL_FROM
  const directory = join(config.DATA_DIR, 'mail')
  // What was written before there was a server does not stay for ever either.
  if (config.MAIL_URL !== undefined)
    return { ...createSmtpMailer({ url: config.MAIL_URL, from }), kept: keptMails(directory) }
  const linksInLog = config.MAIL_LINKS_IN_LOG === 'on'
  return createMailFolder({ directory, from, logger, linksInLog })
}

/** Two releases at work at once may project different sets: each set has a lead of its own. */
function leadOf(leases: Leases, set: readonly AnyProjection[], ids: Ids): Lead {
  const names = set.map(({ name, version }) => `${name}@${version}`).sort()
  const lease = `project-${ids.sha256(names.join(' ')).slice(0, 12)}`
  return (work) => leases.lead(lease, work)
}

/** Alone, a process sees what it writes itself; its runner tells of it when the views have it. */
const logEndOf = (runner: Runner): LogEnd => ({
  start: async () => undefined,
  stop: async () => undefined,
  onEvents: (listener) => runner.onEvents(listener),
  unseenMs: () => 0,
})

async function masterKeyOf(config: Config, engine: Engine): Promise<Uint8Array> {
  if (config.MASTER_KEY !== undefined) return Buffer.from(config.MASTER_KEY, 'base64')
  const kept = await engine.keys.masterKey()
  if (!kept) throw new Error('MASTER_KEY is required with this engine')
  return kept
}

export const otherMasterKeysOf = ({ MASTER_KEY_OTHER: other }: Config): readonly Uint8Array[] =>
  other === undefined ? [] : [Buffer.from(other, 'base64')]

/** Also with BILLING=manual: whoever changes to Paddle, or away from it, hears it out. */
function paymentMessagesOf(config: Config): SignedMessages | undefined {
  const { PADDLE_WEBHOOK_SECRET: secret, PADDLE_WEBHOOK_SECRET_OTHER: other } = config
  const secrets = [secret, other].filter((one) => one !== undefined)
  if (secrets.length === 0) return undefined
  return createPaddleSignatures(secrets, config.PADDLE_WEBHOOK_SECONDS)
}

/** The key is required with BILLING=paddle: readConfig has made sure. */
const paddleAccessOf = (config: Config) => ({
  baseUrl: config.PADDLE_API_URL ?? paddleUrl(config.PADDLE_ENVIRONMENT),
  apiKey: config.PADDLE_API_KEY ?? '',
})

function settingsOf(config: Config, runId: string, practice: PracticeModel | undefined): Settings {
  return {
    runId,
    publicUrl: config.PUBLIC_URL ?? `http://${config.HOST}:${config.PORT}`,
    dashboardUrl: config.DASHBOARD_URL,
    corsOrigins: config.CORS_ORIGINS,
    registration: config.REGISTRATION,
    billing: config.BILLING,
    telegramLogin:
      config.TELEGRAM_BOT_TOKEN === undefined
        ? undefined
        : {
            botToken: config.TELEGRAM_BOT_TOKEN,
            loginSeconds: config.TELEGRAM_LOGIN_SECONDS,
            tokens: config.TELEGRAM_TOKENS,
          },
    telegramBot: usesBot(config)
      ? {
          updates: config.TELEGRAM_UPDATES === 'webhook' ? 'webhook' : 'polling',
          webhookSecret: config.TELEGRAM_WEBHOOK_SECRET,
          subscribe: config.TELEGRAM_SUBSCRIBE === 'on' && config.BILLING === 'paddle',
          most: {
            aMinute: config.TELEGRAM_MESSAGES_PER_MINUTE,
            aDay: config.TELEGRAM_MESSAGES_PER_DAY,
            aDayOfStrangers: config.TELEGRAM_STRANGER_MESSAGES_PER_DAY,
          },
        }
      : undefined,
    model: {
      name: config.OPENAI_MODEL,
      temperature: config.OPENAI_TEMPERATURE,
      maxTokens: config.OPENAI_MAX_TOKENS,
    },
    provider: practice
      ? {
          baseUrl: practice.baseUrl,
          apiKey: practice.apiKey,
          model: PRACTICE_MODEL,
          practice: true,
        }
      : {
          baseUrl: config.OPENAI_BASE_URL,
          apiKey: config.OPENAI_API_KEY ?? '',
          model: '',
          practice: false,
        },
    providers: Object.fromEntries(
      Object.entries(config.PROVIDERS).map(([name, { url, key }]) => [
        name,
        { baseUrl: url, apiKey: key },
      ]),
    ),
    callLimitMs: config.CALL_LIMIT * 1_000,
    callsAtOnce: config.CALLS_AT_ONCE,
    contentDays: config.CONTENT_DAYS,
  }
}
