// 200, 202 and 204 of /auth: a person gets in, stays in and gets out by the answers that are documented.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../../support/app.ts'
import {
  freshEmail,
  mailedToken,
  newPerson,
  PASSWORD,
  register,
  signIn,
  type TokenAnswer,
  typesOf,
} from '../../support/people.ts'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.stop())

describe('POST /auth/register', () => {
  test('answers 202 without a token, and the person can sign in at once', async () => {
    const email = freshEmail()
    const reply = await app.request('POST /auth/register', { body: { email, password: PASSWORD } })
    expect(reply.status).toBe(202)
    expect(Object.keys(reply.body)).toEqual(['message'])
    expect((await signIn(app, email)).userId).toMatch(/^usr_/)
  })
  test('gives the person an organization of their own with an account', async () => {
    const { orgId } = await newPerson(app)
    expect(await typesOf(app, `organization-${orgId}`)).toEqual(['OrganizationCreated'])
    expect(await typesOf(app, `account-${orgId}`)).toEqual(['BillingAccountOpened'])
  })
  test('takes two spellings of an address for one', async () => {
    const email = await register(app)
    expect((await signIn(app, `  ${email.toUpperCase()} `)).email).toContain('@')
  })
  test('answers in the language of the person', async () => {
    const reply = await app.request<{ message: string }>('POST /auth/register', {
      body: { email: freshEmail(), password: PASSWORD },
      headers: { 'accept-language': 'ru-RU,en;q=0.5' },
    })
    expect(reply.body.message).toMatch(/[а-я]/)
  })
  test('remembers the language that was asked for', async () => {
    const email = freshEmail()
    await app.request('POST /auth/register', { body: { email, password: PASSWORD, locale: 'ru' } })
    const { token } = await signIn(app, email)
    expect((await app.request('GET /me', { token })).body).toMatchObject({ locale: 'ru' })
  })
})

describe('POST /auth/login', () => {
  test('answers tokens, their lifetimes and the person', async () => {
    const email = await register(app)
    const reply = await app.request('POST /auth/login', { body: { email, password: PASSWORD } })
    expect(reply.status).toBe(200)
    expect(reply.headers['cache-control']).toBe('no-store')
    expect(reply.headers['x-position']).toMatch(/^\d+$/)
    expect(reply.body).toEqual({
      access_token: expect.any(String),
      refresh_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: 900,
      refresh_expires_in: 30 * 24 * 3600,
      user: {
        id: expect.stringMatching(/^usr_/),
        email,
        email_verified: false,
        email_provisional: false,
        telegram: { linked: false, username: null },
        locale: 'en',
        administrator: false,
        personal_organization_id: expect.stringMatching(/^org_/),
        created_at: app.clock.now().toISOString(),
      },
    })
  })
  test('starts another session each time', async () => {
    const one = await newPerson(app)
    const two = await signIn(app, one.email)
    expect(two.sessionId).not.toBe(one.sessionId)
  })
  test('puts the refresh token into a cookie that no script reads, where asked to', async () => {
    const email = await register(app)
    const body = { email, password: PASSWORD, refresh_cookie: true }
    const reply = await app.request('POST /auth/login', { body })
    expect(reply.body).not.toHaveProperty('refresh_token')
    expect(reply.headers['set-cookie']).toMatch(
      /^daybook_refresh=[^;]+; Max-Age=2592000; Path=\/auth; HttpOnly; SameSite=Strict$/,
    )
  })
})

describe('POST /auth/refresh', () => {
  test('answers the successor, which works in turn', async () => {
    const { refreshToken } = await newPerson(app)
    const first = await refresh(refreshToken)
    expect(first.status).toBe(200)
    expect(first.body.refresh_token).not.toBe(refreshToken)
    expect((await refresh(first.body.refresh_token)).status).toBe(200)
    const me = await app.request('GET /me', { token: first.body.access_token })
    expect(me.status).toBe(200)
  })
  test('takes the cookie together with an origin of ours, and sets the next one', async () => {
    const { refreshToken } = await newPerson(app)
    const headers = {
      cookie: `other=1; daybook_refresh=${refreshToken}`,
      origin: app.app.deps.settings.publicUrl,
    }
    const reply = await app.request('POST /auth/refresh', { headers })
    expect(reply.status).toBe(200)
    expect(reply.body).not.toHaveProperty('refresh_token')
    expect(reply.headers['set-cookie']).toMatch(/^daybook_refresh=ey/)
  })
})

describe('POST /auth/logout', () => {
  test('ends the session at once, for its refresh token too', async () => {
    const { token, refreshToken } = await newPerson(app)
    const reply = await app.request('POST /auth/logout', { token })
    expect(reply.status).toBe(204)
    expect(reply.headers['set-cookie']).toMatch(/^daybook_refresh=; Max-Age=0;/)
    expect((await app.request('GET /me', { token })).body).toMatchObject({ code: 'session_ended' })
    expect((await refresh(refreshToken)).body).toMatchObject({ code: 'session_ended' })
  })
  test('leaves the other sessions alone', async () => {
    const one = await newPerson(app)
    const two = await signIn(app, one.email)
    await app.request('POST /auth/logout', { token: one.token })
    expect((await app.request('GET /me', { token: two.token })).status).toBe(200)
  })
})

describe('the links of mails', () => {
  test('verify the address, however often they are followed', async () => {
    const { email, token: access } = await newPerson(app)
    const token = await mailedToken(app, email, 'verify_email')
    for (const _ of [1, 2]) {
      const reply = await app.request('POST /auth/verify-email', { body: { token } })
      expect(reply.status).toBe(204)
    }
    expect((await app.request('GET /me', { token: access })).body).toMatchObject({
      email_verified: true,
    })
  })
  test('set a new password and end every session', async () => {
    const person = await newPerson(app)
    const forgot = await app.request('POST /auth/password/forgot', {
      body: { email: person.email },
    })
    expect(forgot.status).toBe(202)
    const token = await mailedToken(app, person.email, 'reset_password')
    const body = { token, password: 'an entirely new phrase' }
    expect((await app.request('POST /auth/password/reset', { body })).status).toBe(204)
    expect((await app.request('GET /me', { token: person.token })).status).toBe(401)
    expect((await signIn(app, person.email, body.password)).userId).toBe(person.userId)
  })
})

test('GET /.well-known/jwks.json publishes public keys only, cacheable for five minutes', async () => {
  const reply = await app.request<{ keys: Record<string, unknown>[] }>('GET /.well-known/jwks.json')
  expect(reply.status).toBe(200)
  expect(reply.headers['cache-control']).toBe('public, max-age=300')
  expect(reply.body.keys.length).toBeGreaterThan(0)
  for (const key of reply.body.keys) {
    expect(key).toMatchObject({ use: 'sig', kid: expect.any(String) })
    expect(key).not.toHaveProperty('d')
  }
})

const refresh = (refreshToken: string) =>
  app.request<TokenAnswer>('POST /auth/refresh', { body: { refresh_token: refreshToken } })
