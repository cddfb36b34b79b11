/**
 * A real server under mixed parallel load by clients that write down every request and answer, killed at
 * random, opened again, checked, and so on with the same data. The seed decides what is asked and when
 * is killed; what runs beside what is the machine's.
 */
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { App } from '../../src/app.ts'
import { projections } from '../../src/projections/index.ts'
import type { Projection } from '../../src/projections/projection.ts'
import { findUserByEmail } from '../../src/commands/user/find-user.ts'
import {
  askApp,
  type CrashData,
  crashData,
  expectInvariants,
  logOf,
  openApp,
  quiet,
} from './crash-data.ts'
import { embedded } from './kill-engines.ts'
import { Load } from './load.ts'
import { startMain } from './servers.ts'
import { startUpstream } from './upstream.ts'

const CLIENTS = 8
/** A kill comes up to this long after the server listens. */
const LONGEST_LIFE_MS = 600
/** What may follow from a request that was refused. */
const MAY_FOLLOW_A_REFUSAL = new Set([
  'SessionRevoked',
  'RegistrationAttempted',
  'AccessDenied',
  'UsageRecorded',
  'SpendReserved',
  'SpendReturned',
  'SpendThresholdReached',
  'EmailClaimed',
  'EmailReleased',
  'SlugClaimed',
  'SlugReleased',
])

export interface KillsReport {
  readonly kills: number
  readonly asked: number
  readonly answered: number
  readonly unanswered: number
  readonly repeated: number
  readonly events: number
}

export async function killAtRandom(kills: number, seed: number): Promise<KillsReport> {
  const upstream = await startUpstream()
  upstream.otherwise({ text: 'Red green blue and white.', delayMs: 4 })
  const sites = embedded.sites(crashData)
  const site = await sites.fresh()
  const data = site.seeded
  const directory = site.environment['DATA_DIR'] ?? ''
  const environment = {
    ...site.environment,
    OPENAI_BASE_URL: upstream.baseUrl,
    OPENAI_API_KEY: upstream.apiKey,
  }
  const load = new Load(seed, data)
  const report = { kills, asked: 0, answered: 0, unanswered: 0, repeated: 0, events: 0 }
  try {
    for (let cycle = 0; cycle < kills; cycle++) {
      const server = await startMain(environment)
      const over = new AbortController()
      const clients = Array.from({ length: CLIENTS }, () => load.run(server.url, over.signal))
      await sleep(load.upTo(LONGEST_LIFE_MS))
      over.abort()
      await server.kill()
      await Promise.all(clients)
      if (cycle % 5 === 4) loseViews(directory)
      report.events = await checked(environment, load, data, report)
    }
    await viewsComeBack(environment, directory)
    return { ...report, ...load.counts() }
  } finally {
    await upstream.close()
    await site.remove()
    await sites.close()
  }
}

/** After a kill: everything is finished by the start, and nothing that was answered is lost. */
async function checked(
  environment: Record<string, string>,
  load: Load,
  data: CrashData,
  report: { repeated: number },
): Promise<number> {
  const app = await openApp(environment)
  try {
    await quiet(app)
    // Those that got no answer ask again, as people do: some of what they ask for has happened.
    for (const entry of load.unanswered()) {
      const got = await askApp(app, entry.asked)
      load.repeat(entry, got)
      report.repeated++
    }
    await quiet(app)
    await app.workers.sweep()
    await quiet(app)
    const events = await everythingAnswered(app, load)
    await expectInvariants(app, {
      quiet: true,
      mustNotAppear: [...data.secrets, ...load.secrets()],
    })
    return events
  } finally {
    await app.stop()
  }
}

/** L1, L2, and one effect for each key. */
async function everythingAnswered(app: App, load: Load): Promise<number> {
  const log = await logOf(app)
  const byCorrelation = new Map<string, string[]>()
  const positions = new Set(log.map((event) => event.position))
  const ids = new Map<string, number>()
  for (const { type, data, metadata } of log) {
    const types = byCorrelation.get(metadata.$correlationId) ?? []
    types.push(type)
    byCorrelation.set(metadata.$correlationId, types)
    for (const id of [data['agentId'], data['invocationId'], data['lotId'], data['orgId']])
      if (typeof id === 'string') ids.set(`${type} ${id}`, (ids.get(`${type} ${id}`) ?? 0) + 1)
  }
  for (const { requestId, status, position, wrote, text } of load.answers()) {
    if (status >= 200 && status < 300) {
      if (position !== undefined) expect(positions.has(position)).toBe(true)
      for (const one of wrote)
        expect({ one, times: ids.get(one), text }).toMatchObject({ times: 1 })
    } else if (status >= 400 && status < 500) {
      const written = (byCorrelation.get(requestId) ?? []).filter(
        (type) => !MAY_FOLLOW_A_REFUSAL.has(type),
      )
      expect({ status, text, written }).toMatchObject({ written: [] })
    } else expect({ status, text }).toMatchObject({ status: expect.toSatisfy(isOurs) })
  }
  for (const email of load.registered())
    expect(await findUserByEmail(app.deps, email), email).toBeDefined()
  return log.length
}

/** A server that is being killed has its say; a defect is none of it. */
const isOurs = (status: number): boolean => status === 502 || status === 503 || status === 504

function loseViews(directory: string): void {
  for (const suffix of ['', '-wal', '-shm'])
    rmSync(join(directory, `views.db${suffix}`), { force: true })
}

/** J3 and P1: with all views and jobs lost everything comes back, byte for byte. */
async function viewsComeBack(environment: Record<string, string>, directory: string) {
  const before = await documentsOf(environment)
  expect(existsSync(join(directory, 'views.db'))).toBe(true)
  loseViews(directory)
  const after = await documentsOf(environment)
  expect(after.text).toBe(before.text)
  expect(after.head).toBe(before.head)
  expect(before.count).toBeGreaterThan(100)
}

async function documentsOf(environment: Record<string, string>) {
  const app = await openApp(environment)
  try {
    await quiet(app)
    const lines: string[] = []
    for (const one of projections)
      for await (const { key, document } of app.runner.views.all(one as Projection<unknown>))
        lines.push(`${one.name} ${key} ${JSON.stringify(document)}`)
    return { text: lines.join('\n'), count: lines.length, head: await app.engine.events.head() }
  } finally {
    await app.stop()
  }
}
