// A signed-in person links and unlinks Telegram by proving who they are, never loses their last way in, and never takes somebody else's account.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { changeEmail } from '../../../src/commands/user/change-email.ts'
import { deactivateUser } from '../../../src/commands/user/deactivate-user.ts'
import { linkByCode } from '../../../src/commands/user/telegram/link-code.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import {
  freshEmail,
  mailedToken,
  newPerson,
  operatorRoot,
  PASSWORD,
  type Person,
  signIn,
  typesOf,
} from '../../support/people.ts'
import {
  byTelegram,
  callback,
  freshTelegramId,
  TELEGRAM,
  telegramLogin,
} from '../../support/telegram-login.ts'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp(TELEGRAM)
})
afterAll(() => app.stop())

const current_password = PASSWORD
const link = (token: string, login: unknown, more: object = { current_password }) =>
  app.request('POST /me/telegram', { token, body: { login, ...more } })
const unlink = (token: string, body: object = { current_password }) =>
  app.request('DELETE /me/telegram', { token, body })
const askForCode = (token: string, body: object = { current_password }) =>
  app.request<{ code: string; expires_at: string }>('POST /me/telegram/link-code', { token, body })
const telegramOf = async (token: string) =>
  (await app.request<{ telegram: object }>('GET /me', { token })).body.telegram
const showCode = (code: string, telegramId = freshTelegramId()) =>
  linkByCode(app.app.deps, operatorRoot(app), code, { telegramId, username: 'by_code' })
const refused = (code: string) => expect.objectContaining({ code })

/** With a password and a Telegram account. */
async function linked(): Promise<{ ada: Person; telegramId: string }> {
  const ada = await newPerson(app)
  const telegramId = freshTelegramId()
  const reply = await link(ada.token, telegramLogin(app, { id: telegramId }))
  if (reply.status !== 204) throw new Error(reply.text)
  return { ada, telegramId }
}

describe('linking', () => {
  test('is another way in to the same account', async () => {
    const { ada, telegramId } = await linked()
    expect(await telegramOf(ada.token)).toEqual({ linked: true, username: `zoe_${telegramId}` })
    const { userId } = await byTelegram(app, telegramId)
    expect(userId).toBe(ada.userId)
    expect(await typesOf(app, `user-${ada.userId}`)).toEqual(['UserRegistered', 'TelegramLinked'])
  })
  test('what is linked already stays as it is', async () => {
    const { ada, telegramId } = await linked()
    app.clock.advance(1_000)
    expect((await link(ada.token, telegramLogin(app, { id: telegramId }))).status).toBe(204)
    const other = await link(ada.token, telegramLogin(app))
    expect(other).toMatchObject({ status: 409, body: { code: 'telegram_already_linked' } })
    expect(await typesOf(app, `user-${ada.userId}`)).toEqual(['UserRegistered', 'TelegramLinked'])
  })
  test('without the password, or with a wrong one, nothing is used up', async () => {
    const ada = await newPerson(app)
    const login = telegramLogin(app)
    for (const more of [{}, { current_password: 'not the password at all' }]) {
      const reply = await link(ada.token, login, more)
      expect(reply).toMatchObject({ status: 403, body: { code: 'current_password_wrong' } })
    }
    expect((await link(ada.token, login)).status).toBe(204)
  })
  test('with a key is done once', async () => {
    const ada = await newPerson(app)
    const body = { login: telegramLogin(app), current_password }
    const ask = () => app.request('POST /me/telegram', { token: ada.token, body, key: 'link-1' })
    expect([(await ask()).status, (await ask()).status]).toEqual([204, 204])
  })
  test('of a deactivated person is no way in, and the refusal says nothing', async () => {
    const { ada, telegramId } = await linked()
    await deactivateUser(app.app.deps, operatorRoot(app), { userId: ada.userId })
    app.clock.advance(1_000)
    const reply = await callback(app, telegramLogin(app, { id: telegramId }))
    expect(reply).toMatchObject({ status: 401, body: { code: 'telegram_login_refused' } })
  })
})

describe('unlinking', () => {
  test('frees the account, and ends the sessions that began by it', async () => {
    const { ada, telegramId } = await linked()
    const there = await byTelegram(app, telegramId)
    expect((await unlink(ada.token)).status).toBe(204)
    expect(await telegramOf(ada.token)).toEqual({ linked: false, username: null })
    expect((await app.request('GET /me', { token: there.token })).status).toBe(401)
    expect((await app.request('GET /me', { token: ada.token })).status).toBe(200)
    expect((await unlink(ada.token)).status).toBe(204)
    // Whoever comes by it now is somebody new, and somebody else may link it then no more.
    const { userId } = await byTelegram(app, telegramId)
    expect(userId).not.toBe(ada.userId)
  })
  test('needs the password', async () => {
    const { ada } = await linked()
    expect((await unlink(ada.token, {})).body).toMatchObject({ code: 'current_password_wrong' })
    expect(await telegramOf(ada.token)).toMatchObject({ linked: true })
  })
  test('is refused where it is the only way in, until an address is verified', async () => {
    const { token, userId, telegramId } = await byTelegram(app)
    expect(await unlink(token, {})).toMatchObject({ status: 409, body: { code: 'last_way_in' } })
    const email = `${telegramId}@example.com`
    await changeEmail(app.app.deps, operatorRoot(app), { userId, email })
    expect(await unlink(token, {})).toMatchObject({ status: 409, body: { code: 'last_way_in' } })
    const proof = await mailedToken(app, email, 'verify_email')
    await app.request('POST /auth/verify-email', { body: { token: proof } })
    expect((await unlink(token, {})).status).toBe(204)
  })
})

