/**
 * The composition root: engine + adapters → commands, views, workers, http, and their one life from
 * open to stop. The only place that knows all names. No container, no decorators, no singletons.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import manifest from '../package.json' with { type: 'json' }
import { createJsonLogger } from './adapters/json-logger.ts'
import { checkTarget, type LlmCheck } from './adapters/openai-check.ts'
import { createSystemClock } from './adapters/system-clock.ts'
import { type HealthSources, healthRoutes } from './api/health.ts'
import { routes } from './api/index.ts'
import { createMetrics } from './api/metrics.ts'
import { watchRequests } from './api/open-requests.ts'
import type { AnyRoute } from './api/route.ts'
import { createServer, type Served } from './api/server.ts'
import { createAccessFacts } from './commands/access-facts.ts'
import type { Deps } from './commands/deps.ts'
import { targetOf } from './commands/invocation/target.ts'
import { missingKeys } from './commands/model/missing-keys.ts'
import { namedModel } from './commands/model/named-model.ts'
import { createDenialRecorder, type DenialRecorder } from './commands/denial/record-denials.ts'
import { startService } from './commands/service/start-service.ts'
import { createRateWatch } from './commands/spend/rate-watch.ts'
import { hasUnheard, sayUnheard } from './commands/payment/say-unheard.ts'
import { sayCeilings } from './commands/spend/say-ceiling.ts'
import { createUsageRecorder } from './commands/usage/record-usage.ts'
import { type Config, isAlone, publicSettings, type Role } from './config.ts'
import { createCounters } from './engines/embedded/counters.ts'
import {
  backupEmbedded,
  type BackupProgress,
  type BackupReport,
} from './engines/embedded/sqlite/backup.ts'
import { catalogue } from './domain/catalogue.ts'
import type { EventDefinitions } from './domain/event.ts'
import type { ChatChannel } from './ports/chat-channel.ts'
import type { Clock } from './ports/clock.ts'
import type { Engine } from './ports/engine.ts'
import type { Llm } from './ports/llm.ts'
import type { Logger } from './ports/logger.ts'
import type { Mailer } from './ports/mailer.ts'
import { StoreRefused } from './ports/store-refused.ts'
import { Unavailable } from './ports/unavailable.ts'
import { projections as ownProjections } from './projections/index.ts'
import type { AnyProjection } from './projections/projection.ts'
import type { Runner } from './projections/runner.ts'
import { otherMasterKeysOf, usesBot, wire, type Wired } from './wiring.ts'
import { sweeps, workers as workerList } from './workers/index.ts'
import { type Bot, botQueues, createBot } from './workers/telegram/index.ts'
import { createWorkers, type Workers } from './workers/worker.ts'

/** What Paddle would send, and the sending of it: for the command line. */
export { post as postNotification } from './adapters/paddle/practice/delivery.ts'
export { startPracticePaddle } from './adapters/paddle/practice/server.ts'
export { playScenario, scenarios } from './adapters/paddle/practice/scenarios.ts'

/** What needs no running application: a backup's check and its way back. */
export { restoreEmbedded as restoreBackup, verifyBackup } from './engines/embedded/sqlite/backup.ts'

const CHECK_TIMEOUT_MS = 30_000
/**
 * At a stop, running calls and open requests may go on so long; then calls are interrupted, which costs
 * nobody anything.
 */
const CALLS_END_WITHIN_MS = 20_000
/** Then the last answers have so long to leave. */
const CONNECTIONS_END_WITHIN_MS = 2_000

/** What tests replace. Everything else is the real thing. */
export interface Overrides {
  readonly clock?: Clock
  readonly logger?: Logger
  readonly llm?: Llm
  readonly mailer?: Mailer
  readonly chat?: ChatChannel
  readonly engine?: Engine
  /** The events of another release. */
  readonly events?: EventDefinitions
  /** The views of another release. */
  readonly projections?: readonly AnyProjection[]
}

