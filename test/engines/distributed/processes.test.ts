// Several processes of one installation: what one has done bites in every other within a second, they share the work, and together they spend no credit twice.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Unavailable } from '../../../src/ports/unavailable.ts'
import {
  ask,
  type Child,
  type Installation,
  type Running,
  startInstallation,
} from '../../support/cluster/installation.ts'
import { until } from '../../support/cluster/until.ts'
import { needs } from '../../support/distributed.ts'
import { openEvents } from '../../support/event-source.ts'
import { callOf, fund, type Funded, grant, moneyOf, storyOf } from '../../support/funded.ts'
import { takeLimitsAway } from '../../support/limits.ts'
import { signIn, signInMember } from '../../support/seed.ts'
import { openable } from '../../support/upstream.ts'

let installation: Installation
let a: Running
let b: Running
let worker: Running
let projectors: Child[]

/** Made by one, and seen by the other: whose organizations they are stands in a view. */
async function funded(options?: Parameters<typeof fund>[1]): Promise<Funded> {
  const who = await fund(a.test, options)
  const { streams } = a.test.app.deps
  await b.test.app.deps.views.passed(streams.lastWritten(), 5_000)
  return who
}

const invoke = (
  at: Running,
  who: Funded,
  options: { key?: string; headers?: Record<string, string> } = {},
) =>
  at.ask(`POST /agents/${who.agentId}/invoke`, {
    token: who.token,
    body: { input: 'Hello' },
    ...options,
  })
const later = { headers: { prefer: 'respond-async' } }

/** How long it takes until `look` answers so. */
async function takes(what: string, look: () => Promise<boolean>): Promise<number> {
  const from = performance.now()
  await until(what, 10_000, look)
  return performance.now() - from
}

const gauge = async (child: Child, name: string): Promise<number> => {
  const text = await (await fetch(child.metricsUrl)).text()
  return Number(new RegExp(`^daybook_${name}(?:{[^}]*})? (\\S+)$`, 'm').exec(text)?.[1])
}

function revocations() {
  test('a session that ended in one is refused by the other within a second', async () => {
    const { token } = await funded()
    expect((await b.ask('GET /me', { token })).status).toBe(200)
    expect((await a.ask('POST /auth/logout', { token })).status).toBe(204)
    const refused = async () => (await b.ask('GET /me', { token })).status === 401
    expect(await takes('the end of the session', refused)).toBeLessThan(1_000)
  })

  test('a member who was removed in one is a stranger in the other within a second', async () => {
    const owner = await funded()
    const { token, userId } = await signInMember(a.test, owner.orgId, 'member')
    const account = () => b.ask('GET /billing/account', { token, org: owner.orgId })
    expect((await account()).status).toBe(200)
    const removal = `DELETE /organizations/${owner.orgId}/members/${userId}`
    const { status } = await a.ask(removal, { token: owner.token, org: owner.orgId })
    expect(status).toBeLessThan(300)
    const refused = async () => (await account()).body['code'] === 'organization_not_found'
    expect(await takes('the removal', refused)).toBeLessThan(1_000)
  })

  test('a person who was deactivated in one is kept out of the other within a second', async () => {
    const { token, userId } = await funded()
    const administrator = await signIn(a.test, { administrator: true })
    expect((await b.ask('GET /me', { token })).status).toBe(200)
    const asked = { token: administrator.token }
    expect((await a.ask(`POST /admin/users/${userId}/deactivate`, asked)).status).toBe(204)
    const refused = async () =>
      (await b.ask('GET /me', { token })).body['code'] === 'user_deactivated'
    expect(await takes('the deactivation', refused)).toBeLessThan(1_000)
  })

  test('a key that was revoked in one opens nothing in the other within a second', async () => {
    const { token } = await funded()
    const body = { name: 'Website', scopes: ['agents:read'] }
    const issued = await a.ask('POST /api-keys', { token, body })
    expect(issued.status).toBe(201)
    const { id, key } = issued.body as { id: string; key: string }
    const used = () => b.ask('GET /agents', { token: key })
    await until('the key is known', 5_000, async () => (await used()).status === 200)
    expect((await a.ask(`DELETE /api-keys/${id}`, { token })).status).toBe(204)
    const refused = async () => (await used()).body['code'] === 'api_key_revoked'
    expect(await takes('the revocation', refused)).toBeLessThan(1_000)
  })

  test('a policy that was made or changed in one binds in the other within a second', async () => {
    const { token } = await funded()
    const asked = () => b.ask('GET /agents', { token })
    expect((await asked()).status).toBe(200)
    const denies = (resource: string) => ({
      kind: 'resource_access',
      name: 'Not now',
      effect: 'deny',
      resources: [resource],
    })
    const made = await a.ask('POST /policies', { token, body: denies('agent') })
    expect(made.status).toBe(201)
    const denied = async () => (await asked()).body['code'] === 'policy_denied'
    expect(await takes('the new policy', denied)).toBeLessThan(1_000)
    const changed = await a.ask(`PATCH /policies/${String(made.body['id'])}`, {
      token,
      body: { resources: ['usage'] },
    })
    expect(changed.status).toBe(200)
    const allowed = async () => (await asked()).status === 200
    expect(await takes('the change', allowed)).toBeLessThan(1_000)
  })

  test('a process that does not see the end of the log refuses changes and administration', async () => {
    const engine = await installation.engine()
    let blind = false
    const { events } = engine
    const head = () =>
      blind ? Promise.reject(new Unavailable('EventStoreDB', new Error('blind'))) : events.head()
    const blinded = { ...engine, events: { ...events, head } }
    const c = await installation.start('api', {}, { engine: blinded })
    const { token } = await funded()
    const administrator = await signIn(a.test, { administrator: true })
    const change = () => c.ask('POST /organizations', { token, body: { name: 'Another' } })
    const administration = () => c.ask('GET /admin/users', { token: administrator.token })
    await until('what was written is seen', 5_000, async () => (await change()).status === 201)
    await until('the views have it', 5_000, async () => (await administration()).status === 200)
    blind = true
    await until('changes are refused', 10_000, async () => (await change()).status === 503)
    const refused = await change()
    expect(refused.body).toMatchObject({ code: 'unavailable' })
    expect(refused.headers.get('retry-after')).toBe('1')
    expect((await administration()).status).toBe(503)
    expect((await c.ask('GET /me', { token })).status).toBe(200)
    expect((await c.ask('GET /health/ready')).body).toMatchObject({ status: 'not_ready' })
    blind = false
    await until('changes are taken', 5_000, async () => (await change()).status === 201)
    await c.stop()
  })
}

