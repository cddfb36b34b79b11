/**
 * An installation whose processes are replaced one by one, also by those of another release, behind a
 * proxy. Every process has the product's own life: SIGTERM ends it, and its exit code is looked at.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { compileCache } from '../compile-cache.ts'
import { type App, createApp } from '../../../src/app.ts'
import { readConfig, type Role } from '../../../src/config.ts'
import {
  dropMongoDatabases,
  dropRedisKeys,
  freshNamespace,
  servers,
  serverUrl,
} from '../distributed.ts'
import { spawnEventStoreDb } from '../eventstoredb/spawn.ts'
import { type ReleaseName, releases } from '../next-release.ts'
import { silent } from '../silent.ts'
import type { Upstream } from '../upstream.ts'
import { isReady, type ReverseProxy, startReverseProxy } from './reverse-proxy.ts'

const SERVER = join(import.meta.dirname, '../release-server.ts')
const LISTENS = /^Daybook listens on (\S+)$/m
const READY_WITHIN_MS = 60_000

export interface Running {
  readonly role: Role
  readonly release: ReleaseName
  readonly url: string
  /** Resolves when it says that it is ready. */
  ready(): Promise<void>
  /** What it says of itself. */
  health(): Promise<string>
  /** SIGTERM. @throws where it does not end as it should */
  stop(): Promise<void>
}

export interface Installation {
  readonly proxy: ReverseProxy
  /** Resolves when it listens. A process of role api gets requests as soon as it is ready. */
  start(release: ReleaseName, role: Role): Promise<Running>
  /** What the command line of a release is: no port, no role. */
  open(release: ReleaseName): Promise<App>
  close(): Promise<void>
}

export async function startInstallation(upstream: Upstream): Promise<Installation> {
  const namespace = freshNamespace()
  const log = await logServer()
  const settings = {
    ENGINE: 'distributed',
    NAMESPACE: namespace,
    EVENTSTOREDB_URL: log.url,
    MONGODB_URL: serverUrl('MONGODB_URL'),
    REDIS_URL: serverUrl('REDIS_URL'),
    MASTER_KEY: randomBytes(32).toString('base64'),
    PUBLIC_URL: 'http://daybook.test',
    OPENAI_BASE_URL: upstream.baseUrl,
    OPENAI_API_KEY: upstream.apiKey,
    PORT: '0',
    METRICS_PORT: '0',
    LOG_LEVEL: 'warn',
    DRAIN_SECONDS: '1',
    // Some calls have to wait for a worker.
    CALLS_AT_ONCE: '2',
  }
  const proxy = await startReverseProxy()
  const children = new Set<Child>()
  const apps: App[] = []
  return {
    proxy,
    async start(release, role) {
      const { child, url, ended } = await launch(release, role, settings)
      children.add(child)
      const remove = role === 'api' ? proxy.add(url) : () => undefined
      return {
        role,
        release,
        url,
        ready: () => untilReady(url),
        health: async () => (await fetch(`${url}/health/ready`)).text(),
        async stop() {
          child.kill('SIGTERM')
          const { code, printed } = await ended
          remove()
          children.delete(child)
          if (code !== 0) throw new Error(`${role} of ${release} ended with ${code}: ${printed}`)
        },
      }
    },
    async open(release) {
      const config = readConfig(settings, '/nonexistent/.env')
      const app = await createApp(config, { ...releases[release], logger: silent, role: 'none' })
      apps.push(app)
      await app.open()
      return app
    },
    async close() {
      for (const app of apps) await app.stop()
      for (const child of children) child.kill('SIGKILL')
      await proxy.close()
      await log.stop()
      await Promise.all([dropMongoDatabases(namespace), dropRedisKeys(namespace)])
    },
  }
}

async function logServer(): Promise<{ url: string; stop(): Promise<void> }> {
  const named = servers().EVENTSTOREDB_URL
  if (named !== undefined) return { url: named, stop: async () => undefined }
  const directory = mkdtempSync(join(tmpdir(), 'daybook-esdb-'))
  const peer = await spawnEventStoreDb({ directory })
  return {
    url: peer.url,
    async stop() {
      await peer.stop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

type Child = ChildProcessByStdio<null, Readable, Readable>

async function launch(
  release: ReleaseName,
  role: Role,
  settings: Readonly<Record<string, string>>,
): Promise<{
  child: Child
  url: string
  ended: Promise<{ code: number | null; printed: string }>
}> {
  const child: Child = spawn(process.execPath, [SERVER, '--role', role], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: tmpdir(),
    env: {
      PATH: process.env['PATH'],
      ...compileCache,
      TEST_RELEASE: release,
      ...settings,
    },
  })
  const endWithMe = (): void => void child.kill('SIGKILL')
  process.once('exit', endWithMe)
  let printed = ''
  const listening = Promise.withResolvers<string>()
  const hear = (text: string) => {
    printed = (printed + text).slice(-20_000)
    const url = LISTENS.exec(text)?.[1]
    if (url !== undefined) listening.resolve(url)
  }
  child.stdout.setEncoding('utf8').on('data', hear)
  child.stderr.setEncoding('utf8').on('data', hear)
  const ended = once(child, 'close').then(([code]) => {
    process.off('exit', endWithMe)
    listening.reject(new Error(`${role} of ${release} did not start: ${printed}`))
    return { code: code as number | null, printed }
  })
  return { child, url: await listening.promise, ended }
}

async function untilReady(url: string): Promise<void> {
  const deadline = performance.now() + READY_WITHIN_MS
  while (!(await isReady(url))) {
    if (performance.now() > deadline)
      throw new Error(await (await fetch(`${url}/health/ready`)).text())
    await delay(50)
  }
}
