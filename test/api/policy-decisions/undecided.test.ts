// What is refused before its own limits are known counts all the same: nobody tries tokens, addresses or bodies without end.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { signIn } from '../../support/seed.ts'

const LIMIT = 5
let app: TestApp
beforeAll(async () => {
  app = await startTestApp({ TRUST_PROXY: '127.0.0.1' }, {}, { limits: 'kept' })
  const { token } = await signIn(app, { administrator: true })
  const made = await app.request('POST /admin/policies', {
    token,
    headers: { 'x-forwarded-for': '203.0.113.99' },
    body: {
      kind: 'rate_limit',
      name: 'few from one place',
      on: 'request',
      measure: 'requests',
      per: 'ip',
      limit: LIMIT,
    },
  })
  expect(made.status, made.text).toBe(201)
})
afterAll(() => app.stop())

let places = 0
const wrong = `daybook_${'0'.repeat(26)}_${'a'.repeat(43)}_000000`

test.each([
  ['a token that nobody has', 'GET /me', { token: 'e30.e30.e30' }, 401],
  ['a key that nobody has', 'GET /agents', { token: wrong }, 401],
  ['no token', 'GET /me', {}, 401],
  ['an address that nobody answers', 'GET /nowhere', {}, 404],
  ['a body without its fields', 'POST /auth/login', { body: {} }, 400],
  ['OpenAI’s door without a key', 'POST /v1/chat/completions', { body: {} }, 401],
] as const)('%s', async (_what, line, options, status) => {
  const headers = { 'x-forwarded-for': `203.0.113.${++places}` }
  const ask = () => app.request(line, { ...options, headers })
  for (let n = 0; n < LIMIT; n++) expect((await ask()).status).toBe(status)
  const refused = await ask()
  expect(refused.status).toBe(429)
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
  const elsewhere = { 'x-forwarded-for': '203.0.113.250' }
  expect((await app.request('GET /health/live', { headers: elsewhere })).status).toBe(200)
})
