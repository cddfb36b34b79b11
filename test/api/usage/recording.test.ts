// A stop leaves the record of every request that was answered, by its pattern and person, and USAGE_LOG=off leaves none.
import { afterEach, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { signIn } from '../../support/seed.ts'

let app: TestApp
afterEach(() => app.stop())

async function recordedRoutes(): Promise<unknown[]> {
  const events = await app.app.engine.events.readAll({ after: -1n, limit: 10_000 })
  return events
    .filter(({ type }) => type === 'UsageRecorded')
    .flatMap(({ data }) => (data as { items: { route: string; status: number }[] }).items)
    .map(({ route, status }) => [route, status])
}

/** Of the last run: who was refused what. */
async function recordedPeople(): Promise<unknown[]> {
  const events = await app.app.engine.events.readAll({ after: -1n, limit: 10_000 })
  return events
    .filter(({ type }) => type === 'UsageRecorded')
    .flatMap(({ data }) => (data as { items: { status: number; userId?: string }[] }).items)
    .filter(({ status }) => status === 403)
    .map(({ userId }) => userId)
}

async function someRequests() {
  const { token, orgId, userId } = await signIn(app)
  await app.request('GET /invocations', { token, org: orgId })
  await app.request('GET /invocations/inv_00000000000000000000000000', { token, org: orgId })
  await app.request('GET /admin/users', { token })
  await app.request('GET /usage?limit=0', { token, org: orgId })
  await app.request('GET /usage')
  await app.request('GET /no/such/page')
  return userId
}

test('a stop flushes what was answered, refusals too', async () => {
  app = await startTestApp()
  const userId = await someRequests()
  await app.restart()
  expect(await recordedPeople()).toEqual([userId])
  expect(await recordedRoutes()).toEqual([
    ['/invocations', 200],
    ['/invocations/{id}', 404],
    ['/admin/users', 403],
    ['/usage', 400],
    ['/usage', 401],
    ['(unknown)', 404],
  ])
})

test('USAGE_LOG=off records no request', async () => {
  app = await startTestApp({ USAGE_LOG: 'off' })
  await someRequests()
  await app.restart()
  expect(await recordedRoutes()).toEqual([])
})
