// A rolling restart under load, also to the next release and a step back, drops no request that was accepted.
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { App } from '../../src/app.ts'
import { checkInvariants } from '../../src/cli/invariants/index.ts'
import { step } from '../../src/commands/context.ts'
import { findUserByEmail } from '../../src/commands/user/find-user.ts'
import type { Role } from '../../src/config.ts'
import { sessionsByUser, type SessionsOfUser } from '../../src/projections/sessions-by-user.ts'
import type { TestApp } from '../support/app.ts'
import { logOf, ofTheProcess, quiet } from '../support/crash-data.ts'
import { isFerretDb, needs } from '../support/distributed.ts'
import { type Funded, fund } from '../support/funded.ts'
import { takeLimitsAway } from '../support/limits.ts'
import {
  changedEvents,
  note,
  type ReleaseName,
  releases,
  type SessionWithClient,
} from '../support/next-release.ts'
import {
  type Installation,
  type Running,
  startInstallation,
} from '../support/rolling/installation.ts'
import { type Load, startLoad } from '../support/rolling/load.ts'
import { operatorRoot } from '../support/seed.ts'
import { ask } from '../support/servers.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const TEXT = 'Eight words that come one after the other.'
/** Lasts longer than a process that was asked to stop still takes new calls. */
const SLOW = { text: TEXT, delayMs: 250 }
const EACH = { timeout: 300_000 }

/** Who makes people, prices and agents for a test needs no more of it. */
const testOf = (app: App) => ({ app }) as TestApp

