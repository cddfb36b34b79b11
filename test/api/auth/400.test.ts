// What is not understood is named with its path, and nothing is written.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { PASSWORD, wholeLog } from '../../support/people.ts'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp({ USAGE_LOG: 'off' })
})
afterAll(() => app.stop())

const email = 'ada@example.com'
test.each([
  ['/auth/register', undefined, 'body'],
  ['/auth/register', { email }, 'body.password'],
  ['/auth/register', { email: 'ada', password: PASSWORD }, 'body.email'],
  [
    '/auth/register',
    { email: 'a@b.example\r\nBcc: x@y.example', password: PASSWORD },
    'body.email',
  ],
  ['/auth/register', { email: { $ne: null }, password: PASSWORD }, 'body.email'],
  ['/auth/register', { email, password: 123_456_789_012 }, 'body.password'],
  ['/auth/register', { email, password: 'x'.repeat(1_025) }, 'body.password'],
  ['/auth/register', { email, password: PASSWORD, locale: 'xx' }, 'body.locale'],
  ['/auth/register', { email, password: PASSWORD, administrator: true }, 'body'],
  ['/auth/login', { email }, 'body.password'],
  ['/auth/login', { email, password: `${PASSWORD}\0` }, 'body.password'],
  ['/auth/refresh', { refresh_token: '' }, 'body.refresh_token'],
  ['/auth/refresh', { refresh_token: 'x'.repeat(2_049) }, 'body.refresh_token'],
  ['/auth/verify-email', {}, 'body.token'],
  ['/auth/password/forgot', { email: '' }, 'body.email'],
  ['/auth/password/reset', { token: 'x' }, 'body.password'],
])('POST %s %j is refused at %s', async (path, body, at) => {
  const reply = await app.request<{ code: string; errors: { path: string }[] }>(`POST ${path}`, {
    body,
  })
  expect(reply.status).toBe(400)
  expect(reply.body.errors.map((error) => error.path)).toContain(at)
  expect(reply.text).not.toContain(PASSWORD)
  expect(await wholeLog(app)).toEqual([])
})

test('a key that is none is refused at its header', async () => {
  const reply = await app.request('POST /auth/login', {
    body: { email, password: PASSWORD },
    key: 'x'.repeat(256),
  })
  expect(reply.status).toBe(400)
  expect(reply.text).toContain('header.idempotency-key')
})
