// What Telegram did not sign for us, or signed for another moment, another bot or another use, opens nothing and leaves nothing.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { deactivateUser } from '../../../src/commands/user/deactivate-user.ts'
import { makeCode } from '../../../src/commands/user/telegram/code.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { newPerson, operatorRoot, PASSWORD, wholeLog } from '../../support/people.ts'
import { startTelegram, type TelegramServer } from '../../support/telegram/server.ts'
import {
  BOT_TOKEN,
  byTelegram,
  callback,
  type Fields,
  freshTelegramId,
  loginKey,
  miniAppKey,
  query,
  TELEGRAM,
  telegramLogin,
} from '../../support/telegram-login.ts'

/** The log is compared: nothing is written beside. */
const QUIET = { ...TELEGRAM, USAGE_LOG: 'off' }

let telegram: TelegramServer
let app: TestApp
beforeAll(async () => {
  telegram = await startTelegram({ token: BOT_TOKEN })
  app = await startTestApp({ ...QUIET, TELEGRAM_API_URL: telegram.url })
})
afterAll(async () => {
  await app.stop()
  await telegram.close()
})

const bySeconds = (seconds: number): Fields => ({
  auth_date: String(Math.floor(app.clock.now().getTime() / 1000) + seconds),
})
const without = (key: string, fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => name !== key))
const get = (fields: string) => app.request(`GET /auth/telegram/callback?${fields}`)
const exchange = (code: unknown) => app.request('POST /auth/telegram/exchange', { body: { code } })

/** Refused at both doors without a reason, and nothing is in the log. */
async function expectRefused(login: Fields) {
  const before = await wholeLog(app)
  for (const reply of [await callback(app, login), await get(query(login))]) {
    expect(reply).toMatchObject({ status: 401, body: { code: 'telegram_login_refused' } })
    const { facts } = reply.body as { facts?: unknown }
    expect(facts ?? {}).toEqual({})
    expect(reply.headers['location']).toBeUndefined()
  }
  expect(await wholeLog(app)).toEqual(before)
}

describe('signed data', () => {
  test.each(['id', 'first_name', 'username', 'auth_date', 'hash'])('without %s', (key) =>
    expectRefused(without(key, telegramLogin(app))),
  )
  test.each([
    ['another id', { id: '1' }],
    ['another name', { first_name: 'Zoe' }],
    ['a later time', { auth_date: '1893456000' }],
    ['a field more', { is_admin: '1' }],
    ['an empty field more', { last_name: '' }],
    ['another signature', { hash: '0'.repeat(64) }],
  ])('with %s', (_name, change: Fields) => expectRefused({ ...telegramLogin(app), ...change }))
  test.each([
    ['another bot’s token', loginKey('987654321:another')],
    ['the key of Mini Apps', miniAppKey(BOT_TOKEN)],
    ['the token itself', Buffer.from(BOT_TOKEN)],
    ['nothing', Buffer.alloc(0)],
  ])('by %s', (_name, key) => expectRefused(telegramLogin(app, {}, key)))
  test.each([-301, -360, -86_400, 61, 3_600])('%i seconds from now', (seconds) =>
    expectRefused(telegramLogin(app, bySeconds(seconds))),
  )
  test.each(['0', '-1', '1.5', 'usr_1', '00'])('with the id %s', (id) =>
    expectRefused(telegramLogin(app, { id })),
  )
  test('used before, at either door', async () => {
    for (const [first, second] of [
      ['post', 'get'],
      ['get', 'post'],
      ['post', 'post'],
      ['get', 'get'],
    ]) {
      const login = telegramLogin(app)
      const use = (door: string | undefined) =>
        door === 'post' ? callback(app, login) : get(query(login))
      expect((await use(first)).status).toBeLessThan(400)
      expect((await use(second)).status).toBe(401)
      await expectRefused(login)
    }
  })
  test('used before for linking, by anybody', async () => {
    const ada = await newPerson(app)
    const login = telegramLogin(app)
    const body = { login, current_password: PASSWORD }
    expect((await app.request('POST /me/telegram', { token: ada.token, body })).status).toBe(204)
    await expectRefused(login)
  })
  test('named twice, or nested, is no input', async () => {
    const login = telegramLogin(app)
    for (const fields of [`${query(login)}&id=1`, `${query(login)}&id=${login['id']}`])
      expect((await get(fields)).status).toBe(400)
    for (const change of [{ id: [login['id']] }, { id: null }, { id: { a: 1 } }, { id: true }])
      expect((await callback(app, { ...login, ...change } as never)).status).toBe(400)
    expect((await callback(app, login)).status).toBe(200)
  })
  test.each(['constructor', 'hash ', 'é', 'a'.repeat(5_000)])(
    'a field of the name %s',
    async (name) => {
      const { status } = await get(`${query(telegramLogin(app))}&${encodeURIComponent(name)}=1`)
      expect([400, 401]).toContain(status)
    },
  )
})

