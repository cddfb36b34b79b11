// Checks S-35 to S-39: nobody gets in by data that Telegram did not sign for us just now, by another's account, or by a code that they guessed.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { linkByCode } from '../../../src/commands/user/telegram/link-code.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { newPerson, operatorRoot, PASSWORD, wholeLog } from '../../support/people.ts'
import { startTelegram } from '../../support/telegram/server.ts'
import {
  byTelegram,
  callback,
  type Fields,
  freshTelegramId,
  loginKey,
  query,
  TELEGRAM,
  telegramLogin,
} from '../../support/telegram-login.ts'

/** The log is compared: nothing is written beside. */
const QUIET = { ...TELEGRAM, USAGE_LOG: 'off' }

let app: TestApp
beforeAll(async () => {
  app = await startTestApp(QUIET)
})
afterAll(() => app.stop())

const current_password = PASSWORD
const seconds = (shift: number): Fields => ({
  auth_date: String(Math.floor(app.clock.now().getTime() / 1000) + shift),
})
const unsigned = (change: (login: Record<string, string>) => void): Fields => {
  const login = { ...telegramLogin(app) }
  change(login)
  return login
}

describe('S-35 login data', () => {
  test.each<[string, () => Fields]>([
    ['an altered field', () => unsigned((login) => (login['first_name'] = 'Eve'))],
    ['an extra field', () => unsigned((login) => (login['is_admin'] = 'true'))],
    ['no hash', () => unsigned((login) => delete login['hash'])],
    ['another bot’s token', () => telegramLogin(app, {}, loginKey('1:other'))],
    ['six minutes old', () => telegramLogin(app, seconds(-360))],
    ['an hour ahead', () => telegramLogin(app, seconds(3_600))],
  ])('%s: 401, and nothing is written', async (_name, made) => {
    const before = await wholeLog(app)
    const login = made()
    expect((await callback(app, login)).status).toBe(401)
    const { status } = await app.request(`GET /auth/telegram/callback?${query(login)}`)
    expect(status).toBe(401)
    expect(await wholeLog(app)).toEqual(before)
  })
})

test('S-36 the same login data twice: the second gets 401', async () => {
  const login = telegramLogin(app)
  expect((await callback(app, login)).status).toBe(200)
  expect((await callback(app, login)).status).toBe(401)
  // Also by another process that has only the log.
  await app.restart()
  expect((await callback(app, login)).status).toBe(401)
})

describe('S-37 a Telegram account', () => {
  const link = (token: string | undefined, login: Fields) =>
    app.request('POST /me/telegram', {
      ...(token !== undefined && { token }),
      body: { login, current_password },
    })
  test('that is somebody else’s: 409, and it stays theirs', async () => {
    const zoe = await byTelegram(app)
    const ada = await newPerson(app)
    app.clock.advance(1_000)
    const reply = await link(ada.token, telegramLogin(app, { id: zoe.telegramId }))
    expect(reply).toMatchObject({ status: 409, body: { code: 'telegram_taken' } })
    expect((await byTelegram(app, zoe.telegramId)).userId).toBe(zoe.userId)
  })
  test('linked without a session: 401', async () => {
    expect((await link(undefined, telegramLogin(app))).status).toBe(401)
  })
  test('unlinked, the last way in: 409', async () => {
    const { token } = await byTelegram(app)
    const reply = await app.request('DELETE /me/telegram', { token })
    expect(reply).toMatchObject({ status: 409, body: { code: 'last_way_in' } })
  })
})

test('S-38 an update without the secret, with a wrong one or a part of it: 401, unread', async () => {
  const telegram = await startTelegram()
  const secret = 'a-secret-of-the-webhook-0123456789'
  const hooked = await startTestApp({
    USAGE_LOG: 'off',
    TELEGRAM_BOT_TOKEN: telegram.token,
    TELEGRAM_API_URL: telegram.url,
    TELEGRAM_UPDATES: 'webhook',
    TELEGRAM_WEBHOOK_SECRET: secret,
    PUBLIC_URL: 'https://api.example.com',
  })
  try {
    const before = await wholeLog(hooked)
    const send = (shown: string | undefined, payload = '{"update_id":1}') =>
      hooked.app.server.inject({
        method: 'POST',
        url: '/webhooks/telegram',
        headers: {
          'content-type': 'application/json',
          ...(shown !== undefined && { 'x-telegram-bot-api-secret-token': shown }),
        },
        payload,
      })
    for (const shown of [
      undefined,
      '',
      'wrong',
      secret.slice(0, -1),
      `${secret}x`,
      secret.toUpperCase(),
    ])
      for (const payload of ['{"update_id":1}', '{ no JSON', ''])
        expect((await send(shown, payload)).statusCode).toBe(401)
    expect(await wholeLog(hooked)).toEqual(before)
    expect((await send(secret)).statusCode).toBe(200)
  } finally {
    await hooked.stop()
    await telegram.close()
  }
})

describe('S-39 a link code', () => {
  const askFor = async (token: string): Promise<string> => {
    const { body } = await app.request<{ code: string }>('POST /me/telegram/link-code', {
      token,
      body: { current_password },
    })
    return body.code
  }
  const show = (code: string) =>
    linkByCode(app.app.deps, operatorRoot(app), code, { telegramId: freshTelegramId() })
  const unusable = expect.objectContaining({ code: 'token_unusable' })

  test('has at least 64 bits that nobody can guess', async () => {
    const { token } = await newPerson(app)
    const code = await askFor(token)
    // Whom it is for and when it was made are no secret: what is left is the keyed part.
    expect(code.length - 26 - 6 - 5).toBe(22)
    for (const guess of [`${code.slice(0, -1)}${code.endsWith('A') ? 'B' : 'A'}`, code.slice(1)])
      await expect(show(guess)).rejects.toEqual(unusable)
  })
  test('is for whoever asked for it, works once, and not after ten minutes', async () => {
    const [ada, bob] = [await newPerson(app), await newPerson(app)]
    const [hers, his] = [await askFor(ada.token), await askFor(bob.token)]
    expect((await show(hers)).userId).toBe(ada.userId)
    await expect(show(hers)).rejects.toEqual(
      expect.objectContaining({ code: 'telegram_already_linked' }),
    )
    app.clock.advance(10 * 60_000)
    await expect(show(his)).rejects.toEqual(unusable)
  })
})

// Codes of links are counted alike: test/workers/telegram/link.test.ts.
test('S-39 who guesses codes of a sign-in is slowed down', async () => {
  const limited = await startTestApp(QUIET, {}, { limits: 'kept' })
  try {
    const statuses: number[] = []
    for (let nth = 0; nth < 15; nth++) {
      const code = `${nth}`.padStart(59, '0')
      const { status } = await limited.request('POST /auth/telegram/exchange', { body: { code } })
      statuses.push(status)
    }
    expect(statuses.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 422))
    expect(statuses.slice(10)).toEqual(Array.from({ length: 5 }, () => 429))
  } finally {
    await limited.stop()
  }
})
