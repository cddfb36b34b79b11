// 400, 403, 404, 409, 412 and 422 of /me: a refused change leaves everything as it was.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../../support/app.ts'
import {
  freshEmail,
  newPerson,
  operatorRoot,
  PASSWORD,
  type Person,
  signIn,
  typesOf,
  wholeLog,
} from '../../support/people.ts'
import { deactivateUser } from '../../../src/commands/user/deactivate-user.ts'
import { reactivateUser } from '../../../src/commands/user/reactivate-user.ts'

let app: TestApp
let ada: Person
let grace: Person
beforeAll(async () => {
  app = await startTestApp({ USAGE_LOG: 'off' })
  ada = await newPerson(app)
  grace = await newPerson(app)
  await app.settled()
})
afterAll(() => app.stop())

const patch = (body: object, options: object = {}) =>
  app.request<{ code: string; errors?: { path: string }[] }>('PATCH /me', {
    token: ada.token,
    body,
    ...options,
  })
const current_password = PASSWORD

describe('PATCH /me', () => {
  test.each([
    [{}, 'body'],
    [{ current_password }, 'body'],
    [{ email: 'new@example.com' }, 'body.current_password'],
    [{ password: 'an entirely new phrase' }, 'body.current_password'],
    [{ locale: 'xx' }, 'body.locale'],
    [{ locale: null }, 'body.locale'],
    [{ roles: ['administrator'] }, 'body'],
  ])('400 for %j at %s', async (body, at) => {
    const reply = await patch(body)
    expect(reply.status).toBe(400)
    expect(reply.body.errors?.map(({ path }) => path)).toContain(at)
  })

  test('whatever is refused, nothing of it is written', async () => {
    const everything = { email: freshEmail(), password: 'an entirely new phrase', locale: 'ru' }
    const before = (await wholeLog(app)).length
    const refused = [
      [403, 'current_password_wrong', { ...everything, current_password: 'not the right phrase' }],
      [422, 'password_unacceptable', { ...everything, password: 'short', current_password }],
      [
        422,
        'password_unacceptable',
        { ...everything, password: everything.email, current_password },
      ],
      [409, 'email_taken', { ...everything, email: grace.email, current_password }],
      [409, 'email_unchanged', { ...everything, email: ada.email, current_password }],
    ] as const
    for (const [status, code, body] of refused) {
      const reply = await patch(body)
      expect({ status: reply.status, code: reply.body.code }).toEqual({ status, code })
    }
    const late = await patch({ locale: 'ru' }, { headers: { 'if-match': '"7"' } })
    expect(late.status).toBe(412)
    expect((await wholeLog(app)).length).toBe(before)
    expect(await typesOf(app, `user-${ada.userId}`)).toEqual(['UserRegistered'])
  })

  test('422 for a key that comes back with another body', async () => {
    const person = await newPerson(app)
    const options = { token: person.token, key: 'k' }
    const change = (body: object) => app.request('PATCH /me', { ...options, body })
    expect((await change({ email: freshEmail(), current_password })).status).toBe(200)
    expect((await change({ email: freshEmail(), current_password })).body).toMatchObject({
      code: 'idempotency_key_reused',
    })
    expect((await change({ locale: 'ru' })).body).toMatchObject({ code: 'idempotency_key_reused' })
  })

  test('two at once for one address: one gets it, the other 409 and keeps theirs', async () => {
    const people = [await newPerson(app), await newPerson(app)]
    const email = freshEmail()
    const replies = await Promise.all(
      people.map(({ token }) =>
        app.request('PATCH /me', { token, body: { email, current_password } }),
      ),
    )
    expect(replies.map(({ status }) => String(status)).toSorted()).toEqual(['200', '409'])
    await app.settled()
    const holder = await signIn(app, email)
    const loser = people.find(({ userId }) => userId !== holder.userId)
    expect((await signIn(app, loser?.email ?? '')).userId).toBe(loser?.userId)
  })
})

describe('DELETE /me/sessions/{id}', () => {
  test("404 alike for somebody else's and for none", async () => {
    const end = (id: string) => app.request(`DELETE /me/sessions/${id}`, { token: ada.token })
    const foreign = await end(grace.sessionId)
    const none = await end(`ses_${'0'.repeat(26)}`)
    const strip = (text: string) => text.replace(/"request_id":"[^"]*"/, '')
    expect(foreign.status).toBe(404)
    expect(strip(foreign.text)).toBe(strip(none.text))
    expect((await app.request('GET /me', { token: grace.token })).status).toBe(200)
  })
})

describe('a deactivated person', () => {
  test('is refused on the very next request, and in by signing in anew after', async () => {
    const { email, userId, token, refreshToken } = await newPerson(app)
    const { deps } = app.app
    await deactivateUser(deps, operatorRoot(app), { userId, reason: 'left without a word' })
    const refused = await app.request('GET /me', { token })
    expect(refused.status).toBe(403)
    expect(refused.body).toMatchObject({ code: 'user_deactivated' })
    const body = { refresh_token: refreshToken }
    expect((await app.request('POST /auth/refresh', { body })).body).toMatchObject({
      code: 'user_deactivated',
    })
    await reactivateUser(deps, operatorRoot(app), { userId })
    expect((await app.request('GET /me', { token })).body).toMatchObject({ code: 'session_ended' })
    expect((await signIn(app, email)).userId).toBe(userId)
  })
})

describe('a refusal before it is known what somebody may do', () => {
  test('is said in their language: deactivated, not allowed, no such organization', async () => {
    const person = await newPerson(app)
    const { token } = person
    await app.request('PATCH /me', { token, body: { locale: 'ru' } })
    const org = 'org_00000000000000000000000000'
    const notAllowed = await app.request('GET /admin/users', { token })
    const unknown = await app.request('GET /billing/account', { token, org })
    await deactivateUser(app.app.deps, operatorRoot(app), { userId: person.userId })
    const deactivated = await app.request('GET /me', { token })
    for (const [reply, code] of [
      [notAllowed, 'forbidden'],
      [unknown, 'organization_not_found'],
      [deactivated, 'user_deactivated'],
    ] as const) {
      expect(reply.body).toMatchObject({ code, title: expect.stringMatching(/[а-я]/) })
      expect(reply.headers['content-language']).toBe('ru')
    }
  })
})
