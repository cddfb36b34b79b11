// A dashboard that begins at our page takes no sign-in that its browser has not begun: by a challenge, or by a state of its own.
import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../../support/app.ts'
import type { TokenAnswer } from '../../support/people.ts'
import { startTelegram, type TelegramServer } from '../../support/telegram/server.ts'
import { loginKey, query, TELEGRAM, telegramLogin } from '../../support/telegram-login.ts'

const DASHBOARD_URL = 'https://app.example.com/board'
let telegram: TelegramServer
let app: TestApp
/** Its dashboard gets tokens, where it asks for no proof. */
let unproven: TestApp
/** Has no dashboard. */
let plain: TestApp
beforeAll(async () => {
  telegram = await startTelegram()
  const settings = {
    ...TELEGRAM,
    TELEGRAM_BOT_TOKEN: telegram.token,
    TELEGRAM_API_URL: telegram.url,
  }
  ;[app, unproven, plain] = await Promise.all([
    startTestApp({ ...settings, DASHBOARD_URL }),
    startTestApp({ ...settings, DASHBOARD_URL, TELEGRAM_TOKENS: 'fragment' }),
    startTestApp(settings),
  ])
})
afterAll(async () => {
  await Promise.all([app, unproven, plain].map((one) => one.stop()))
  await telegram.close()
})

const begun = () => {
  const verifier = randomBytes(32).toString('base64url')
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') }
}

/** The browser opens our page, presses Telegram's button, and is led to the callback and on. */
async function signIn(at: TestApp, asked: Record<string, string>) {
  const page = await at.request(`GET /auth/telegram/start?${query(asked)}`)
  expect(page.status).toBe(200)
  const cookie = String(page.headers['set-cookie']).split(';', 1)[0] ?? ''
  const [, address = ''] = /data-auth-url="([^"]+)"/.exec(page.text) ?? []
  const back = new URL(address.replaceAll('&amp;', '&'))
  const login = telegramLogin(at, {}, loginKey(telegram.token))
  for (const [name, value] of Object.entries(login)) back.searchParams.set(name, value)
  const reply = await at.request(`GET ${back.pathname}${back.search}`, { headers: { cookie } })
  expect(reply.status).toBe(303)
  return { to: new URL(String(reply.headers['location'])), back, cookie }
}
const exchange = (code: string | null, more: object = {}, at = app) =>
  at.request<TokenAnswer>('POST /auth/telegram/exchange', { body: { code, ...more } })

describe('a challenge', () => {
  test('makes a code that its verifier alone is good for', async () => {
    const { verifier, challenge } = begun()
    const { to } = await signIn(app, { code_challenge: challenge, code_challenge_method: 'S256' })
    expect(to.hash).toBe('')
    expect([...to.searchParams.keys()]).toEqual(['code'])
    const code = to.searchParams.get('code')
    for (const wrong of [{}, { code_verifier: begun().verifier }, { code_verifier: challenge }])
      expect(await exchange(code, wrong)).toMatchObject({
        status: 422,
        body: { code: 'token_unusable' },
      })
    const { status, body } = await exchange(code, { code_verifier: verifier })
    expect(status).toBe(200)
    expect((await app.request('GET /me', { token: body.access_token })).status).toBe(200)
    expect((await exchange(code, { code_verifier: verifier })).status).toBe(422)
  })
  test('gets a code, whatever TELEGRAM_TOKENS says', async () => {
    const { verifier: code_verifier, challenge } = begun()
    const { to } = await signIn(unproven, { code_challenge: challenge })
    expect(to.hash).toBe('')
    const code = to.searchParams.get('code')
    expect((await exchange(code, {}, unproven)).status).toBe(422)
    expect((await exchange(code, { code_verifier }, unproven)).status).toBe(200)
  })
  test('keeps out a code of somebody else’s sign-in, bound or not', async () => {
    const [victim, mallory] = [begun(), begun()]
    const { to } = await signIn(app, { code_challenge: mallory.challenge })
    const unbound = await signIn(app, {})
    for (const code of [to, unbound.to].map((url) => url.searchParams.get('code'))) {
      expect(code).toHaveLength(59)
      expect((await exchange(code, { code_verifier: victim.verifier })).status).toBe(422)
    }
  })
  test('does not keep our own page from naming the person, where there is no dashboard', async () => {
    const { to } = await signIn(plain, { code_challenge: begun().challenge })
    expect((await plain.request(`GET ${to.pathname}${to.search}`)).status).toBe(200)
  })
  test.each(['short', 'x'.repeat(44), `${'x'.repeat(42)}=`, `${'x'.repeat(42)}"`])(
    'is refused as %s',
    async (code_challenge) => {
      const { status } = await app.request(`GET /auth/telegram/start?${query({ code_challenge })}`)
      expect(status).toBe(400)
    },
  )
  test('by another method than S256 is refused', async () => {
    const asked = query({ code_challenge: begun().challenge, code_challenge_method: 'plain' })
    expect((await app.request(`GET /auth/telegram/start?${asked}`)).status).toBe(400)
  })
})

describe('a state', () => {
  test('comes back to the dashboard as it went, beside the tokens, and only to the browser that began', async () => {
    for (const state of ['my.state-1_~', 'x'.repeat(128)]) {
      const { to, back, cookie } = await signIn(unproven, { state })
      const given = new URLSearchParams(to.hash.slice(1))
      expect(given.get('state')).toBe(state)
      expect(given.has('access_token')).toBe(true)
      // Another state behind ours is another's.
      const login = telegramLogin(unproven, {}, loginKey(telegram.token))
      const forged = `${back.searchParams.get('state')?.slice(0, -1)}y`
      const reply = await unproven.request(
        `GET /auth/telegram/callback?${query({ ...login, state: forged })}`,
        { headers: { cookie } },
      )
      expect(reply.status).toBe(401)
    }
  })
  test.each(['daybook.x', '', 'x'.repeat(129), 'a b', '<script>'])(
    '%j is refused',
    async (state) => {
      const { status } = await app.request(`GET /auth/telegram/start?${query({ state })}`)
      expect(status).toBe(400)
    },
  )
})
