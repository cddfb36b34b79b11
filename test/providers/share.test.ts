// A provider that answers 429 is asked in turns: one organization's many calls do not starve another's few,
// and no call waits beyond its time.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../support/app.ts'
import { fund, invoke } from '../support/funded.ts'
import { openai } from '../support/providers/kinds.ts'
import { type ProviderServer, startProvider, WORDS } from '../support/providers/server.ts'

const AT_ONCE = 4
const GREEDY = 40
const SMALL = 5

let app: TestApp
let provider: ProviderServer
beforeAll(async () => {
  provider = await startProvider(openai)
  app = await startTestApp({
    OPENAI_BASE_URL: `${provider.origin}/v1`,
    OPENAI_API_KEY: openai.key,
  })
})
afterAll(async () => {
  await app.stop()
  await provider.close()
})

/** Takes so many calls at once and refuses the others; each is answered when the test lets it go. */
function limited() {
  const under: (() => void)[] = []
  const taken: string[] = []
  let refused = 0
  provider.decide(async ({ body }) => {
    if (under.length >= AT_ONCE) {
      refused++
      const error = { message: 'slow down', type: 'requests', code: 'rate_limit_exceeded' }
      const headers = { 'retry-after-ms': '50' }
      return { status: 429, headers, pieces: [JSON.stringify({ error })] }
    }
    taken.push(JSON.stringify(body['messages']).includes('small') ? 'small' : 'greedy')
    await new Promise<void>((resolve) => void under.push(resolve))
    return undefined
  })
  return { under, taken, refused: () => refused }
}
/** As long as the machine needs. */
const WHILE = { timeout: 9_000, interval: 5 }

test('many calls of one organization do not starve the few of another', async () => {
  const greedy = await fund(app)
  const small = await fund(app)
  expect((await invoke(app, greedy)).status).toBe(200)
  const { under, taken, refused } = limited()
  const { share } = app.app.deps
  const ask = (who: typeof greedy, input: string) => invoke(app, who, { input })
  const many = Array.from({ length: GREEDY }, () => ask(greedy, 'greedy'))
  await expect.poll(() => share.load().waiting, WHILE).toBe(GREEDY - AT_ONCE)
  expect(refused()).toBeGreaterThan(0)
  const few = Array.from({ length: SMALL }, () => ask(small, 'small'))
  await expect.poll(() => share.load().waiting + under.length, WHILE).toBe(GREEDY + SMALL)
  const before = taken.length
  const all = Promise.all([...many, ...few])
  for (let answered = 0; answered < GREEDY + SMALL; answered++) {
    await expect.poll(() => under.length, WHILE).toBeGreaterThan(0)
    under.shift()?.()
  }
  // In the order of arrival all of the many would have been first. In turns each of the few is soon taken.
  const order = taken.slice(before)
  const soon = order.slice(0, SMALL * 2).filter((one) => one === 'small')
  // One of them may have met the provider's limit itself, and comes again when that is written down.
  expect(soon.length).toBeGreaterThanOrEqual(SMALL - 1)
  // Every call was answered: those that were refused went again, in their turn.
  for (const { body } of await all) expect(body.output).toBe(WORDS.join(''))
})

test('a provider that takes nothing fails a call in bounded time, and without telling why', async () => {
  const who = await fund(app, { models: [{ name: 'dry' }], agent: { modelName: 'dry' } })
  provider.decide(() =>
    Promise.resolve({ status: 429, headers: { 'retry-after': '1' }, pieces: ['{}'] }),
  )
  const from = performance.now()
  const reply = await invoke(app, who)
  expect(reply.body.code).toBe('provider_unavailable')
  expect(reply.text).not.toMatch(/429|rate|limit|busy/i)
  expect(performance.now() - from).toBeLessThan(10_000)
  provider.decide(() => Promise.resolve(undefined))
})

test('without a 429 nothing waits', async () => {
  const who = await fund(app, { models: [{ name: 'wide' }], agent: { modelName: 'wide' } })
  let under = 0
  let most = 0
  const all = Promise.withResolvers<undefined>()
  provider.decide(async () => {
    most = Math.max(most, ++under)
    if (under === 40) all.resolve(undefined)
    return all.promise
  })
  await Promise.all(Array.from({ length: 40 }, () => invoke(app, who)))
  expect(most).toBe(40)
})
