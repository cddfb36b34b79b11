// However many processes serve an organization, and whichever of them is killed: no more calls run at once than a policy allows, no budget and no credit is passed.
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AccountEvent } from '../../src/domain/account/events.ts'
import {
  ask,
  type Child,
  type Installation,
  type Running,
  startInstallation,
} from '../support/cluster/installation.ts'
import { needs } from '../support/distributed.ts'
import { fund, type Funded } from '../support/funded.ts'
import { takeLimitsAway } from '../support/limits.ts'

/** The places of calls that a kill ended come back when their process is known to be dead: a minute. */
const AT_ONCE = 10
const CALLERS = 16
const KILLS = 2
const BETWEEN_KILLS_MS = 2_000
const AFTERWARDS_MS = 3_000
/** A call that its budget refuses has all the same been asked for; so many more calls than it pays for. */
const BUDGET = '0.004000000'
const BUDGET_NANOS = 4_000_000n

interface Outcome {
  readonly statuses: Map<number, number>
  readonly mostAtOnce: number
}

/** Callers that ask again under the same key where a process went away, while one after another is killed. */
async function underKills(
  upstream: Installation['upstream'],
  apis: Child[],
  who: Funded,
): Promise<Outcome> {
  const statuses = new Map<number, number>()
  const from = upstream.requests.length
  const stopped = Promise.withResolvers<undefined>()
  const stop = new AbortController()
  let ended = 0
  let mostAtOnce = 0
  let watched = from
  const watch = setInterval(() => {
    for (const request of upstream.requests.slice(watched)) void request.closed.then(() => ended++)
    watched = upstream.requests.length
    mostAtOnce = Math.max(mostAtOnce, watched - from - ended)
  }, 2)
  const caller = async (n: number) => {
    for (let tries = n; !stop.signal.aborted;) {
      const key = randomUUID()
      for (let answered = false; !answered && !stop.signal.aborted; tries++) {
        const url = apis[tries % apis.length]?.url ?? ''
        const line = `POST /agents/${who.agentId}/invoke`
        const asked = { line, token: who.token, org: who.orgId, key, body: { input: 'Hello' } }
        const answer = ask(url, asked).then(
          (reply) => reply.status,
          () => undefined,
        )
        // What a killed process had begun is waited for until it is known to be dead.
        const status = await Promise.race([answer, stopped.promise])
        answered = status !== undefined
        if (status !== undefined) statuses.set(status, (statuses.get(status) ?? 0) + 1)
        await pause(20)
      }
    }
  }
  const callers = Array.from({ length: CALLERS }, (_, n) => caller(n))
  for (let n = 0; n < KILLS; n++) {
    await pause(BETWEEN_KILLS_MS)
    const victim = apis[n % apis.length]
    await victim?.kill()
    await victim?.start()
  }
  await pause(AFTERWARDS_MS)
  stop.abort()
  stopped.resolve(undefined)
  await Promise.all(callers)
  clearInterval(watch)
  return { statuses, mostAtOnce }
}

/** The most that was ever held and charged together. */
function greatestSpend(events: readonly AccountEvent[]): bigint {
  let [spent, most] = [0n, 0n]
  for (const { type, data } of events) {
    if (type === 'HoldPlaced') spent += BigInt(data.amountNanos)
    else if (type === 'HoldSettled') spent -= BigInt(data.holdNanos) - BigInt(data.chargeNanos)
    else if (type === 'HoldReleased') spent -= BigInt(data.holdNanos)
    if (spent > most) most = spent
  }
  return most
}

needs(['MONGODB_URL', 'REDIS_URL'])('limits under kills', () => {
  let installation: Installation
  let operator: Running
  beforeAll(async () => {
    installation = await startInstallation()
    operator = await installation.start('all')
    await takeLimitsAway(operator.app.deps)
    installation.upstream.otherwise({ text: 'Some words.', delayMs: 40 })
  }, 60_000)
  afterAll(() => installation?.close(), 30_000)

  test.each([1, 3])('%i processes', { timeout: 60_000 }, async (processes) => {
    const who = await fund(operator.test)
    const { token, orgId: org } = who
    const decide = (body: object) => operator.ask('POST /policies', { token, org, body })
    const [limit, budget] = [
      await decide({
        kind: 'rate_limit',
        name: 'a few at once',
        on: 'invoke',
        measure: 'concurrency',
        per: 'organization',
        limit: AT_ONCE,
      }),
      await decide({
        kind: 'budget',
        name: 'a little a day',
        amount: BUDGET,
        period: 'day',
        per: 'organization',
        hard: true,
      }),
    ]
    expect([limit.status, budget.status], JSON.stringify([limit, budget])).toEqual([201, 201])
    const names = Array.from({ length: processes }, (_, n) => `api-${processes}-${n}`)
    const apis = await Promise.all(names.map((name) => installation.child(name, 'api')))
    const { statuses, mostAtOnce } = await underKills(installation.upstream, apis, who)
    expect(mostAtOnce).toBeGreaterThan(1)
    expect(mostAtOnce).toBeLessThanOrEqual(AT_ONCE)
    expect(statuses.get(200)).toBeGreaterThan(0)
    expect(statuses.get(429)).toBeGreaterThan(0)
    expect(
      [...statuses.keys()].filter((status) => ![200, 402, 429, 502, 503].includes(status)),
    ).toEqual([])
    const events = await operator.app.deps.streams.read(`account-${who.orgId}`)
    expect(greatestSpend(events as unknown as AccountEvent[])).toBeLessThanOrEqual(BUDGET_NANOS)
  })
})
