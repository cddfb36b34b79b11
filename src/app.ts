/**
 * The composition root: engine + adapters → commands, views, workers, http. The only place that knows
 * all names. No container, no decorators, no singletons.
 */
import type { FastifyInstance } from 'fastify'
import { createArgon2 } from './adapters/argon2.ts'
import { createIds } from './adapters/ids.ts'
import { createJsonLogger } from './adapters/json-logger.ts'
import { createJoseTokens } from './adapters/jose.ts'
import { createOpenAi } from './adapters/openai.ts'
import { checkTarget } from './adapters/openai-check.ts'
import {
  PRACTICE_MODEL,
  type PracticeModel,
  startPracticeModel,
} from './adapters/practice-model.ts'
import { createSealer } from './adapters/sealing.ts'
import { createSystemClock } from './adapters/system-clock.ts'
import { createTokenCounter } from './adapters/token-counter.ts'
import { routes } from './api/index.ts'
import { createMetrics } from './api/metrics.ts'
import { createServer } from './api/server.ts'
import { createAccessFacts } from './commands/access-facts.ts'
import type { Deps, Settings } from './commands/deps.ts'
import { createRunningCalls } from './commands/invocation/running-calls.ts'
import { createRuns } from './commands/invocation/runs.ts'
import { createEventCodec } from './commands/event-codec.ts'
import { createStreams } from './commands/streams.ts'
import { createUsageRecorder } from './commands/usage/record-usage.ts'
import { type Config, usesPracticeModel } from './config.ts'
import { catalogue } from './domain/catalogue.ts'
import {
  backupEmbedded,
  type BackupProgress,
  type BackupReport,
} from './engines/embedded/backup.ts'
import { openEmbedded } from './engines/embedded/index.ts'
import type { Clock } from './ports/clock.ts'
import type { Engine } from './ports/engine.ts'
import type { Ids } from './ports/ids.ts'
import type { Llm } from './ports/llm.ts'
import type { Logger } from './ports/logger.ts'
import { projections } from './projections/index.ts'
import { createRunner, type Runner } from './projections/runner.ts'
import { sweeps, workers as workerList } from './workers/index.ts'
import { createWorkers, type Workers } from './workers/worker.ts'

/** What needs no running application: a backup's check and its way back. */
export { restoreEmbedded as restoreBackup, verifyBackup } from './engines/embedded/backup.ts'

const CHECK_TIMEOUT_MS = 30_000
/** At a stop, running calls may go on so long; then they are interrupted, which costs nobody anything. */
const CALLS_END_WITHIN_MS = 20_000
/** Then the last answers have so long to leave. */
const CONNECTIONS_END_WITHIN_MS = 2_000

/** What tests replace. Everything else is the real thing. */
export interface Overrides {
  readonly clock?: Clock
  readonly logger?: Logger
  readonly llm?: Llm
  readonly engine?: Engine
}

export interface App {
  readonly config: Config
  readonly deps: Deps
  readonly engine: Engine
  readonly runner: Runner
  readonly workers: Workers
  readonly server: FastifyInstance
  /** Brings views up to the log, ends what a dead run has left; no port is opened. */
  open(): Promise<void>
  /** open() and listen. */
  start(): Promise<{ url: string; notes: readonly string[] }>
  /** One tiny real call to the provider of models that name none of their own. */
  check(model: string): ReturnType<typeof checkTarget>
  /** Copies log, contents and keys beside the running process into an empty directory. */
  backup(directory: string, onProgress?: BackupProgress): Promise<BackupReport>
  /** Takes no new work, lets the running end, flushes, closes. Safe to call more than once. */
  stop(): Promise<void>
}

export async function createApp(config: Config, overrides: Overrides = {}): Promise<App> {
  const logger =
    overrides.logger ?? createJsonLogger({ level: config.LOG_LEVEL, stream: process.stdout })
  const clock = overrides.clock ?? createSystemClock()
  const ids = createIds()
  const engine = overrides.engine ?? (await openEmbedded({ dataDir: config.DATA_DIR, logger }))
  try {
    return await compose(config, overrides, { engine, logger, clock, ids })
  } catch (error) {
    await engine.close()
    throw error
  }
}

interface Ground {
  readonly engine: Engine
  readonly logger: Logger
  readonly clock: Clock
  readonly ids: Ids
}

