// A repeat without a key finds the call that it lost also where another process serves it, and whoever repeats twice at once pays once for each wish.
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  type Installation,
  type Running,
  startInstallation,
} from '../../support/cluster/installation.ts'
import { until } from '../../support/cluster/until.ts'
import { needs } from '../../support/distributed.ts'
import { callOf, fund, type Funded, moneyOf } from '../../support/funded.ts'
import { type Gate, openable } from '../../support/upstream.ts'

let installation: Installation
let a: Running
let b: Running
let who: Funded

const bodyOf = (content: string) => ({
  model: who.agentId,
  messages: [{ role: 'user', content }],
})
const headers = (count: string) => ({
  authorization: `Bearer ${who.token}`,
  'content-type': 'application/json',
  'x-stainless-retry-count': count,
})
const idOf = ({ headers: given }: { readonly headers: Headers }): string =>
  given.get('x-daybook-invocation-id') ?? ''

const repeat = async (at: Running, body: object) => {
  const line = 'POST /v1/chat/completions'
  const answer = await at.ask(line, { token: who.token, body, headers: headers('1') })
  expect(answer.status, JSON.stringify(answer.body)).toBe(200)
  return idOf(answer)
}

/** Asks the first process for a stream, and hangs up after its first word. */
async function lose(body: object): Promise<{ readonly id: string; readonly gate: Gate }> {
  const gate = openable()
  installation.upstream.next({ text: ['Found ', 'again.'], after: 1, midGate: gate })
  const leaving = new AbortController()
  const response = await fetch(`${a.url}/v1/chat/completions`, {
    method: 'POST',
    headers: headers('0'),
    body: JSON.stringify({ ...body, stream: true }),
    signal: leaving.signal,
  })
  const id = idOf(response)
  leaving.abort()
  await expect.poll(async () => (await callOf(a.test, id)).cancelRequestedAt).toBeDefined()
  return { id, gate }
}

needs(['MONGODB_URL', 'REDIS_URL'])('two processes', () => {
  beforeAll(async () => {
    installation = await startInstallation()
    a = await installation.start('api')
    b = await installation.start('api')
    await installation.child('project', 'project')
    who = await fund(a.test)
    const { token } = who
    // Lost calls are found in the views, which the third process has begun to make.
    for (const one of [a, b])
      await until('the views are served', 30_000, async () => {
        return (await one.ask('GET /invocations', { token })).status === 200
      })
  }, 60_000)
  afterAll(() => installation?.close(), 30_000)

  test('a call that one has lost is answered by the other, while it runs', async () => {
    const { balance } = await moneyOf(a.test, who.orgId)
    const body = { ...bodyOf('Over there'), stream: true }
    const { id, gate } = await lose(body)
    const joined = repeat(b, body)
    gate.open()
    expect(await joined).toBe(id)
    // 10 tokens in, 2 out, once.
    expect(balance - (await moneyOf(a.test, who.orgId)).balance).toBe(14_000n)
  })

  test('two repeats at once of two equal wishes take one each', async () => {
    const body = { ...bodyOf('Twice'), stream: true }
    const lost = [await lose(body), await lose(body)]
    for (const { gate } of lost) gate.open()
    const calls = installation.upstream.requests.length
    const joined = await Promise.all([repeat(a, body), repeat(b, body)])
    expect(new Set(joined)).toEqual(new Set(lost.map(({ id }) => id)))
    expect(installation.upstream.requests.length).toBe(calls)
  })
})