describe('a code', () => {
  test.each(['', 'x', 'x'.repeat(59), '0'.repeat(59), 'x'.repeat(60), 7, null, {}])(
    '%j opens nothing',
    async (code) => {
      const reply = await exchange(code)
      expect([400, 422]).toContain(reply.status)
    },
  )
  test('ends after a minute', async () => {
    const { userId } = await byTelegram(app)
    const code = makeCode(app.app.deps, 'signIn', userId, operatorRoot(app))
    app.clock.advance(60_000)
    expect(await exchange(code)).toMatchObject({ status: 422, body: { code: 'token_unusable' } })
  })
  test('for the bot opens no session', async () => {
    const { userId } = await byTelegram(app)
    const code = makeCode(app.app.deps, 'link', userId, operatorRoot(app))
    expect((await exchange(code)).status).toBe(422)
  })
  test('of who was deactivated, or unlinked, meanwhile opens nothing', async () => {
    const { userId } = await byTelegram(app)
    const code = makeCode(app.app.deps, 'signIn', userId, operatorRoot(app))
    await deactivateUser(app.app.deps, operatorRoot(app), { userId })
    expect((await exchange(code)).status).toBe(401)
    const ada = await newPerson(app)
    const other = makeCode(app.app.deps, 'signIn', ada.userId, operatorRoot(app))
    expect((await exchange(other)).status).toBe(401)
  })
  test('shown twenty times at once opens one session', async () => {
    const { userId } = await byTelegram(app)
    const code = makeCode(app.app.deps, 'signIn', userId, operatorRoot(app))
    const replies = await Promise.all(Array.from({ length: 20 }, () => exchange(code)))
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(replies.filter(({ status }) => status === 422)).toHaveLength(19)
  })
})

describe('a browser that did not begin', () => {
  const start = async () => {
    const reply = await app.request('GET /auth/telegram/start')
    const cookie = String(reply.headers['set-cookie']).split(';', 1)[0] ?? ''
    return { cookie, state: cookie.slice(cookie.indexOf('=') + 1) }
  }
  const back = (state: string, cookie?: string) =>
    app.request(`GET /auth/telegram/callback?${query({ ...telegramLogin(app), state })}`, {
      ...(cookie !== undefined && { headers: { cookie } }),
    })

  test('begins at a page that shows Telegram’s button, and lets in nobody else', async () => {
    const reply = await app.request('GET /auth/telegram/start', {
      headers: { 'accept-language': 'ru' },
    })
    expect(reply.status).toBe(200)
    const { publicUrl } = app.app.deps.settings
    const { cookie, state } = await start()
    expect(reply.text).toContain(`data-telegram-login="${telegram.username}"`)
    expect(reply.text).toContain(`data-auth-url="${publicUrl}/auth/telegram/callback?state=`)
    expect(reply.text).toContain('<html lang="ru">')
    expect(reply.text).not.toContain(state)
    expect(cookie).toMatch(/^daybook_telegram_state=daybook\./)
    expect(String(reply.headers['set-cookie'])).toMatch(
      /Max-Age=600; Path=\/auth\/telegram; HttpOnly; SameSite=Lax$/,
    )
    const policy = String(reply.headers['content-security-policy'])
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain('script-src https://telegram.org')
    expect(policy).toContain("frame-ancestors 'none'")
  })
  test('is told so by a page, a program by a problem', async () => {
    const login = telegramLogin(app, { first_name: 'x' })
    const reply = await app.request(
      `GET /auth/telegram/callback?${query({ ...login, first_name: 'y' })}`,
      { headers: { accept: 'text/html,*/*' } },
    )
    expect(reply.status).toBe(401)
    expect(reply.headers['content-type']).toContain('text/html')
    expect(reply.text).not.toContain(login['hash'])
  })
  test('gets nothing by the state of another', async () => {
    const [mine, theirs] = [await start(), await start()]
    expect((await back(mine.state)).status).toBe(401)
    expect((await back(mine.state, theirs.cookie)).status).toBe(401)
    const reply = await back(mine.state, mine.cookie)
    expect(reply.status).toBe(303)
    expect(String(reply.headers['location'])).not.toContain('state')
    expect(reply.headers['set-cookie']).toMatch(/^daybook_telegram_state=;/)
  })
})

