// Passwords that are guessed first and links that are not good any more are refused with a reason.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { freshEmail, mailedToken, newPerson, PASSWORD } from '../../support/people.ts'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.stop())

const register = (email: string, password: string) =>
  app.request('POST /auth/register', { body: { email, password } })

describe('passwords', () => {
  test.each([
    ['too_short', '🐕🐈🐎🐄🐖🐑'],
    ['too_long', 'ab cd ef '.repeat(15)],
    ['too_common', 'Password 1234'],
    ['too_simple', 'aaaaaaaaaaaaaaaa'],
    ['contains_product_name', 'daybook daybook'],
  ])('%s', async (reason, password) => {
    const reply = await register(freshEmail(), password)
    expect(reply.status).toBe(422)
    expect(reply.body).toMatchObject({ code: 'password_unacceptable', facts: { reason } })
    expect(reply.text).not.toContain(password)
  })
  test('the address itself', async () => {
    const email = 'a-rather-long-name@example.com'
    expect((await register(email, email)).body).toMatchObject({
      facts: { reason: 'same_as_email' },
    })
  })
  test('length is counted in characters, and none is forbidden', async () => {
    for (const password of ['only lower case', '🐕🐈🐎🐄🐖🐑🐕🐈🐎🐄🐖🐑', 'wxyz'.repeat(32)])
      expect((await register(freshEmail(), password)).status).toBe(202)
  })
})

describe('links', () => {
  const reset = (token: string, password = 'an entirely new phrase') =>
    app.request('POST /auth/password/reset', { body: { token, password } })
  const resetToken = async (email: string) => {
    await app.request('POST /auth/password/forgot', { body: { email } })
    return mailedToken(app, email, 'reset_password')
  }

  test('to a new password work once', async () => {
    const { email } = await newPerson(app)
    const token = await resetToken(email)
    expect((await reset(token)).status).toBe(204)
    expect((await reset(token, 'yet another phrase')).body).toMatchObject({
      code: 'token_unusable',
    })
  })
  test('to a new password end with any change of the password', async () => {
    const { email, token: access } = await newPerson(app)
    const token = await resetToken(email)
    const body = { password: 'an entirely new phrase', current_password: PASSWORD }
    expect((await app.request('PATCH /me', { token: access, body })).status).toBe(200)
    expect((await reset(token)).status).toBe(422)
  })
  test('to a new password end after ten minutes', async () => {
    const later = await startTestApp()
    try {
      const { email } = await newPerson(later)
      await later.request('POST /auth/password/forgot', { body: { email } })
      const token = await mailedToken(later, email, 'reset_password')
      later.clock.advance(10 * 60_000)
      const body = { token, password: 'an entirely new phrase' }
      expect((await later.request('POST /auth/password/reset', { body })).status).toBe(422)
    } finally {
      await later.stop()
    }
  })
  test('of one kind are no good for another, nor is a guessed one', async () => {
    const { email } = await newPerson(app)
    const verify = await mailedToken(app, email, 'verify_email')
    for (const token of [verify, 'x', `${verify.slice(0, -1)}${verify.endsWith('0') ? '1' : '0'}`])
      expect((await reset(token)).body).toMatchObject({ code: 'token_unusable' })
    const guessed = `${verify.slice(0, 31)}${'0'.repeat(64)}`
    const reply = await app.request('POST /auth/verify-email', { body: { token: guessed } })
    expect(reply.body).toMatchObject({ code: 'token_unusable' })
  })
  test('to verify end when the address has changed', async () => {
    const { email, token: access } = await newPerson(app)
    const token = await mailedToken(app, email, 'verify_email')
    const body = { email: freshEmail(), current_password: PASSWORD }
    expect((await app.request('PATCH /me', { token: access, body })).status).toBe(200)
    const reply = await app.request('POST /auth/verify-email', { body: { token } })
    expect(reply.body).toMatchObject({ code: 'token_unusable' })
  })
})

describe('keys', () => {
  test('the same key with another body is refused, for free and taken addresses alike', async () => {
    const { email: taken } = await newPerson(app)
    for (const email of [freshEmail(), taken]) {
      const ask = (password: string) =>
        app.request('POST /auth/register', { body: { email, password }, key: 'k-1' })
      expect((await ask(PASSWORD)).status).toBe(202)
      expect((await ask(PASSWORD)).status).toBe(202)
      expect((await ask('quite another phrase')).body).toMatchObject({
        code: 'idempotency_key_reused',
      })
    }
  })
  test('of login too', async () => {
    const { email } = await newPerson(app)
    const login = (extra: object) =>
      app.request('POST /auth/login', { body: { email, password: PASSWORD, ...extra }, key: 'k-2' })
    expect((await login({})).status).toBe(200)
    expect((await login({ refresh_cookie: true })).status).toBe(422)
  })
})
