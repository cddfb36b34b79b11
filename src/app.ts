/**
 * The composition root: engine + adapters → commands, views, workers, http, and their one life from
 * open to stop. The only place that knows all names. No container, no decorators, no singletons.
 */
import type { FastifyInstance } from 'fastify'
import manifest from '../package.json' with { type: 'json' }
import { createJsonLogger } from './adapters/json-logger.ts'
import { checkTarget } from './adapters/openai-check.ts'
import { createSystemClock } from './adapters/system-clock.ts'
import { routes } from './api/index.ts'
import { createMetrics } from './api/metrics.ts'
import { createServer, type Served } from './api/server.ts'
import { createAccessFacts } from './commands/access-facts.ts'
import type { Deps } from './commands/deps.ts'
import { startService } from './commands/service/start-service.ts'
import { createUsageRecorder } from './commands/usage/record-usage.ts'
import { type Config, publicSettings } from './config.ts'
import {
  backupEmbedded,
  type BackupProgress,
  type BackupReport,
} from './engines/embedded/sqlite/backup.ts'
import { openEngine } from './engines/embedded/index.ts'
import type { Clock } from './ports/clock.ts'
import type { Engine } from './ports/engine.ts'
import type { Llm } from './ports/llm.ts'
import type { Logger } from './ports/logger.ts'
import type { Runner } from './projections/runner.ts'
import { wire, type Wired } from './wiring.ts'
import { sweeps, workers as workerList } from './workers/index.ts'
import { createWorkers, type Workers } from './workers/worker.ts'

/** What needs no running application: a backup's check and its way back. */
export { restoreEmbedded as restoreBackup, verifyBackup } from './engines/embedded/sqlite/backup.ts'

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
  const masterKeyGiven = config.MASTER_KEY !== undefined
  const engine =
    overrides.engine ??
    (await openEngine({ dataDir: config.DATA_DIR, logger, clock, masterKeyGiven }))
  try {
    const wired = await wire(config, { engine, logger, clock, llm: overrides.llm })
    return await compose(config, engine, wired)
  } catch (error) {
    await engine.close()
    throw error
  }
}

async function compose(config: Config, engine: Engine, wired: Wired): Promise<App> {
  const { deps, runner } = wired
  const list = workerList(deps)
  const workers = createWorkers(deps, list, sweeps(deps))
  runner.onEvents((events) => deps.streams.observe(events))
  runner.onEvents((events) => deps.calls.observe(events))
  runner.onEvents((events) => workers.onEvents(events))
  const stopping = new AbortController()
  const queues = list.map(({ name }) => name)
  const metrics = createMetrics({ engine, runner, deps, queues })
  const on = config.USAGE_LOG === 'on'
  const usage = createUsageRecorder(deps, { on, onDropped: metrics.usageDropped })
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
      logRequest(deps.logger, served)
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

  async function start(): Promise<{ url: string; notes: readonly string[] }> {
    await open()
    const settings = publicSettings(config)
    await startService(deps, { version: manifest.version, role: 'all', settings })
    const url = await server.listen({ host: config.HOST, port: config.PORT })
    const metricsUrl = await metrics.listen(config.HOST, config.METRICS_PORT)
    return { url, notes: notesOf(config, wired.practice, metricsUrl) }
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
    await wired.close()
    await engine.close()
  }

  const { provider } = deps.settings
  return {
    config,
    deps,
    engine,
    runner,
    workers,
    server,
    open,
    start,
    check: (model) =>
      checkTarget(provider.practice ? provider : { ...provider, model }, CHECK_TIMEOUT_MS),
    backup: (directory, onProgress) => backupEmbedded(config.DATA_DIR, directory, onProgress),
    stop: () => (stopped ??= stopInOrder()),
  }
}

const logRequest = (logger: Logger, { requestId, method, route, status, latencyMs }: Served) =>
  logger.info({ requestId, method, route, status, ms: latencyMs }, 'request')

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