/** `none`: the command line, which reads, gives commands and leaves the rest to others. */
export interface Part {
  readonly role: Role | 'none'
}

export interface App {
  readonly config: Config
  readonly deps: Deps
  readonly engine: Engine
  readonly runner: Runner
  readonly workers: Workers
  readonly server: FastifyInstance
  /** Every route that the server answers. */
  readonly routes: readonly AnyRoute[]
  /** Brings views up to the log, ends what a dead run has left; no port is opened. */
  open(): Promise<void>
  /** open() and listen. */
  start(): Promise<{ url: string; notes: readonly string[] }>
  /** One tiny real call to the provider of a model, as it is published or as the settings have it. */
  check(model: string): Promise<{ readonly where: string; readonly answer: LlmCheck }>
  /**
   * Wraps every data key by MASTER_KEY that is not yet; what is done stays done. Answers how many it wrapped.
   * @throws StoreRefused where no other master key is set, so that none is being replaced
   */
  rewrapKeys(): Promise<number>
  /** Copies log, contents and keys beside the running process into an empty directory. */
  backup(directory: string, onProgress?: BackupProgress): Promise<BackupReport>
  /** Takes no new work, lets the running end, flushes, closes. Safe to call more than once. */
  stop(): Promise<void>
}

export async function createApp(
  config: Config,
  options: Overrides & Partial<Part> = {},
): Promise<App> {
  const { role = 'all' } = options
  const logger =
    options.logger ?? createJsonLogger({ level: config.LOG_LEVEL, stream: process.stdout })
  const clock = options.clock ?? createSystemClock()
  const engine = options.engine ?? (await openEngine(config, { logger, clock }, options))
  try {
    const { llm, chat, mailer, events = catalogue, projections = ownProjections } = options
    const projects = does(role, 'project')
    const ownCounters = createCounters(clock)
    const ground = {
      engine,
      logger,
      clock,
      llm,
      chat,
      mailer,
      ownCounters,
      projects,
      events,
      projections,
    }
    const wired = await wire(config, ground)
    return await compose(config, engine, wired, role)
  } catch (error) {
    await engine.close()
    throw error
  }
}

/** Each engine is loaded only where it runs. */
async function openEngine(
  config: Config,
  ground: { readonly logger: Logger; readonly clock: Clock },
  { clock }: Overrides,
): Promise<Engine> {
  if (config.ENGINE === 'embedded') {
    const embedded = await import('./engines/embedded/index.ts')
    const masterKeyGiven = config.MASTER_KEY !== undefined
    return embedded.openEngine({ ...ground, dataDir: config.DATA_DIR, masterKeyGiven })
  }
  const distributed = await import('./engines/distributed/index.ts')
  return distributed.openEngine({
    logger: ground.logger,
    namespace: config.NAMESPACE,
    // Required with this engine: readConfig has made sure.
    eventStoreDbUrl: config.EVENTSTOREDB_URL ?? '',
    mongoDbUrl: config.MONGODB_URL ?? '',
    keysMongoDbUrl: config.KEYS_MONGODB_URL,
    redisUrl: config.REDIS_URL ?? '',
    masterKey: Buffer.from(config.MASTER_KEY ?? '', 'base64'),
    otherMasterKeys: otherMasterKeysOf(config),
    // The counters have a clock of their own, unless a test tells the time.
    ...(clock ? { clock } : {}),
  })
}

const does = (role: Part['role'], what: Role): boolean => role === 'all' || role === what

