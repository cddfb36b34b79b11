// A provider that answers 429 is asked in turns: one organization's many calls do not starve another's few,
// and no call waits beyond its time.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../support/app.ts'
import { fund, invoke, storyOf } from '../support/funded.ts'
import { openai } from '../support/providers/kinds.ts'
import { type ProviderServer, startProvider, WORDS } from '../support/providers/server.ts'

const AT_ONCE = 4
const GREEDY = 60
const SMALL = 6

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

/** Takes so many calls at once, each for a moment, and refuses the others. */
function limited(takesMs: number) {
  let under = 0
  let refused = 0
  let most = 0
  provider.decide(async () => {
    if (under >= AT_ONCE) {
      refused++
      const error = { message: 'slow down', type: 'requests', code: 'rate_limit_exceeded' }
      return {
        status: 429,
        headers: { 'retry-after-ms': '100' },
        pieces: [JSON.stringify({ error })],
      }
    }
    most = Math.max(most, ++under)
    await new Promise((resolve) => setTimeout(resolve, takesMs))
    under--
    return undefined
  })
  return { refused: () => refused, most: () => most }
}

test('many calls of one organization do not starve the few of another', async () => {
  const greedy = await fund(app)
  const small = await fund(app)
  expect((await invoke(app, greedy)).status).toBe(200)
  const { refused, most } = limited(150)
  const done: string[] = []
  const ask = async (who: typeof greedy, name: string) => {
    const reply = await invoke(app, who)
    done.push(name)
    return { output: reply.body.output, id: reply.body.invocation_id }
  }
  const many = Array.from({ length: GREEDY }, () => ask(greedy, 'greedy'))
  // The provider has begun to refuse.
  await expect.poll(refused).toBeGreaterThan(0)
  const begun = done.length
  const few = await Promise.all(Array.from({ length: SMALL }, () => ask(small, 'small')))
  const meanwhile = done.filter((name) => name === 'greedy').length - begun
  const all = [...(await Promise.all(many)), ...few]
  // Every call was answered: those that were refused went again, in their turn.
  expect(all.filter(({ output }) => output === WORDS.join(''))).toHaveLength(GREEDY + SMALL)
  // In the order of arrival all of the many would have been first.
  expect(meanwhile).toBeLessThan((GREEDY - begun) / 2)
  expect(most()).toBe(AT_ONCE)
  // A wait is no attempt: the log has the refusals of the provider and nothing else.
  const stories = await Promise.all(few.map(({ id }) => storyOf(app, `invocation-${id}`)))
  for (const story of stories) expect(story.length).toBeLessThanOrEqual(7)
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
