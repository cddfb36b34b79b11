// Whoever Telegram vouches for gets in, once for each signature: a newcomer with all that a person has, others as who they are.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { user } from '../../../src/domain/user/user.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { type TokenAnswer, typesOf, wholeLog } from '../../support/people.ts'
import {
  byTelegram,
  callback,
  freshTelegramId,
  query,
  TELEGRAM,
  telegramLogin,
} from '../../support/telegram-login.ts'

const DASHBOARD = 'https://app.example.com/board?theme=dark'
let app: TestApp
let withDashboard: Record<'code' | 'fragment' | 'query', TestApp>
beforeAll(async () => {
  const dashboard = (TELEGRAM_TOKENS: 'code' | 'fragment' | 'query') =>
    startTestApp({ ...TELEGRAM, DASHBOARD_URL: DASHBOARD, TELEGRAM_TOKENS })
  const [plain, code, fragment, inQuery] = await Promise.all([
    startTestApp(TELEGRAM),
    dashboard('code'),
    dashboard('fragment'),
    dashboard('query'),
  ])
  app = plain
  withDashboard = { code, fragment, query: inQuery }
})
afterAll(() => Promise.all([app, ...Object.values(withDashboard)].map((one) => one.stop())))

const me = (at: TestApp, token: string) => at.request('GET /me', { token })
const redirect = async (at: TestApp, extra = '', headers = {}) => {
  const reply = await at.request(
    `GET /auth/telegram/callback?${query(telegramLogin(at))}${extra}`,
    { headers },
  )
  return { reply, to: new URL(String(reply.headers['location']), 'https://nowhere.invalid') }
}
const exchange = (at: TestApp, code: string | null, more: object = {}) =>
  at.request<TokenAnswer>('POST /auth/telegram/exchange', { body: { code, ...more } })

describe('a newcomer', () => {
  test('gets an account with a made-up address that says so, and all that a person has', async () => {
    const login = telegramLogin(app, { last_name: 'Núñez' })
    const reply = await callback(app, login, { headers: { 'accept-language': 'ru' } })
    expect(reply.status).toBe(200)
    const { user: person, access_token: token } = reply.body
    expect(person).toMatchObject({
      email: expect.stringMatching(/^telegram-[0-9a-z]{26}@users\.invalid$/),
      email_provisional: true,
      email_verified: false,
      locale: 'ru',
      telegram: { linked: true, username: login['username'] },
    })
    expect((await me(app, token)).body).toEqual(person)
    const { body } = await app.request<{ items: { name: string; kind: string }[] }>(
      'GET /organizations',
      { token },
    )
    expect(body.items).toMatchObject([{ name: 'Personal', kind: 'personal' }])
    const billing = await app.request('GET /billing/account', { token })
    expect(billing.status).toBe(200)
    expect(await typesOf(app, `user-${person.id}`)).toEqual(['UserRegistered', 'TelegramLinked'])
    const { body: sessions } = await app.request<{ items: { method: string }[] }>(
      'GET /me/sessions',
      { token },
    )
    expect(sessions.items).toMatchObject([{ method: 'telegram' }])
  })
  test('is written to by nobody: the made-up address takes no mail', async () => {
    await byTelegram(app)
    await app.settled()
    await app.app.workers.sweep()
    await app.settled()
    const mails = (await wholeLog(app)).filter(({ type }) => type === 'MailRequested')
    expect(mails).toEqual([])
  })
  test('is the same person the next time, whatever they are called now', async () => {
    const first = await byTelegram(app)
    const again = await callback(
      app,
      telegramLogin(app, { id: first.telegramId, username: 'renamed', photo_url: 'x' }),
    )
    expect(again.body.user.id).toBe(first.userId)
    expect(again.body.user.personal_organization_id).toBe(first.orgId)
  })
  test('of a name that belongs to somebody else is somebody else', async () => {
    const first = telegramLogin(app, { username: 'zoe_n' })
    const other = telegramLogin(app, { username: 'zoe_n' })
    const [one, two] = [await callback(app, first), await callback(app, other)]
    expect(one.body.user.id).not.toBe(two.body.user.id)
  })
  test('the id stands nowhere in clear', async () => {
    const telegramId = freshTelegramId()
    await byTelegram(app, telegramId)
    const log = JSON.stringify((await wholeLog(app)).map(({ stream, data }) => ({ stream, data })))
    expect(log).not.toContain(telegramId)
  })
})

