/**
 * What command handlers, routes and workers are given. Built once in app.ts; nothing here is global.
 */
import type { ChatChannel } from '../ports/chat-channel.ts'
import type { ContentStore } from '../ports/content-store.ts'
import type { Clock } from '../ports/clock.ts'
import type { Counters } from '../ports/counters.ts'
import type { Ids } from '../ports/ids.ts'
import type { JobQueue } from '../ports/job-queue.ts'
import type { LiveFeed } from '../ports/live-feed.ts'
import type { Llm, LlmTarget } from '../ports/llm.ts'
import type { Logger } from '../ports/logger.ts'
import type { Mailer } from '../ports/mailer.ts'
import type { PaymentProvider } from '../ports/payment-provider.ts'
import type { Passwords } from '../ports/passwords.ts'
import type { SignedMessages } from '../ports/signed-messages.ts'
import type { Sealer } from '../ports/sealer.ts'
import type { TokenCounter } from '../ports/token-counter.ts'
import type { Tokens } from '../ports/tokens.ts'
import type { Views } from '../projections/views.ts'
import type { ProviderShare } from './invocation/provider-share.ts'
import type { CountersOrOwn } from './admission/counters-or-own.ts'
import type { Floods } from './telegram/floods.ts'
import type { RunningCalls } from './invocation/running-calls.ts'
import type { Runs } from './invocation/runs.ts'
import type { Spend } from './spend/ceiling.ts'
import type { Streams } from './streams.ts'

export interface Deps {
  readonly streams: Streams
  readonly views: Views
  readonly contents: ContentStore
  readonly sealer: Sealer
  readonly jobs: JobQueue
  readonly counters: Counters
  /** What rate limits are counted by. */
  readonly limits: CountersOrOwn
  readonly feed: LiveFeed
  readonly ids: Ids
  readonly clock: Clock
  readonly logger: Logger
  readonly passwords: Passwords
  readonly tokens: Tokens
  /** What a payment provider signs; undefined: nothing of it is received here. */
  readonly paymentMessages: SignedMessages | undefined
  readonly tokenCounter: TokenCounter
  readonly llm: Llm
  readonly mailer: Mailer
  /** Who may ask a provider that says it is asked too much. */
  readonly share: ProviderShare
  /** The calls that this process carries out. */
  readonly calls: RunningCalls
  /** The platform's spend ceiling. */
  readonly spend: Spend
  /** Which runs of processes live. */
  readonly runs: Runs
  /** What people wrote to the bot too much of. */
  readonly floods: Floods
  /** The bot's line; undefined where there is no bot. */
  readonly chat?: ChatChannel | undefined
  /** Asks Telegram for the bot's own name, once; undefined without a token. */
  readonly telegramName: (() => Promise<string>) | undefined
  /** Who takes the organizations' money; undefined: nobody does. */
  readonly paymentProvider: PaymentProvider | undefined
  readonly settings: Settings
}

/** The configuration as far as the rules need it. */
export interface Settings {
  /** This run of this process: whoever started a call that nobody ended is dead when its run is. */
  readonly runId: string
  readonly publicUrl: string
  readonly dashboardUrl: string | undefined
  /** Origins of browsers that may call us. */
  readonly corsOrigins: readonly string[]
  readonly registration: 'open' | 'invite' | 'closed'
  readonly billing: 'manual' | 'paddle'
  /** Sign-in by Telegram; undefined where it is not set up. */
  readonly telegramLogin:
    | {
        readonly botToken: string
        /** How old signed data may be. */
        readonly loginSeconds: number
        /** How the dashboard gets the tokens. */
        readonly tokens: 'code' | 'fragment' | 'query'
      }
    | undefined
  /** The bot; undefined where there is none. */
  readonly telegramBot:
    | {
        readonly updates: 'polling' | 'webhook'
        /** Telegram shows it with every update that it sends us. */
        readonly webhookSecret: string | undefined
        /** Whether it offers /subscribe. */
        readonly subscribe: boolean
        /** Updates that are taken of one sender. */
        readonly most: {
          readonly aMinute: number
          readonly aDay: number
          /** Of whoever has no account here. */
          readonly aDayOfStrangers: number
        }
      }
    | undefined
  /** Apply where the agent sets none. */
  readonly model: { name: string; temperature: number | undefined; maxTokens: number }
  /** The provider of models that name none of their own; or the practice model. */
  readonly provider: LlmTarget & { readonly practice: boolean }
  /** Others, by the NAME of PROVIDER_URL_NAME, each with the key that goes there and nowhere else. */
  readonly providers: Readonly<Record<string, Pick<LlmTarget, 'baseUrl' | 'apiKey'>>>
  readonly callLimitMs: number
  readonly callsAtOnce: number
  readonly contentDays: number
}