async function compose(config: Config, overrides: Overrides, ground: Ground): Promise<App> {
  const { engine, logger, clock, ids } = ground
  const sealer = await createSealer({
    keys: engine.keys,
    masterKey: await masterKey(config, engine),
  })
  const codec = createEventCodec(catalogue, { sealer, ids })
  const streams = createStreams({
    events: engine.events,
    snapshots: engine.snapshots,
    codec,
    logger,
  })
  const runner = createRunner({
    events: engine.events,
    store: engine.views,
    projections,
    upcast: (event) => codec.upcast(event),
    logger,
  })
  const tokenCounter = createTokenCounter()
  const practice = usesPracticeModel(config)
    ? await startPracticeModel({ tokens: tokenCounter })
    : undefined
  const openAi = overrides.llm ? undefined : createOpenAi()
  const settings = settingsOf(config, ids.random(), practice)
  const tokens = createJoseTokens({ sealer, issuer: settings.publicUrl, clock })
  const deps: Deps = {
    streams,
    views: runner.views,
    contents: engine.contents,
    sealer,
    jobs: engine.jobs,
    counters: engine.counters,
    feed: engine.feed,
    ids,
    clock,
    logger,
    passwords: createArgon2(config.HASHES_AT_ONCE > 0 ? { atOnce: config.HASHES_AT_ONCE } : {}),
    tokens,
    tokenCounter,
    llm: overrides.llm ?? (openAi as Llm),
    calls: createRunningCalls(settings.callsAtOnce),
    runs: createRuns(
      { counters: engine.counters, clock, logger },
      { runId: settings.runId, alone: engine.singleProcess },
    ),
    settings,
  }
  const list = workerList(deps)
  const workers = createWorkers(deps, list, sweeps(deps))
  runner.onEvents((events) => streams.observe(events))
  runner.onEvents((events) => deps.calls.observe(events))
  runner.onEvents((events) => workers.onEvents(events))
  const stopping = new AbortController()
  const queues = list.map(({ name }) => name)
  const metrics = createMetrics({ engine, runner, deps, queues })
  const usage = createUsageRecorder(deps, {
    on: config.USAGE_LOG === 'on',
    onDropped: metrics.usageDropped,
  })
  const server = await createServer({
    ...deps,
    facts: createAccessFacts(deps),
    routes: routes(deps, { engine, runner, stopping: stopping.signal }),
    corsOrigins: config.CORS_ORIGINS,
    trustProxy: config.TRUST_PROXY,
    stopping: stopping.signal,
    onServed(served) {
      metrics.served(served)
      usage.record(served)
      logger.info(
        {
          requestId: served.requestId,
          method: served.method,
          route: served.route,
          status: served.status,
          ms: served.latencyMs,
        },
        'request',
      )
    },
  })

  let opened = false
  async function open(): Promise<void> {
    deps.runs.start()
    await runner.start()
    await workers.sweep()
    workers.start()
    opened = true
  }

  let stopped: Promise<void> | undefined
  async function stopInOrder(): Promise<void> {
    stopping.abort()
    const callsEnded = deps.calls.stop(CALLS_END_WITHIN_MS)
    await metrics.close()
    const closed = server.close()
    await callsEnded
    // Connections that never asked for anything count as busy, and would be waited for.
    const cut = setTimeout(() => server.server.closeAllConnections(), CONNECTIONS_END_WITHIN_MS)
    await closed
    clearTimeout(cut)
    if (opened) await workers.stop()
    deps.runs.stop()
    await usage.close()
    if (opened) await runner.stop()
    await openAi?.close()
    await practice?.close()
    await engine.close()
  }

  return {
    config,
    deps,
    engine,
    runner,
    workers,
    server,
    open,
    async start() {
      await open()
      const url = await server.listen({ host: config.HOST, port: config.PORT })
      const metricsUrl = await metrics.listen(config.HOST, config.METRICS_PORT)
      return { url, notes: notesOf(config, practice !== undefined, metricsUrl) }
    },
    check: (model) =>
      checkTarget(practice ? settings.provider : { ...settings.provider, model }, CHECK_TIMEOUT_MS),
    backup: (directory, onProgress) => backupEmbedded(config.DATA_DIR, directory, onProgress),
    stop: () => (stopped ??= stopInOrder()),
  }
}

async function masterKey(config: Config, engine: Engine): Promise<Uint8Array> {
  if (config.MASTER_KEY !== undefined) return Buffer.from(config.MASTER_KEY, 'base64')
  const kept = await engine.keys.masterKey()
  if (!kept) throw new Error('MASTER_KEY is required with this engine')
  return kept
}

function settingsOf(config: Config, runId: string, practice: PracticeModel | undefined): Settings {
  return {
    runId,
    publicUrl: config.PUBLIC_URL ?? `http://${config.HOST}:${config.PORT}`,
    dashboardUrl: config.DASHBOARD_URL,
    corsOrigins: config.CORS_ORIGINS,
    registration: config.REGISTRATION,
    billing: config.BILLING,
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
    callLimitMs: config.CALL_LIMIT * 1_000,
    callsAtOnce: config.CALLS_AT_ONCE,
    contentDays: config.CONTENT_DAYS,
  }
}

/** What the operator should know at a start, beside the address. */
function notesOf(config: Config, practice: boolean, metricsUrl: string | undefined): string[] {
  return [
    `API reference: /docs · OpenAPI: /openapi.json`,
    `data in ${config.DATA_DIR}`,
    ...(metricsUrl === undefined ? [] : [`metrics on ${metricsUrl}`]),
    ...(practice
      ? ['practice model: answers are made up here and marked; set OPENAI_API_KEY for a real one']
      : []),
  ]
}
