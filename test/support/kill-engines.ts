/**
 * Where servers are killed: an installation that holds what a test has seeded, of which every kill gets
 * its own, and the ordinary application on what a kill has left. In files it is made once and copied; on
 * servers, which cannot be copied, each kill has a fresh namespace that is seeded anew and then removed.
 */
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type App, createApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import type { Clock } from '../../src/ports/clock.ts'
import { BEFORE_ALL } from '../../src/ports/event-store.ts'
import { openInvocations } from '../../src/projections/invocation-history.ts'
import { startTestApp, type TestApp } from './app.ts'
import type { FakeClock } from './clock.ts'
import { openApp, quiet } from './crash-data.ts'
import { distributedEnvironment } from './distributed-app.ts'
import { silent } from './silent.ts'

/** What must be there before a server is killed. */
export interface Seeding<T> {
  /** By the machine's where left out. */
  readonly clock?: () => FakeClock
  seed(test: TestApp): Promise<T>
}

/** One installation, for one kill. */
export interface Site<T> {
  readonly environment: Readonly<Record<string, string>>
  readonly seeded: T
  /** Where the log of the seed ends. */
  readonly head: bigint
  remove(): Promise<void>
}

export interface Sites<T> {
  fresh(): Promise<Site<T>>
  close(): Promise<void>
}

export interface KillEngine {
  readonly name: 'embedded' | 'distributed'
  /** Kills at once, and how long one may take: on servers they mostly wait for what the dead still hold. */
  readonly suite: { readonly concurrent: boolean; readonly timeout: number }
  /** So far after the first process a second one lives, so that leases of the first have ended. */
  readonly apartMs: number
  /** With nothing in it. */
  empty(): Promise<Site<undefined>>
  sites<T>(seeding: Seeding<T>): Sites<T>
  /** The ordinary application on what a kill has left, of which it has taken up all that it finds. */
  open(environment: Readonly<Record<string, string>>): Promise<App>
}

const SETTINGS = { PORT: '0', METRICS_PORT: '0', LOG_LEVEL: 'silent' }
const nothing = { seeded: undefined, head: BEFORE_ALL }

async function seedOn<T>(
  environment: Readonly<Record<string, string>>,
  seeding: Seeding<T>,
): Promise<Pick<Site<T>, 'seeded' | 'head'>> {
  const clock = seeding.clock?.()
  const test = await startTestApp(environment, clock && { clock })
  try {
    // The helpers move and read the clock of the application that they are given.
    const seeded = await seeding.seed(clock ? { ...test, app: test.app, clock } : test)
    await quiet(test.app)
    return { seeded, head: await test.app.engine.events.head() }
  } finally {
    await test.stop()
  }
}

async function emptyDirectory(): Promise<Site<undefined>> {
  const DATA_DIR = await mkdtemp(join(tmpdir(), 'daybook-kill-'))
  const remove = () => rm(DATA_DIR, { recursive: true, force: true })
  return { environment: { ...SETTINGS, DATA_DIR }, ...nothing, remove }
}

function embeddedSites<T>(seeding: Seeding<T>): Sites<T> {
  const seedOnce = async () => {
    const site = await emptyDirectory()
    return { ...site, ...(await seedOn(site.environment, seeding)) }
  }
  let seed: Promise<Site<T>> | undefined
  return {
    async fresh() {
      const { environment, seeded, head } = await (seed ??= seedOnce())
      const copy = await emptyDirectory()
      const [from = '', to = ''] = [environment['DATA_DIR'], copy.environment['DATA_DIR']]
      await cp(from, to, { recursive: true })
      return { ...copy, seeded, head }
    },
    close: async () => (await seed)?.remove(),
  }
}

async function emptyNamespace(): Promise<Site<undefined>> {
  const directory = await emptyDirectory()
  const servers = await distributedEnvironment()
  return {
    environment: { ...directory.environment, ...servers.settings },
    ...nothing,
    async remove() {
      await servers.remove()
      await directory.remove()
    },
  }
}

function distributedSites<T>(seeding: Seeding<T>): Sites<T> {
  return {
    async fresh() {
      const site = await emptyNamespace()
      return { ...site, ...(await seedOn(site.environment, seeding)) }
    },
    close: () => Promise.resolve(),
  }
}

export const embedded: KillEngine = {
  name: 'embedded',
  suite: { concurrent: false, timeout: 30_000 },
  apartMs: 0,
  empty: emptyDirectory,
  sites: embeddedSites,
  open: openApp,
}

/** Leases and heartbeats of whoever died have run out. */
const AFTER_THE_DEAD_MS = 45_000
/** Missing for so long, a run is dead. */
const MISSED_MS = 61_000

/**
 * Time is told to it, so that nobody waits for a heartbeat to be missed. A job of a worker that died is
 * given to another one by BullMQ, by the machine's own clock: that takes half a minute.
 */
async function openAfterTheDead(environment: Readonly<Record<string, string>>): Promise<App> {
  let ahead = AFTER_THE_DEAD_MS
  const clock: Clock = {
    now: () => new Date(Date.now() + ahead),
    elapsedMs: () => performance.now() + ahead,
  }
  const config = readConfig({ ...environment, USAGE_LOG: 'off' }, '/nonexistent/.env')
  const app = await createApp(config, { logger: silent, clock })
  const sweepLater = async () => {
    await app.runner.views.passed(await app.engine.events.head(), 20_000)
    ahead += MISSED_MS
    await app.workers.sweep()
  }
  try {
    await app.open()
    await sweepLater()
    // A run that had begun a call is known to be dead when it was missed twice.
    if (await callsAreOpen(app)) await sweepLater()
    return app
  } catch (error) {
    await app.stop()
    throw error
  }
}

async function callsAreOpen({ deps }: App): Promise<boolean> {
  for await (const _ of openInvocations(deps.views)) return true
  return false
}

export const distributed: KillEngine = {
  name: 'distributed',
  suite: { concurrent: true, timeout: 240_000 },
  apartMs: 10_000,
  empty: emptyNamespace,
  sites: distributedSites,
  open: openAfterTheDead,
}