describe('POST /auth/telegram/callback', () => {
  test('takes numbers as scripts have them', async () => {
    const { id, auth_date, ...rest } = telegramLogin(app)
    const reply = await callback(app, { ...rest, id: Number(id), auth_date: Number(auth_date) })
    expect(reply.status).toBe(200)
  })
  test('sets the refresh token as a cookie on request', async () => {
    const reply = await callback(app, { ...telegramLogin(app), refresh_cookie: true })
    expect(reply.body.refresh_token).toBeUndefined()
    expect(reply.headers['set-cookie']).toMatch(/^daybook_refresh=.*HttpOnly.*SameSite=Strict/)
  })
  test('with a key answers a lost answer again, and no other body', async () => {
    const login = telegramLogin(app)
    const first = await callback(app, login, { key: 'telegram-1' })
    const again = await callback(app, login, { key: 'telegram-1' })
    expect(again.status).toBe(200)
    expect(again.body.refresh_token).toBe(first.body.refresh_token)
    expect((await callback(app, login, { key: 'telegram-2' })).status).toBe(401)
  })
})

describe('GET /auth/telegram/callback', () => {
  test('leads to our own page with a code, where there is no dashboard', async () => {
    const { reply, to } = await redirect(app)
    expect(reply.status).toBe(303)
    expect(reply.headers['referrer-policy']).toBe('no-referrer')
    expect(reply.headers['cache-control']).toBe('no-store')
    expect(`${to.origin}${to.pathname}`).toBe(`${app.app.deps.settings.publicUrl}/telegram`)
    expect([...to.searchParams.keys()]).toEqual(['code'])
    expect((await exchange(app, to.searchParams.get('code'))).status).toBe(200)
  })
  test('leads to the dashboard with a code, and what was there before', async () => {
    const at = withDashboard.code
    const { to } = await redirect(at, '&state=of-the-dashboard')
    expect(`${to.origin}${to.pathname}`).toBe('https://app.example.com/board')
    expect([...to.searchParams.keys()]).toEqual(['theme', 'code', 'state'])
    expect(to.searchParams.get('state')).toBe('of-the-dashboard')
    const reply = await exchange(at, to.searchParams.get('code'))
    expect((await me(at, reply.body.access_token)).status).toBe(200)
  })
  test.each(['fragment', 'query'] as const)('with the tokens in the %s', async (way) => {
    const at = withDashboard[way]
    const { to } = await redirect(at)
    const given = way === 'query' ? to.searchParams : new URLSearchParams(to.hash.slice(1))
    expect(to.searchParams.has('access_token')).toBe(way === 'query')
    expect(given.get('token_type')).toBe('Bearer')
    expect((await me(at, given.get('access_token') ?? '')).status).toBe(200)
    const refreshed = await at.request('POST /auth/refresh', {
      body: { refresh_token: given.get('refresh_token') },
    })
    expect(refreshed.status).toBe(200)
  })
  test('leads nowhere else, whatever the request says', async () => {
    const at = withDashboard.code
    for (const extra of [
      '&return_to=https%3A%2F%2Fevil.example',
      '&redirect_uri=https%3A%2F%2Fevil.example',
    ]) {
      // It is a field like any other, which Telegram has not signed.
      const { reply } = await redirect(at, extra)
      expect(reply.status).toBe(401)
    }
    const { to } = await redirect(at, '', {
      host: 'evil.example',
      'x-forwarded-host': 'evil.example',
      referer: 'https://evil.example/',
      origin: 'https://evil.example',
    })
    expect(to.host).toBe('app.example.com')
  })
})

describe('POST /auth/telegram/exchange', () => {
  test('sets the refresh token as a cookie on request', async () => {
    const { to } = await redirect(app)
    const reply = await exchange(app, to.searchParams.get('code'), { refresh_cookie: true })
    expect(reply.status).toBe(200)
    expect(reply.headers['set-cookie']).toMatch(/^daybook_refresh=/)
  })
  test('of the code nothing is kept', async () => {
    const { to } = await redirect(app)
    const code = to.searchParams.get('code') ?? ''
    await exchange(app, code)
    expect(JSON.stringify((await wholeLog(app)).map(({ data }) => data))).not.toContain(code)
  })
  test('with a key answers a lost answer again, and nobody else’s', async () => {
    const { to } = await redirect(app)
    const body = { code: to.searchParams.get('code') }
    const ask = (key?: string) =>
      app.request<TokenAnswer>('POST /auth/telegram/exchange', {
        body,
        ...(key !== undefined && { key }),
      })
    const first = await ask('exchange-1')
    expect(first.status).toBe(200)
    expect((await ask('exchange-1')).body.refresh_token).toBe(first.body.refresh_token)
    expect((await ask('exchange-2')).status).toBe(422)
    expect((await ask()).status).toBe(422)
  })
})

test('who signs in again has a session of its own each time', async () => {
  const first = await byTelegram(app)
  await byTelegram(app, first.telegramId)
  const { state } = await app.app.deps.streams.load(user, first.userId)
  expect(state?.telegram?.telegramId).toBe(first.telegramId)
  const { body } = await app.request<{ items: unknown[] }>('GET /me/sessions', {
    token: first.token,
  })
  expect(body.items).toHaveLength(2)
})