needs(['MONGODB_URL', 'REDIS_URL'])('a rolling restart', () => {
  let upstream: Upstream
  let installation: Installation
  let who: Funded
  const loads: Load[] = []
  const running = new Set<Running>()
  const apps = new Map<ReleaseName, App>()

  /** The command line of a release. */
  async function commandLine(release: ReleaseName): Promise<App> {
    const app = apps.get(release) ?? (await installation.open(release))
    apps.set(release, app)
    return app
  }
  async function start(release: ReleaseName, role: Role): Promise<Running> {
    const one = await installation.start(release, role)
    running.add(one)
    return one
  }
  async function stop(one: Running): Promise<void> {
    running.delete(one)
    await one.stop()
  }
  const only = (role: Role, release: ReleaseName): Running => {
    const found = [...running].find((one) => one.role === role && one.release === release)
    if (!found) throw new Error(`no ${role} of ${release} runs`)
    return found
  }

  function begin(): Load {
    const load = startLoad(installation.proxy.url, who, TEXT)
    loads.push(load)
    return load
  }
  /** Whoever had begun something has had an answer, and a good one. */
  async function end(load: Load): Promise<void> {
    await load.stop()
    expect(load.failures).toEqual([])
    expect(installation.proxy.lost).toEqual([])
    expect(load.refused).toBeLessThan(load.calls.length)
  }

  beforeAll(async () => {
    upstream = await startUpstream()
    upstream.otherwise({ text: TEXT, delayMs: 80 })
    installation = await startInstallation(upstream)
    const roles = ['project', 'work', 'api', 'api'] as const
    await Promise.all(roles.map((role) => start('next', role)))
    const operator = await commandLine('next')
    await takeLimitsAway(operator.deps)
    who = await fund(testOf(operator))
    await Promise.all([...running].map((one) => one.ready()))
  }, 120_000)
  afterAll(async () => {
    for (const load of loads) await load.stop()
    await installation?.close()
    await upstream?.close()
  }, 60_000)

  /** The new one first; the old one goes while calls are far from their end. */
  async function replace(old: Running, release: ReleaseName): Promise<void> {
    await (await start(release, old.role)).ready()
    const arrived = upstream.requests.length
    upstream.next(SLOW, SLOW)
    await upstream.arrived(arrived + 2)
    await stop(old)
  }

  /** @param shared views that two releases project side by side are checked too */
  async function isRight(release: ReleaseName, shared: boolean): Promise<void> {
    const app = await commandLine(release)
    await quiet(app)
    const { events: catalogue } = releases[release]
    const report = await checkInvariants(app, { catalogue, quiet: true })
    const counted = report.violations.filter(
      ({ invariant, where }) => shared || invariant !== 'P1' || where === sessionsByUser.name,
    )
    expect(counted).toEqual([])
    expect(report.documents).toBeGreaterThan(0)
  }

  /** The sessions of somebody as a release has them. */
  async function sessionsOf(release: ReleaseName, email: string) {
    const { deps, engine } = await commandLine(release)
    await deps.views.passed(await engine.events.head(), 10_000)
    const person = await findUserByEmail(deps, email)
    const found = await deps.views.get<SessionsOfUser>(sessionsByUser, person?.userId ?? '')
    return (found?.sessions ?? []) as readonly SessionWithClient[]
  }

  test('within one release', EACH, async () => {
    const load = begin()
    for (const old of Array.from(running)) await replace(old, 'next')
    await end(load)
    await isRight('next', true)
  })

  test('to the next release, a step back, and on: both read what either writes', EACH, async () => {
    const load = begin()
    const before = await load.somebodyNew()
    // Each release has views of its own, so its projections run beside the older ones.
    await (await start('afterNext', 'project')).ready()
    await replace(only('work', 'next'), 'afterNext')
    await replace(only('api', 'next'), 'afterNext')
    await replace(only('api', 'next'), 'afterNext')
    const after = await load.somebodyNew()
    for (const email of [before, after]) {
      const [own] = await sessionsOf('next', email)
      expect(own).toBeDefined()
      expect(own).not.toHaveProperty('client')
    }
    expect(await sessionsOf('afterNext', before)).toMatchObject([{ client: 'unknown' }])
    expect(await sessionsOf('afterNext', after)).toMatchObject([{ client: 'browser' }])
    // What only the newer release writes stops nobody.
    const { deps } = await commandLine('afterNext')
    const root = operatorRoot(deps)
    const write = { type: 'WriteNote', text: 'written', at: root.at } as const
    await deps.streams.transact(note, root.id, write, step(deps.ids, root, 'note'))
    await replace(only('api', 'afterNext'), 'next')
    await load.goesOn(6)
    await replace(only('api', 'next'), 'afterNext')
    await end(load)
    // FerretDB compares before it writes, so two that project side by side overwrite each other there.
    const guarded = !(await isFerretDb())
    await isRight('afterNext', guarded)
    if (guarded) await isRight('next', guarded)
  })

  test('makes one call of each wish and one person of each registration', EACH, async () => {
    const log = await logOf(await commandLine('afterNext'))
    const of = (type: string) => log.filter((event) => event.type === type)
    for (const type of changedEvents)
      expect(new Set(of(type).map(({ metadata }) => metadata.v))).toEqual(new Set([1, 2]))
    const calls = loads.flatMap((load) => load.calls)
    expect(of('InvocationAccepted')).toHaveLength(calls.length)
    expect(of('HoldSettled')).toHaveLength(calls.length)
    // And the one who pays for them all.
    const people = loads.flatMap((load) => load.people)
    expect(of('UserRegistered')).toHaveLength(people.length + 1)
    // Asked again, the newer release answers what the older one has carried out.
    for (const load of loads)
      for (const call of load.calls.slice(0, 10))
        expect(await load.askAgain(call)).toBe(call.invocationId)
  })

  test('two releases apart says what it cannot read, and writes nothing wrong', EACH, async () => {
    await stop(only('project', 'next'))
    // Something that the views of today would have to read.
    const load = begin()
    const email = await load.somebodyNew()
    await end(load)
    const [project, api] = await Promise.all([start('today', 'project'), start('today', 'api')])
    const unknown =
      /they stand still: position \d+ of \S+: event \w+ version 2 is not known to this/
    await vi.waitFor(async () => expect(await project.health()).toMatch(unknown), 20_000)
    const app = await commandLine('afterNext')
    await quiet(app)
    const head = await app.engine.events.head()
    const refused = await ask(api.url, {
      line: `POST /agents/${who.agentId}/invoke`,
      token: who.token,
      body: { input: 'Hello' },
    })
    expect(refused).toMatchObject({ status: 503 })
    expect(refused?.text).toContain('"unavailable"')
    const written = await logOf(app, head)
    expect(written.filter(({ type }) => !ofTheProcess.has(type))).toEqual([])
    // The lead was left to whoever can read on.
    await (await start('next', 'project')).ready()
    expect(await sessionsOf('next', email)).toHaveLength(1)
  })
})
