/**
 * Several processes of one installation on the servers of the environment: applications of any role
 * within the test's own process, asked over real sockets, and children that can be killed.
 */
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { type App, createApp, type Overrides } from '../../../src/app.ts'
import { type Role, readConfig } from '../../../src/config.ts'
import { openEngine } from '../../../src/engines/distributed/index.ts'
import type { Engine } from '../../../src/ports/engine.ts'
import type { TestApp } from '../app.ts'
import { distributedEnvironment } from '../distributed-app.ts'
import { type Asked, headersOf } from '../servers.ts'
import { silent } from '../silent.ts'
import { startUpstream, type Upstream } from '../upstream.ts'
import { type RoleProcess, roleProcess, type Settings } from './process.ts'

export interface Answered {
  readonly status: number
  readonly headers: Headers
  readonly body: Readonly<Record<string, unknown>>
}

/** An application that listens. */
export interface Running {
  readonly app: App
  readonly url: string
  /** For helpers that use the deciders of an application. */
  readonly test: TestApp
  ask(line: string, options?: Omit<Asked, 'line'>): Promise<Answered>
  stop(): Promise<void>
}

/** A process with its metrics on a port of their own. */
export type Child = RoleProcess & { readonly metricsUrl: string }

export interface Installation {
  readonly upstream: Upstream
  start(role: Role, settings?: Settings, overrides?: Overrides): Promise<Running>
  child(name: string, role: Role, settings?: Settings): Promise<Child>
  /** Opened, for a process that gets something of it replaced. */
  engine(): Promise<Engine>
  close(): Promise<void>
}

export async function startInstallation(): Promise<Installation> {
  const environment = await distributedEnvironment()
  const upstream = await startUpstream()
  const closers: (() => Promise<unknown>)[] = []
  const base: Settings = {
    ...environment.settings,
    PUBLIC_URL: 'http://127.0.0.1',
    PORT: '0',
    METRICS_PORT: '0',
    DRAIN_SECONDS: '0',
    OPENAI_BASE_URL: upstream.baseUrl,
    OPENAI_API_KEY: upstream.apiKey,
  }
  const configOf = (settings: Settings = {}) =>
    readConfig({ ...base, LOG_LEVEL: 'silent', ...settings }, '/nonexistent/.env')
  return {
    upstream,
    async start(role, settings, overrides) {
      const app = await createApp(configOf(settings), { logger: silent, ...overrides, role })
      closers.push(() => app.stop())
      const { url } = await app.start()
      // The helpers look at the application and its clock, at nothing else.
      const test = { app, clock: app.deps.clock } as unknown as TestApp
      return {
        app,
        url,
        test,
        ask: (line, options) => ask(url, { line, ...options }),
        stop: () => app.stop(),
      }
    },
    async child(name, role, settings) {
      const port = await freePort()
      const ports = { METRICS_PORT: String(port), LOG_LEVEL: 'warn' }
      const child = roleProcess(name, role, { ...base, ...ports, ...settings })
      closers.push(() => child.kill())
      await child.start()
      return Object.assign(child, { metricsUrl: `http://127.0.0.1:${port}/metrics` })
    },
    engine: () =>
      openEngine({
        logger: silent,
        namespace: base['NAMESPACE'] ?? '',
        eventStoreDbUrl: base['EVENTSTOREDB_URL'] ?? '',
        mongoDbUrl: base['MONGODB_URL'] ?? '',
        keysMongoDbUrl: undefined,
        redisUrl: base['REDIS_URL'] ?? '',
        masterKey: Buffer.from(base['MASTER_KEY'] ?? '', 'base64'),
      }),
    async close() {
      await Promise.all(closers.map((closer) => closer()))
      await upstream.close()
      await environment.remove()
    },
  }
}

export async function ask(url: string, asked: Asked): Promise<Answered> {
  const [method = '', path = ''] = asked.line.split(' ')
  const response = await fetch(url + path, {
    method,
    headers: headersOf(asked),
    ...(asked.body === undefined ? {} : { body: JSON.stringify(asked.body) }),
  })
  const text = await response.text()
  const json = response.headers.get('content-type')?.includes('json') === true
  return {
    status: response.status,
    headers: response.headers,
    body: json ? (JSON.parse(text) as Answered['body']) : {},
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
