// Nothing that an installation has stored lets its reader try passwords or prompts: what tells
// two requests with one Idempotency-Key apart is keyed.
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../support/app.ts'
import { fund, invoke } from '../support/funded.ts'
import { everythingStored } from '../support/stored.ts'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.stop())

const sha256 = (...parts: unknown[]) =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex')

test('no plain digest of a request is stored', async () => {
  const credentials = { email: 'ada@example.com', password: 'a garden of forking paths' }
  await app.request('POST /auth/register', { body: credentials, key: 'register' })
  const login = await app.request('POST /auth/login', { body: credentials, key: 'login' })
  expect(login.status).toBe(200)
  const who = await fund(app)
  const body = { input: 'a prompt that somebody could guess' }
  expect((await invoke(app, who, body, { key: 'invoke' })).status).toBe(200)
  await app.settled()

  const bytes = Buffer.concat([...(await everythingStored(app.app.config)).values()])
  expect(bytes.includes('SessionStarted')).toBe(true)
  const path = `/agents/${who.agentId}/invoke`
  for (const digest of [
    sha256('/auth/register', null, credentials),
    sha256('/auth/login', null, credentials),
    sha256(path, who.orgId, body),
  ])
    expect(bytes.includes(digest)).toBe(false)
})
