// Two processes on one installation: what one has done bites in the other, and together they spend no credit twice.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { needs } from '../../support/distributed.ts'
import { distributedEnvironment, type Environment } from '../../support/distributed-app.ts'
import { type Funded, fund, grant, invoke, moneyOf } from '../../support/funded.ts'
import { openable } from '../../support/upstream.ts'

needs(['MONGODB_URL', 'REDIS_URL'])('two processes of one installation', () => {
  let environment: Environment
  let a: TestApp
  let b: TestApp
  let who: Funded

  beforeAll(async () => {
    environment = await distributedEnvironment()
    a = await startTestApp(environment.settings)
    const { baseUrl, apiKey } = a.upstream
    const provider = { OPENAI_BASE_URL: baseUrl, OPENAI_API_KEY: apiKey }
    b = await startTestApp({ ...environment.settings, ...provider })
    who = await fund(a)
  }, 60_000)
  afterAll(async () => {
    await Promise.all([a.stop(), b.stop()])
    await environment.remove()
  })

  const me = (app: TestApp, token: string) => app.request('GET /me', { token })

  test('a session that ended in one is refused by the other within a second', async () => {
    const person = await fund(a)
    await expect.poll(async () => (await me(b, person.token)).status).toBe(200)
    expect((await a.request('POST /auth/logout', { token: person.token })).status).toBeLessThan(300)
    const ended = performance.now()
    await expect
      .poll(async () => (await me(b, person.token)).status, { interval: 10, timeout: 5_000 })
      .toBe(401)
    expect(performance.now() - ended).toBeLessThan(1_000)
  })

  test('one Idempotency-Key in both at once is one call', async () => {
    const before = a.upstream.requests.length
    const replies = await Promise.all(
      [a, b, a, b].map((app) => invoke(app, who, {}, { key: 'the-same-wish' })),
    )
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    expect(new Set(replies.map(({ body }) => JSON.stringify(body.output))).size).toBe(1)
    expect(a.upstream.requests.length).toBe(before + 1)
  })

  test('parallel calls through both on credit for n let exactly n through', async () => {
    const poor = await fund(a, { creditNanos: 0n })
    const refused = await invoke(b, poor)
    expect(refused.status).toBe(402)
    const { amount } = (refused.body.facts?.['needed'] ?? {}) as { amount: string }
    const needed = BigInt(amount.replace('.', ''))
    await grant(a, poor.orgId, 3n * needed)
    // Nobody settles before all are decided: what is given back would let more in.
    const gate = openable()
    a.upstream.otherwise({ gate })
    const from = a.upstream.requests.length
    let left = 5
    const decided = Promise.withResolvers<void>()
    const replies = [a, b, a, b, a, b, a, b].map(async (app) => {
      const reply = await invoke(app, poor)
      if (reply.status === 402 && --left === 0) decided.resolve()
      return reply.status
    })
    await Promise.all([a.upstream.arrived(from + 3), decided.promise])
    gate.open()
    const statuses = await Promise.all(replies)
    expect(statuses.filter((status) => status === 200)).toHaveLength(3)
    expect(statuses.filter((status) => status === 402)).toHaveLength(5)
    expect((await moneyOf(a, poor.orgId)).held).toBe(0n)
  })
})