describe('where registration is not open', () => {
  test.each(['invite', 'closed'])('%s: nobody new comes in, who is linked does', async (mode) => {
    const shut = await startTestApp({ ...QUIET, REGISTRATION: 'open' })
    try {
      const zoe = await byTelegram(shut)
      const { settings } = shut.app.deps
      Object.assign(settings, { registration: mode })
      const before = await wholeLog(shut)
      const reply = await callback(shut, telegramLogin(shut))
      expect(reply).toMatchObject({ status: 403, body: { code: 'registration_closed' } })
      expect(await wholeLog(shut)).toEqual(before)
      expect((await byTelegram(shut, zoe.telegramId)).userId).toBe(zoe.userId)
    } finally {
      await shut.stop()
    }
  })
})

test('without a bot’s token there is no such way in', async () => {
  const bare = await startTestApp()
  try {
    const ada = await newPerson(bare)
    const login = telegramLogin(bare)
    const replies = [
      await callback(bare, login),
      await bare.request(`GET /auth/telegram/callback?${query(login)}`),
      await bare.request('GET /auth/telegram/start'),
      await bare.request('POST /auth/telegram/exchange', { body: { code: 'x' } }),
      await bare.request('POST /me/telegram', {
        token: ada.token,
        body: { login, current_password: PASSWORD },
      }),
      await bare.request('POST /me/telegram/link-code', { token: ada.token }),
    ]
    for (const reply of replies)
      expect(reply).toMatchObject({ status: 404, body: { code: 'telegram_off' } })
  } finally {
    await bare.stop()
  }
})

test('twenty sign-ins of a new account at once make one person', async () => {
  const id = freshTelegramId()
  // Twenty different signatures: each is used once.
  const logins = Array.from({ length: 20 }, (_, nth) =>
    telegramLogin(app, { id, ...bySeconds(-nth) }),
  )
  const replies = await Promise.all(logins.map((login) => callback(app, login)))
  expect(replies.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200))
  expect(new Set(replies.map(({ body }) => body.user.id)).size).toBe(1)
  expect(new Set(replies.map(({ body }) => body.user.personal_organization_id)).size).toBe(1)
  const [person] = replies.map(({ body }) => body.user)
  const types = (await wholeLog(app)).filter(({ data }) => data['userId'] === person?.id)
  for (const type of ['TelegramClaimed', 'EmailClaimed', 'UserRegistered', 'TelegramLinked'])
    expect(types.filter((event) => event.type === type)).toHaveLength(1)
})

test('one signature used twenty times at once gets in once', async () => {
  const login = telegramLogin(app)
  const replies = await Promise.all(Array.from({ length: 20 }, () => callback(app, login)))
  expect(replies.filter(({ status }) => status === 200)).toHaveLength(1)
  expect(replies.filter(({ status }) => status === 401)).toHaveLength(19)
})
