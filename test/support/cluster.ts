/**
 * A whole installation of the distributed engine: two processes of each role on servers of its own, a
 * provider on a real socket, and clients that never stop asking. A test takes any part of it away, looks
 * at the answers meanwhile, and has everything checked afterwards.
 */
import { randomBytes } from 'node:crypto'
import { type App, createApp, type Overrides } from '../../src/app.ts'
import { type Role, readConfig } from '../../src/config.ts'
import {
  ANSWER,
  checkAnswers,
  checkInvariantsOf,
  checkProvider,
  checkRepeats,
} from './cluster/check.ts'
import { Ledger } from './cluster/ledger.ts'
import { Load } from './cluster/load.ts'
import { type RoleProcess, roleProcess, type Settings } from './cluster/process.ts'
import { seed } from './cluster/seed.ts'
import { startStores, type Stores } from './cluster/stores.ts'
import { until } from './cluster/until.ts'
import { freshNamespace } from './distributed.ts'
import { silent } from './silent.ts'
import { type Behaviour, startUpstream, type Upstream } from './upstream.ts'

const ROLES = ['project', 'api', 'work'] as const
const OF_EACH = 2
/** A process carries out so many calls at once; the others become jobs, and wait as such. */
const CALLS_AT_ONCE = '2'
/** A run is dead when its last sign of life is 90 s old; then a sweep comes. */
const ENDED_WITHIN_MS = 150_000
const SEEDED_AGO_MS = 10 * 60_000

export interface Readiness {
  readonly status: number
  /** Names of what is not well. */
  readonly failing: readonly string[]
}

export interface Cluster {
  readonly namespace: string
  readonly stores: Stores
  readonly upstream: Upstream
  /** What the provider does, unless a test says otherwise. */
  readonly answer: Behaviour
  readonly load: Load
  readonly processes: readonly RoleProcess[]
  of(role: Role): readonly RoleProcess[]
  readiness(process: RoleProcess): Promise<Readiness>
  /** Every process that runs is ready. */
  allReady(withinMs: number): Promise<void>
  /** The log as it is now, beside the application. */
  ledger(): Promise<Ledger>
  /**
   * The load pauses; every call that was held since `since` ends by itself; then everything is checked;
   * then the load goes on. Without `since` nothing at all may be open.
   */
  check(since?: bigint): Promise<void>
  close(): Promise<void>
}

export async function startCluster(): Promise<Cluster> {
  const closers: (() => Promise<unknown>)[] = []
  const close = async () => {
    for (const closer of closers.splice(0).toReversed()) await closer()
  }
  try {
    return await start(closers, close)
  } catch (error) {
    await close()
    throw error
  }
}

async function start(
  closers: (() => Promise<unknown>)[],
  close: () => Promise<void>,
): Promise<Cluster> {
  const stores = await startStores()
  const namespace = freshNamespace()
  closers.push(() => stores.close(namespace))
  const upstream = await startUpstream()
  const answer = { text: ANSWER, delayMs: 30 }
  upstream.otherwise(answer)
  closers.push(() => upstream.close())
  const settings: Settings = {
    ...stores.settings,
    ENGINE: 'distributed',
    NAMESPACE: namespace,
    MASTER_KEY: randomBytes(32).toString('base64'),
    PUBLIC_URL: 'http://127.0.0.1',
    PORT: '0',
    METRICS_PORT: '0',
    LOG_LEVEL: 'warn',
    DRAIN_SECONDS: '0',
    OPENAI_BASE_URL: upstream.baseUrl,
    OPENAI_API_KEY: upstream.apiKey,
  }
  const processes = ROLES.flatMap((role) =>
    Array.from({ length: OF_EACH }, (_, n) =>
      roleProcess(`${role}-${n + 1}`, role, { ...settings, CALLS_AT_ONCE }),
    ),
  )
  closers.push(() => Promise.all(processes.map((one) => one.kill())))
  const of = (role: Role) => processes.filter((one) => one.role === role)
  await Promise.all(processes.map((one) => one.start()))

  /** An application beside the others, which reads; closed by whoever asked for it. */
  const observer = (overrides: Overrides = {}): Promise<App> =>
    createApp(readConfig(settings, '/nonexistent/.env'), {
      role: 'none',
      logger: silent,
      ...overrides,
    })

  const [api] = of('api')
  if (!api) throw new Error('there is no api')
  // What begins with the seed has begun by every clock.
  const clock = { now: () => new Date(Date.now() - SEEDED_AGO_MS) }
  const seeding = await observer({ clock })
  closers.push(() => seeding.stop())
  const seeded = await seed(seeding, api)
  await seeding.stop()
  const load = new Load(seeded, () => of('api').filter(({ running }) => running))
  closers.push(() => load.pause())
  const ledger = new Ledger()

  async function readiness({ url }: RoleProcess): Promise<Readiness> {
    const response = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(20_000) })
    const { checks } = (await response.json()) as { checks: { name: string; ok: boolean }[] }
    const failing = checks.filter(({ ok }) => !ok).map(({ name }) => name)
    return { status: response.status, failing }
  }

  async function check(since?: bigint): Promise<void> {
    await load.pause()
    expectNoCrash(processes)
    const app = await observer()
    try {
      let open: string[] = []
      await until('every call ends', ENDED_WITHIN_MS, async () => {
        await ledger.read(app.engine.events)
        open = ledger.open(since ?? -1n)
        return open.length === 0
      }).catch((error: unknown) => {
        throw new Error(`open: ${open.join(', ')}`, { cause: error })
      })
      await app.open()
      await ledger.read(app.engine.events)
      await checkAnswers(app, load, ledger)
      await checkInvariantsOf(app, since === undefined)
      checkProvider(upstream.requests)
      await checkRepeats(
        load,
        ledger,
        of('api').filter(({ running }) => running),
      )
      expectNoCrash(processes)
    } finally {
      await app.stop()
    }
    load.resume()
  }

  return {
    namespace,
    stores,
    upstream,
    answer,
    load,
    processes,
    of,
    readiness,
    async allReady(withinMs) {
      const running = processes.filter((one) => one.running)
      await Promise.all(
        running.map((one) =>
          until(`${one.name} is ready`, withinMs, async () => {
            const { status, failing } = await readiness(one)
            if (status !== 200) throw new Error(failing.join(', '))
            return true
          }),
        ),
      )
    },
    async ledger() {
      const app = await observer()
      try {
        await ledger.read(app.engine.events)
      } finally {
        await app.stop()
      }
      return ledger
    },
    check,
    close,
  }
}

function expectNoCrash(processes: readonly RoleProcess[]): void {
  const crashes = processes.flatMap((one) => one.crashes)
  if (crashes.length > 0) throw new Error(crashes.join('\n'))
}