async function compose(
  config: Config,
  engine: Engine,
  wired: Wired,
  role: Part['role'],
): Promise<App> {
  const { deps, runner, leases, logEnd } = wired
  const list = workerList(deps)
  const workers = createWorkers(deps, list, sweeps(deps))
  logEnd.onEvents((events) => deps.streams.observe(events))
  logEnd.onEvents((events) => deps.calls.observe(events))
  logEnd.onEvents((events) => workers.onEvents(events))
  const rateWatch = createRateWatch(deps)
  runner.onEvents((events) => rateWatch.observe(events))
  const leaving = new AbortController()
  const stopping = new AbortController()
  const breakingOff = new AbortController()
  const queues = [...list.map(({ name }) => name), ...(deps.chat ? botQueues : [])]
  const metrics = createMetrics({ engine, runner, deps, queues, logEnd, leases })
  const on = config.USAGE_LOG === 'on'
  const usage = createUsageRecorder(deps, { on, onDropped: metrics.usageDropped })
  const denials = createDenialRecorder(deps, { onDropped: metrics.denialsDropped })
  const bot = botOf(role, deps, denials)
  if (bot) logEnd.onEvents((events) => bot.onEvents(events))
  const sources = {
    engine,
    runner,
    logEnd,
    stopping: leaving.signal,
    missingKeys: () => missingKeys(deps),
    hasUnheard: () => hasUnheard(deps),
  }
  const served = routesOf(role, deps, sources)
  const server = await createServer({
    ...deps,
    facts: createAccessFacts(deps),
    routes: served,
    unseenMs: () => logEnd.unseenMs(),
    corsOrigins: config.CORS_ORIGINS,
    trustProxy: config.TRUST_PROXY,
    stopping: stopping.signal,
    breakingOff: breakingOff.signal,
    denials,
    onServed(request) {
      metrics.served(request)
      usage.record(request)
      logRequest(deps.logger, request)
    },
  })

  const requests = watchRequests(server.server, leaving.signal)

  let opened = false
  const ending = new AbortController()
  let tending: { stop(): Promise<void> } | undefined
  async function open(): Promise<void> {
    deps.runs.start()
    await logEnd.start()
    await runner.start()
    opened = true
    if (engine.singleProcess) {
      await workers.sweep()
      workers.start()
      void workers.tend(ending.signal)
    } else if (does(role, 'work')) {
      workers.start()
      tending = leases.lead('work', (signal) => workers.tend(signal))
    } else if (role === 'none' && !(await deps.views.passed(await engine.events.head(), 10_000)))
      throw new StoreRefused(
        'The views are behind the log: does a process with --role project run?',
      )
    bot?.start(leases)
  }

  async function start(): Promise<{ url: string; notes: readonly string[] }> {
    await open()
    const settings = publicSettings(config)
    await startService(deps, { version: manifest.version, role, settings })
    const url = await server.listen({ host: config.HOST, port: config.PORT })
    const metricsUrl = await metrics.listen(config.HOST, config.METRICS_PORT)
    // Where another process projects, the views may come later; readiness tells it then.
    const missing = await missingKeys(deps).catch(unlessAway)
    const said = [...(await sayCeilings(deps)), ...(await sayUnheard(deps).catch(unlessAway))]
    return {
      url,
      notes: [...notesOf(config, role, wired.practice, metricsUrl, missing), ...said],
    }
  }

  /** Other processes take jobs and lease over at once; what was begun here is ended here. */
  async function handOver(): Promise<void> {
    ending.abort()
    try {
      await Promise.all([tending?.stop(), bot?.stop(), opened ? workers.stop() : undefined])
    } catch (error) {
      deps.logger.error({ error }, 'work was not handed over')
    }
  }

  let stopped: Promise<void> | undefined
  async function stopInOrder(): Promise<void> {
    leaving.abort()
    const handedOver = handOver()
    // A proxy needs a moment to notice that this process is not ready; until then it sends requests here.
    const othersServe = !engine.singleProcess && does(role, 'api') && server.server.listening
    if (othersServe) await delay(config.DRAIN_SECONDS * 1_000)
    stopping.abort()
    const callsEnded = deps.calls.stop(CALLS_END_WITHIN_MS, !engine.singleProcess)
    const requestsEnded = requests.ended(CALLS_END_WITHIN_MS)
    const closed = server.close()
    await Promise.all([callsEnded, requestsEnded])
    breakingOff.abort()
    // Connections that never asked for anything count as busy, and would be waited for.
    const cut = setTimeout(() => server.server.closeAllConnections(), CONNECTIONS_END_WITHIN_MS)
    await closed
    clearTimeout(cut)
    await metrics.close()
    await handedOver
    await deps.spend.stop()
    deps.runs.stop()
    await usage.close()
    await denials.close()
    if (opened) await runner.stop()
    await logEnd.stop()
    await wired.close()
    await engine.close()
  }

  return {
    config,
    deps,
    engine,
    runner,
    workers,
    server,
    routes: served,
    open,
    start,
    check: (model) => checkModel(deps, model),
    async rewrapKeys() {
      if (config.MASTER_KEY_OTHER === undefined)
        throw new StoreRefused(
          'MASTER_KEY_OTHER is not set: the new key belongs in MASTER_KEY, the old one in ' +
            'MASTER_KEY_OTHER (docs/operations.md, Replacing the master key).',
        )
      return wired.rewrapKeys()
    },
    async backup(directory, onProgress) {
      if (!engine.singleProcess)
        throw new StoreRefused(
          'With ENGINE=distributed each server is backed up by its own means: docs/operations.md.',
        )
      return backupEmbedded(config.DATA_DIR, directory, onProgress)
    },
    stop: () => (stopped ??= stopInOrder()),
  }
}