function calls() {
  test('a call that waits in one is carried out by another, and heard by a third', async () => {
    const narrow = await installation.start('api', { CALLS_AT_ONCE: '1' })
    const who = await funded()
    const { upstream } = installation
    const [first, middle] = [openable(), openable()]
    const from = upstream.requests.length
    upstream.next(
      { gate: first, text: 'First.' },
      { text: ['Red ', 'green.'], after: 1, midGate: middle },
    )
    const busy = invoke(narrow, who)
    await upstream.arrived(from + 1)
    const accepted = await invoke(narrow, who, later)
    expect(accepted.status).toBe(202)
    const id = String(accepted.body['invocation_id'])
    await upstream.arrived(from + 2)
    const { attempts } = await callOf(worker.test, id)
    expect(attempts[0]?.runId).toBe(worker.app.deps.settings.runId)
    const events = await openEvents(`${b.url}/invocations/${id}/events`, { token: who.token })
    expect(await events.next()).toMatchObject({ event: 'delta', data: { text: 'Red ' } })
    middle.open()
    const rest = await events.rest()
    expect(rest.map(({ event }) => event)).toEqual(['delta', 'done'])
    expect(rest.at(-1)?.data).toMatchObject({ invocation_id: id, output: 'Red green.' })
    first.open()
    expect((await busy).body).toMatchObject({ output: 'First.' })
    await narrow.stop()
  })

  test('a cancel that is asked of one ends a call that runs in another', async () => {
    const who = await funded({ agent: { abortPolicy: 'cancel_free' } })
    const { upstream } = installation
    const from = upstream.requests.length
    upstream.next({ text: ['Red ', 'green.'], after: 1, ending: 'stall' })
    const accepted = await invoke(a, who, later)
    const id = String(accepted.body['invocation_id'])
    await upstream.arrived(from + 1)
    expect(a.app.deps.calls.get(id)).toBeDefined()
    const { status } = await b.ask(`POST /invocations/${id}/cancel`, { token: who.token })
    expect(status).toBe(202)
    expect(await upstream.request(from).closed).toBe('aborted')
    const end = await until('the call ends', 5_000, async () => (await callOf(b.test, id)).end)
    expect(end.type).toBe('InvocationCanceled')
  })

  test('one Idempotency-Key in both at once is one call', async () => {
    const who = await funded()
    const from = installation.upstream.requests.length
    const key = 'the-same-wish'
    const replies = await Promise.all([a, b, a, b].map((at) => invoke(at, who, { key })))
    expect(replies.map(({ status, body }) => [status, body['code']])).toEqual(
      replies.map(() => [200, undefined]),
    )
    const told = replies.map(({ body: { invocation_id: id, output, cost } }) => [id, output, cost])
    for (const one of told) expect(one).toEqual(told[0])
    expect(installation.upstream.requests.length).toBe(from + 1)
    const story = await storyOf(a.test, `account-${who.orgId}`)
    expect(story.slice(-2)).toEqual(['HoldPlaced', 'HoldSettled'])
  })

  test('parallel calls through both on credit for n let exactly n through', async () => {
    const poor = await funded({ creditNanos: 0n })
    const { body } = await invoke(b, poor)
    const { amount } = (body['facts'] as { needed: { amount: string } }).needed
    await grant(a.test, poor.orgId, 3n * BigInt(amount.replace('.', '')))
    // Nobody settles before all are decided: what is given back would let more in.
    const gate = openable()
    installation.upstream.next({ gate }, { gate }, { gate })
    const statuses: number[] = []
    const replies = [a, b, a, b, a, b, a, b].map(async (at) => {
      const { status } = await invoke(at, poor)
      statuses.push(status)
    })
    await until('all others are refused', 10_000, () => statuses.length === 5)
    expect(statuses).toEqual([402, 402, 402, 402, 402])
    gate.open()
    await Promise.all(replies)
    expect(statuses.slice(5)).toEqual([200, 200, 200])
    const settled = async () => (await moneyOf(a.test, poor.orgId)).held === 0n
    await until('all is settled', 5_000, settled)
  })
}

