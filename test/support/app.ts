/**
 * The whole application, on the embedded engine in a folder of its own or, with
 * TEST_ENGINE=distributed, on servers in a namespace of its own; with a clock that stands still,
 * and a scripted provider on a real socket. `request` goes through Fastify's inject; `listen` opens a
 * real port for streams.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type App, createApp, type Overrides } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { type FakeClock, fakeClock } from './clock.ts'
import { distributedEnvironment, onDistributed } from './distributed-app.ts'
import { takeLimitsAway } from './limits.ts'
import { silent } from './silent.ts'
import { startUpstream } from './upstream.ts'

type Upstream = Awaited<ReturnType<typeof startUpstream>>

export interface Reply<T = Record<string, unknown>> {
  readonly status: number
  readonly body: T
  readonly headers: Readonly<Record<string, string | string[] | number | undefined>>
  readonly text: string
}

export interface RequestOptions {
  readonly token?: string
  readonly body?: unknown
  /** As a page sends it, instead of a body. */
  readonly form?: Readonly<Record<string, string>>
  readonly key?: string
  readonly org?: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface TestApp {
  readonly app: App
  readonly clock: FakeClock
  readonly upstream: Upstream
  readonly dataDir: string
  /** `request('POST /auth/login', { body })` */
  request<T = Record<string, unknown>>(line: string, options?: RequestOptions): Promise<Reply<T>>
  /** Opens a real port (once) and answers its base URL. */
  listen(): Promise<string>
  /** Stops the app and opens it again on the same data; the sweeps of a start have run. */
  restart(): Promise<void>
  /**
   * What processes that died have left is known as theirs and taken up: alone, a start knows at once;
   * sharing, a heartbeat is missed first, so the clock moves by a minute and a half.
   */
  takeUpFromTheDead(): Promise<void>
  /** Waits until the views have what was written. */
  settled(): Promise<void>
  /** Asks for answers that are compared: again where the views, whose position they show, moved meanwhile. */
  inOneState<T>(ask: () => Promise<T>): Promise<T>
  stop(): Promise<void>
}

export interface TestAppOptions {
  /** kept: the limits that the platform begins with bind. */
  readonly limits?: 'none' | 'kept'
}

export async function startTestApp(
  environment: Readonly<Record<string, string>> = {},
  overrides: Overrides = {},
  { limits = 'none' }: TestAppOptions = {},
): Promise<TestApp> {
  const dataDir = await mkdtemp(join(tmpdir(), 'daybook-test-'))
  const servers = onDistributed() ? await distributedEnvironment() : undefined
  const upstream = await startUpstream()
  const clock = fakeClock()
  const config = readConfig(
    {
      DATA_DIR: dataDir,
      PORT: '0',
      METRICS_PORT: '0',
      // No proxy is there to notice anything.
      DRAIN_SECONDS: '0',
      LOG_LEVEL: 'silent',
      OPENAI_BASE_URL: upstream.baseUrl,
      OPENAI_API_KEY: upstream.apiKey,
      ...servers?.settings,
      ...environment,
    },
    '/nonexistent/.env',
  )
  const open = async () => {
    const app = await createApp(config, { clock, logger: silent, ...overrides })
    await app.open()
    await app.runner.views.passed(await app.engine.events.head(), 10_000)
    return app
  }
  let app = await open()
  if (limits === 'none') {
    await takeLimitsAway(app.deps)
    await app.runner.views.passed(await app.engine.events.head(), 10_000)
  }
  let base: Promise<string> | undefined
  const settled = async () => {
    const head = await app.engine.events.head()
    if (!(await app.runner.views.passed(head, 20_000))) throw new Error('the views are behind')
  }
  return {
    get app() {
      return app
    },
    clock,
    upstream,
    dataDir,
    request: (line, options) => inject(app, line, options),
    listen: () => (base ??= app.server.listen({ host: '127.0.0.1', port: 0 })),
    async restart() {
      await app.stop()
      base = undefined
      app = await open()
      // Alone, a start has swept when it is open; sharing, whoever tends sweeps soon afterwards.
      if (!app.engine.singleProcess) await app.workers.sweep()
    },
    async takeUpFromTheDead() {
      if (app.engine.singleProcess) return
      // A heartbeat has run out; it has been missing for a minute.
      for (const ms of [31_000, 60_000]) {
        clock.advance(ms)
        await settled()
        await app.workers.sweep()
      }
    },
    settled,
    async inOneState(ask) {
      for (;;) {
        await settled()
        const position = app.runner.views.position()
        const answers = await ask()
        if (app.runner.views.position() === position) return answers
      }
    },
    async stop() {
      await app.stop()
      await upstream.close()
      await servers?.remove()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

const FORM = 'application/x-www-form-urlencoded'

async function inject<T>(app: App, line: string, options: RequestOptions = {}): Promise<Reply<T>> {
  const [method, url] = line.split(' ') as ['GET', string]
  const response = await app.server.inject({
    method,
    url,
    headers: {
      ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
      ...(options.key === undefined ? {} : { 'idempotency-key': options.key }),
      ...(options.org === undefined ? {} : { 'x-organization-id': options.org }),
      ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(options.form === undefined ? {} : { 'content-type': FORM }),
      ...options.headers,
    },
    ...(options.body === undefined ? {} : { payload: JSON.stringify(options.body) }),
    ...(options.form === undefined
      ? {}
      : { payload: new URLSearchParams(options.form).toString() }),
  })
  const json = (response.headers['content-type'] ?? '').includes('json')
  return {
    status: response.statusCode,
    // The tests say what they expect of the body.
    body: (json ? response.json() : undefined) as T,
    headers: response.headers,
    text: response.body,
  }
}
