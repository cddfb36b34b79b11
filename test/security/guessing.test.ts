// Nothing that stays in the files of an installation lets its reader try passwords or prompts: what tells
// two requests with one Idempotency-Key apart is keyed.
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../support/app.ts'
import { fund, invoke } from '../support/funded.ts'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.stop())

const sha256 = (...parts: unknown[]) =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex')

async function stored(): Promise<Buffer> {
  const names = await readdir(app.dataDir)
  const files = names.filter((name) => /\.db(-wal)?$/.test(name))
  return Buffer.concat(await Promise.all(files.map((name) => readFile(join(app.dataDir, name)))))
}

test('no plain digest of a request is in any file', async () => {
  const credentials = { email: 'ada@example.com', password: 'a garden of forking paths' }
  await app.request('POST /auth/register', { body: credentials, key: 'register' })
  const login = await app.request('POST /auth/login', { body: credentials, key: 'login' })
  expect(login.status).toBe(200)
  const who = await fund(app)
  const body = { input: 'a prompt that somebody could guess' }
  expect((await invoke(app, who, body, { key: 'invoke' })).status).toBe(200)
  await app.settled()

  const bytes = await stored()
  expect(bytes.includes('SessionStarted')).toBe(true)
  const path = `/agents/${who.agentId}/invoke`
  for (const digest of [
    sha256('/auth/register', null, credentials),
    sha256('/auth/login', null, credentials),
    sha256(path, who.orgId, body),
  ])
    expect(bytes.includes(digest)).toBe(false)
})