function roles() {
  test('every role tells how it is, and those that serve nobody tell nothing else', async () => {
    const [projector] = projectors
    if (!projector) throw new Error('there is a projector')
    const asked = async (url: string, path: string) => (await fetch(url + path)).status
    for (const { url } of [projector, worker]) {
      expect(await asked(url, '/health/live')).toBe(200)
      await until('it is ready', 10_000, async () => (await asked(url, '/health/ready')) === 200)
      for (const path of ['/me', '/openapi.json', '/docs', '/invocations'])
        expect(await asked(url, path)).toBe(404)
    }
    expect(await gauge(projector, 'dependency_up')).toBe(1)
    expect(await gauge(projector, 'log_end_unseen_seconds')).toBeLessThan(5)
  })

  test('of two that project one leads, and when it is killed the other does', async () => {
    const leader = await until('one leads', 10_000, async () => {
      const held = await Promise.all(projectors.map((one) => gauge(one, 'lease_held')))
      return held.filter((one) => one === 1).length === 1 && projectors[held.indexOf(1)]
    })
    const other = projectors.find((one) => one !== leader)
    if (!other) throw new Error('there are two')
    await leader.kill()
    const leads = async () => (await gauge(other, 'lease_held')) === 1
    expect(await takes('the other leads', leads)).toBeLessThan(7_500)
    await funded()
    expect(await b.app.deps.views.passed(await b.app.engine.events.head(), 5_000)).toBe(true)
  })

  test('without any that projects, what needs views is refused, never shown empty', async () => {
    const lonely = await startInstallation()
    try {
      const first = await lonely.start('api')
      const who = await fund(first.test)
      // Whoever has seen the log begin has seen all of it.
      await first.stop()
      const api = await lonely.start('api')
      const asked = { token: who.token, org: who.orgId }
      for (const line of ['GET /invocations', 'GET /usage/summary', 'GET /agents']) {
        const { status, headers } = await api.ask(line, asked)
        expect([line, status, headers.get('retry-after')]).toEqual([line, 503, '1'])
      }
      expect((await api.ask('GET /billing/account', asked)).status).toBe(200)
    } finally {
      await lonely.close()
    }
  })

  test('one that is asked to stop under load drops no request', async () => {
    const c = await installation.child('api', 'api', { DRAIN_SECONDS: '1' })
    const who = await funded()
    const { upstream } = installation
    const gate = openable()
    const from = upstream.requests.length
    const many = Array.from({ length: 6 })
    upstream.next(...many.map(() => ({ gate, text: 'Whole.' })))
    const long = Promise.all(many.map(() => invokeOf(c, who)))
    await upstream.arrived(from + many.length)
    const short = Array.from({ length: 4 }, () => untilRefused(c.url, who.token))
    const stopped = c.stop()
    // Those that only ask in between end when nobody listens any more; the others have begun.
    const statuses = (await Promise.all(short)).flat()
    gate.open()
    const answers = await long
    expect(answers.map(({ body }) => body['output'])).toEqual(many.map(() => 'Whole.'))
    expect(await stopped).toBe(0)
    expect(new Set(statuses)).toEqual(new Set([200]))
  })
}

const invokeOf = ({ url }: Child, who: Funded) =>
  ask(url, {
    line: `POST /agents/${who.agentId}/invoke`,
    token: who.token,
    body: { input: 'Hello' },
  })

/** Asks again and again until nobody listens; anything else that goes wrong is thrown. */
async function untilRefused(url: string, token: string): Promise<number[]> {
  for (const statuses: number[] = []; ;)
    try {
      const { status } = await ask(url, { line: 'GET /me', token })
      // "Not any more", said by one that still listens, is an answer that drops nothing.
      if (status !== 503) statuses.push(status)
    } catch (error) {
      const cause = error instanceof Error ? (error.cause as NodeJS.ErrnoException) : undefined
      // Nobody listens.
      if (cause?.code === 'ECONNREFUSED') return statuses
      // Closed as idle before it had read anything: what may be repeated is asked again, as proxies do.
      if (cause?.code !== 'ECONNRESET' && cause?.code !== 'UND_ERR_SOCKET') throw error
    }
}

needs(['MONGODB_URL', 'REDIS_URL'])('processes of one installation', () => {
  beforeAll(async () => {
    installation = await startInstallation()
    a = await installation.start('api')
    await takeLimitsAway(a.app.deps)
    b = await installation.start('api')
    worker = await installation.start('work')
    projectors = await Promise.all(
      ['project-1', 'project-2'].map((name) => installation.child(name, 'project')),
    )
  }, 60_000)
  afterAll(() => installation?.close(), 30_000)
  revocations()
  calls()
  roles()
})
