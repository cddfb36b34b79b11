/**
 * Everything that a flow needs, made for servers that are killed; and the same data opened again after a
 * kill, by the ordinary application, to be retried, compared and checked.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'vitest'
import { type App, createApp } from '../../src/app.ts'
import { checkInvariants } from '../../src/cli/invariants/index.ts'
import { readConfig } from '../../src/config.ts'
import type { StoredEvent } from '../../src/ports/event-store.ts'
import { holdsPlacedBefore } from '../../src/projections/open-holds.ts'
import { workers } from '../../src/workers/index.ts'
import type { TestApp } from './app.ts'
import { fakeClock } from './clock.ts'
import { seedPayments } from './crash-payments.ts'
import { grant, publishAgent, version } from './funded.ts'
import { mailedToken, newPerson, PASSWORD } from './people.ts'
import { signIn, signInMember } from './seed.ts'
import { silent } from './silent.ts'
import type { Asked, Got } from './servers.ts'
import { headersOf } from './servers.ts'
import { publishTerms } from './test-terms.ts'

export interface Credentials {
  readonly userId: string
  readonly orgId: string
  readonly token: string
}

export interface CrashData {
  readonly email: string
  readonly password: string
  readonly person: Credentials & { readonly refreshToken: string }
  /** A member of the person's organization. */
  readonly member: Credentials
  readonly administrator: Credentials
  readonly agentId: string
  /** Ends as its caller wishes: `cancel_free`. */
  readonly cancelableId: string
  readonly otherPlanId: string
  readonly verifyToken: string
  /** Secrets and prompts that must never be in clear. */
  readonly secrets: readonly string[]
}

/** The seed was made two hours ago, so that what a test does lies after it whatever its clock says. */
const AGO_MS = 2 * 60 * 60_000
export const SYSTEM_PROMPT = 'Zebra-7141: be brief.'

/** Everything that a flow needs. */
export const crashData = {
  clock: () => fakeClock(new Date(Date.now() - AGO_MS).toISOString()),
  seed,
}

async function seed(test: TestApp): Promise<CrashData> {
  await publishTerms(test)
  const somebody = await newPerson(test)
  const { email, userId, orgId, sessionId } = somebody
  await grant(test, orgId, 1_000_000_000n)
  const texts = { systemPrompt: SYSTEM_PROMPT }
  const agentId = await publishAgent(test, orgId, version(texts))
  const free = version({ ...texts, abortPolicy: 'cancel_free' })
  const cancelableId = await publishAgent(test, orgId, free)
  const person = await lasting(test, { userId, orgId, sessionId })
  const member = await lasting(test, await signInMember(test, orgId, 'member'))
  const administrator = await lasting(test, await signIn(test, { administrator: true }))
  const verifyToken = await mailedToken(test, email, 'verify_email')
  await quiet(test.app)
  const otherPlanId = await publishTerms(test, 'other')
  await seedPayments(test, administrator.orgId, otherPlanId)
  return {
    email,
    password: PASSWORD,
    person,
    member,
    administrator,
    agentId,
    cancelableId,
    otherPlanId,
    verifyToken,
    secrets: [PASSWORD, SYSTEM_PROMPT, email, verifyToken, person.token, person.refreshToken],
  }
}

/** Tokens that outlive the two hours. */
async function lasting(
  test: TestApp,
  who: { readonly userId: string; readonly orgId: string; readonly sessionId: string },
) {
  const { userId, orgId, sessionId } = who
  const issuedAt = Math.floor(test.clock.now().getTime() / 1_000)
  const claims = { userId, sessionId, issuedAt, expiresAt: issuedAt + 86_400 }
  const { tokens } = test.app.deps
  return {
    userId,
    orgId,
    token: await tokens.signAccess(claims),
    refreshToken: await tokens.signRefresh({ ...claims, generation: 1 }),
  }
}

/** Servers are asked over sockets: less often. */
const LOOK_EVERY_MS = 50

/** Waits until nothing goes on: no job, no call, views at the log's end, nothing new in the log. */
export async function quiet(app: App, { calls = true } = {}): Promise<void> {
  const names = workers(app.deps).map(({ name }) => name)
  const { singleProcess } = app.engine
  // What a worker that died had in hand comes back to the others after half a minute.
  const deadline = performance.now() + (singleProcess ? 10_000 : 90_000)
  for (let still = 0, last = -1n; still < 3;) {
    if (performance.now() > deadline) throw new Error('something goes on and on')
    const head = await app.engine.events.head()
    await app.runner.views.passed(head, 5_000)
    const counts = await Promise.all(names.map((name) => app.engine.jobs.counts(name)))
    const jobs = counts.some(({ waiting, running, delayed }) => waiting + running + delayed > 0)
    const busy = jobs || (calls && (await callsRun(app)))
    still = busy || head !== last ? 0 : still + 1
    last = head
    if (singleProcess) await new Promise((resolve) => setImmediate(resolve))
    else await pause(LOOK_EVERY_MS)
  }
}

/** Until its hold has ended a call belongs to its execution. */
async function callsRun({ deps }: App): Promise<boolean> {
  for await (const { invocationId } of holdsPlacedBefore(deps.views))
    if (deps.calls.get(invocationId)) return true
  return false
}

/** The ordinary application on data that a kill has left. Its start has run every sweep. */
export async function openApp(environment: Readonly<Record<string, string>>): Promise<App> {
  const config = readConfig({ ...environment, USAGE_LOG: 'off' }, '/nonexistent/.env')
  const app = await createApp(config, { logger: silent })
  await app.open()
  return app
}

/** The same request within this process. */
export async function askApp(app: App, asked: Asked): Promise<Got> {
  const [method, url] = asked.line.split(' ') as ['POST', string]
  const response = await app.server.inject({
    method,
    url,
    headers: headersOf(asked),
    ...(asked.body === undefined ? {} : { payload: JSON.stringify(asked.body) }),
  })
  const position = response.headers['x-position']
  return {
    status: response.statusCode,
    text: response.body,
    position: typeof position === 'string' ? BigInt(position) : undefined,
  }
}

/** The whole log after a position. */
export async function logOf(app: App, after = -1n): Promise<StoredEvent[]> {
  const all: StoredEvent[] = []
  for (let last = after; ; last = all.at(-1)?.position ?? last) {
    const page = await app.engine.events.readAll({ after: last, limit: 1_000 })
    all.push(...page)
    if (page.length < 1_000) return all
  }
}

/** What runs, what was asked and what it may spend is told of every process; it is nobody's wish. */
export const ofTheProcess: ReadonlySet<string> = new Set([
  'UsageRecorded',
  'ServiceStarted',
  'SpendReserved',
  'SpendReturned',
  'SpendThresholdReached',
])

/** How many events of each type, those of the process aside. */
export function effectsOf(events: readonly StoredEvent[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { type } of events) if (!ofTheProcess.has(type)) counts[type] = (counts[type] ?? 0) + 1
  return counts
}

/** Every invariant of the log, of the accounts and of the views; `quiet`: nothing may be open. */
export async function expectInvariants(
  app: App,
  options: { quiet: boolean; mustNotAppear: readonly string[] },
): Promise<void> {
  const { violations, documents, events } = await checkInvariants(app, options)
  expect(violations).toEqual([])
  expect(documents).toBeGreaterThan(0)
  expect(events).toBeGreaterThan(0)
}