/** Whoever asks for a person's work is answered by the role api; the others only tell how they are. */
const routesOf = (role: Part['role'], deps: Deps, sources: HealthSources): readonly AnyRoute[] =>
  role === 'none' || does(role, 'api') ? routes(deps, sources) : healthRoutes(deps, sources)

/** The bot, where there is one and this process is to speak for it. */
function botOf(role: Part['role'], deps: Deps, denials: DenialRecorder): Bot | undefined {
  const { chat } = deps
  return chat && does(role, 'bot') ? createBot({ ...deps, chat, denials }) : undefined
}

const logRequest = (logger: Logger, { requestId, method, route, status, latencyMs }: Served) =>
  logger.info({ requestId, method, route, status, ms: latencyMs }, 'request')

async function checkModel(deps: Deps, name: string): ReturnType<App['check']> {
  const { settings } = deps
  const published = await namedModel(deps, name)
  const target = published
    ? targetOf(settings, published.terms)
    : { ...settings.provider, ...(settings.provider.practice ? {} : { model: name }) }
  if (target) return { where: target.baseUrl, answer: await checkTarget(target, CHECK_TIMEOUT_MS) }
  const setting = `PROVIDER_URL_${published?.terms.keyRef}`
  return {
    where: setting,
    answer: {
      ok: false,
      wrong: 'key',
      reason: 'refused_key',
      explanation: 'It is not set here for the address of this model, so nothing was sent.',
      detail: '',
    },
  }
}

function unlessAway(error: unknown): readonly [] {
  if (error instanceof Unavailable) return []
  throw error
}

/** What the operator should know at a start, beside the address. */
function notesOf(
  config: Config,
  role: Part['role'],
  practice: boolean,
  metricsUrl: string | undefined,
  missing: readonly string[],
): string[] {
  return [
    `API reference: /docs · OpenAPI: /openapi.json`,
    isAlone(config) ? `data in ${config.DATA_DIR}` : `namespace ${config.NAMESPACE}`,
    ...(config.MAIL_URL === undefined
      ? [`mails become files in ${config.DATA_DIR}/mail; set MAIL_URL to send them`]
      : []),
    ...(metricsUrl === undefined ? [] : [`metrics on ${metricsUrl}`]),
    ...(role === 'bot' && !usesBot(config)
      ? ['no bot: TELEGRAM_BOT_TOKEN is not set, or TELEGRAM_UPDATES=off']
      : []),
    ...(practice
      ? ['practice model: answers are made up here and marked; set OPENAI_API_KEY for a real one']
      : []),
    ...(missing.length > 0
      ? [`published models that cannot be called from here: ${missing.join(', ')} not set`]
      : []),
  ]
}