describe('a code for the bot', () => {
  test('links the account that shows it, once', async () => {
    const ada = await newPerson(app)
    const { body } = await askForCode(ada.token)
    expect(`link_${body.code}`).toMatch(/^[\w-]{1,64}$/)
    const telegramId = freshTelegramId()
    expect(await showCode(body.code, telegramId)).toMatchObject({ userId: ada.userId })
    expect(await telegramOf(ada.token)).toEqual({ linked: true, username: 'by_code' })
    // The same again is no second effect; another account gets nothing by it, also after the end.
    await showCode(body.code, telegramId)
    await expect(showCode(body.code)).rejects.toEqual(refused('telegram_already_linked'))
    expect((await unlink(ada.token)).status).toBe(204)
    await expect(showCode(body.code)).rejects.toEqual(refused('token_unusable'))
    await expect(showCode(body.code, telegramId)).rejects.toEqual(refused('token_unusable'))
    expect(await telegramOf(ada.token)).toMatchObject({ linked: false })
  })
  test('shown by twenty accounts at once links one', async () => {
    const ada = await newPerson(app)
    const { body } = await askForCode(ada.token)
    const ids = Array.from({ length: 20 }, freshTelegramId)
    const shown = await Promise.allSettled(ids.map((id) => showCode(body.code, id)))
    expect(shown.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    await app.settled()
    await app.app.workers.sweep()
    // The others are nobody's.
    const free = ids.filter((_, nth) => shown[nth]?.status === 'rejected')
    const { userId } = await byTelegram(app, free[0])
    expect(userId).not.toBe(ada.userId)
  })
  test('takes nobody else’s account', async () => {
    const ada = await newPerson(app)
    const zoe = await byTelegram(app)
    const { body } = await askForCode(ada.token)
    await expect(showCode(body.code, zoe.telegramId)).rejects.toEqual(refused('telegram_taken'))
    // It has linked nothing yet, so it is still good.
    expect(await showCode(body.code)).toMatchObject({ userId: ada.userId })
  })
  test('ends after ten minutes, and needs the password', async () => {
    const ada = await newPerson(app)
    expect((await askForCode(ada.token, {})).status).toBe(403)
    const { body } = await askForCode(ada.token)
    app.clock.advance(10 * 60_000)
    await expect(showCode(body.code)).rejects.toEqual(refused('token_unusable'))
  })
  test('ends when the password is changed: whoever had the old one may have made it', async () => {
    const ada = await newPerson(app)
    const { body } = await askForCode(ada.token)
    const password = 'another mule battery 72'
    const change = { password, current_password }
    expect((await app.request('PATCH /me', { token: ada.token, body: change })).status).toBe(200)
    await expect(showCode(body.code)).rejects.toEqual(refused('token_unusable'))
  })
  test('is not given to who has an account linked', async () => {
    const { ada } = await linked()
    expect((await askForCode(ada.token)).body).toMatchObject({ code: 'telegram_already_linked' })
  })
})

test('who has no password proves it by a sign-in of the last ten minutes', async () => {
  const { token } = await byTelegram(app)
  expect((await unlink(token, {})).body).toMatchObject({ code: 'last_way_in' })
  app.clock.advance(10 * 60_000 + 1_000)
  expect(await unlink(token, {})).toMatchObject({ status: 403, body: { code: 'sign_in_again' } })
})

describe('who came by Telegram alone', () => {
  const change = (token: string, body: object) => app.request('PATCH /me', { token, body })

  test('gives an address and a password right after signing in, and gets in by them', async () => {
    const { token, userId } = await byTelegram(app)
    const email = freshEmail()
    const reply = await change(token, { email, password: PASSWORD })
    expect(reply).toMatchObject({ status: 200, body: { email, email_provisional: false } })
    expect((await signIn(app, email)).userId).toBe(userId)
    // From now on the password is what shows that it is them.
    expect((await change(token, { email: freshEmail() })).status).toBe(400)
    expect((await unlink(token)).status).toBe(204)
  })
  test('signs in again first, where that was long ago', async () => {
    const { token } = await byTelegram(app)
    app.clock.advance(10 * 60_000 + 1_000)
    const reply = await change(token, { email: freshEmail() })
    expect(reply).toMatchObject({ status: 403, body: { code: 'sign_in_again' } })
    expect((await change(token, { locale: 'ru' })).status).toBe(200)
  })
})

test('who named somebody else’s address is out when its owner chooses a password by mail', async () => {
  const { telegramId, token, userId } = await byTelegram(app)
  const email = freshEmail()
  await app.request('PATCH /me', { token, body: { email } })
  await app.request('POST /auth/password/forgot', { body: { email } })
  const proof = await mailedToken(app, email, 'reset_password')
  const body = { token: proof, password: PASSWORD }
  expect((await app.request('POST /auth/password/reset', { body })).status).toBeLessThan(300)
  expect((await signIn(app, email)).userId).toBe(userId)
  expect((await app.request('GET /me', { token })).status).toBe(401)
  expect((await byTelegram(app, telegramId)).userId).not.toBe(userId)
})
