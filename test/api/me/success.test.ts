// 200 and 204 of /me: what a person changes holds from the next request on, and ends what it must end.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { emailHmacOf } from '../../../src/commands/user/find-user.ts'
import { listMails } from '../../../src/projections/mails.ts'
import { openText } from '../../../src/projections/open.ts'
import {
  eventually,
  freshEmail,
  newPerson,
  PASSWORD,
  type Person,
  signIn,
  typesOf,
} from '../../support/people.ts'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.stop())

const NEW = 'an entirely new phrase'
const patch = (person: Person, body: object, options: object = {}) =>
  app.request('PATCH /me', { token: person.token, body, ...options })
const me = (person: Person) => app.request('GET /me', { token: person.token })

describe('PATCH /me', () => {
  test('changes the language, and answers in it from then on', async () => {
    const ada = await newPerson(app)
    expect((await patch(ada, { locale: 'ru' })).body).toMatchObject({ locale: 'ru' })
    const refused = await app.request('DELETE /me/sessions/none', { token: ada.token })
    expect(refused.headers['content-language']).toBe('ru')
  })
  test('changes the password and ends every other session at once', async () => {
    const here = await newPerson(app)
    const there = await signIn(app, here.email)
    expect((await patch(here, { password: NEW, current_password: PASSWORD })).status).toBe(200)
    expect((await me(here)).status).toBe(200)
    expect((await me(there)).body).toMatchObject({ code: 'session_ended' })
    const reply = await app.request('POST /auth/refresh', {
      body: { refresh_token: there.refreshToken },
    })
    expect(reply.status).toBe(401)
    expect((await signIn(app, here.email, NEW)).userId).toBe(here.userId)
  })
  test('changes the address: the old one is free, both hear of it', async () => {
    const ada = await newPerson(app)
    const email = freshEmail()
    const reply = await patch(ada, { email: email.toUpperCase(), current_password: PASSWORD })
    expect(reply.body).toMatchObject({ email, email_verified: false })
    expect((await signIn(app, email)).userId).toBe(ada.userId)
    const old = await newPerson(app, ada.email)
    expect(old.userId).not.toBe(ada.userId)
    const told = await eventually(async () => {
      const { items } = await listMails(app.app.deps.views, { limit: 100 })
      const mails = items.filter(({ subjectId }) => subjectId === ada.userId)
      return mails.length < 3 ? undefined : mails
    })
    const lines = await Promise.all(
      told.map(
        async ({ kind, recipient }) => `${kind} ${await openText(app.app.deps.sealer, recipient)}`,
      ),
    )
    expect(lines.toSorted()).toEqual(
      [
        `email_changed ${ada.email}`,
        `verify_email ${ada.email}`,
        `verify_email ${email}`,
      ].toSorted(),
    )
  })
  test('changes several at once', async () => {
    const ada = await newPerson(app)
    const email = freshEmail()
    const body = { locale: 'ru', password: NEW, email, current_password: PASSWORD }
    expect((await patch(ada, body)).status).toBe(200)
    expect(await typesOf(app, `user-${ada.userId}`)).toEqual([
      'UserRegistered',
      'EmailChanged',
      'PasswordChanged',
      'LocaleChanged',
    ])
    expect((await signIn(app, email, NEW)).userId).toBe(ada.userId)
  })
  test('20 at once under one key change once and answer once, also after a restart', async () => {
    const ada = await newPerson(app)
    const email = freshEmail()
    const body = { locale: 'ru', password: NEW, email, current_password: PASSWORD }
    const replies = await Promise.all(
      Array.from({ length: 20 }, () => patch(ada, body, { key: 'change-1' })),
    )
    await app.restart()
    replies.push(await patch(ada, body, { key: 'change-1' }))
    expect(new Set(replies.map(({ status, text }) => `${status} ${text}`)).size).toBe(1)
    expect(await typesOf(app, `user-${ada.userId}`)).toHaveLength(4)
    const claim = `emailClaim-${emailHmacOf(app.app.deps, email)}`
    expect(await typesOf(app, claim)).toEqual(['EmailClaimed'])
  })
  test('names the revision, and takes it back as If-Match', async () => {
    const ada = await newPerson(app)
    const { headers } = await me(ada)
    expect(headers['etag']).toBe('"0"')
    const first = await patch(ada, { locale: 'ru' }, { headers: { 'if-match': '"0"' } })
    expect(first.headers['etag']).toBe('"1"')
    expect(first.headers['x-position']).toMatch(/^\d+$/)
  })
})

describe('/me/sessions', () => {
  const list = (person: Person) =>
    app.request<{ items: Record<string, unknown>[] }>('GET /me/sessions', { token: person.token })

  test('lists the live ones, newest first, without a token', async () => {
    const one = await newPerson(app)
    app.clock.advance(1_000)
    const two = await signIn(app, one.email)
    const reply = await list(one)
    expect(reply.body.items).toEqual([
      expect.objectContaining({ id: two.sessionId, current: false, method: 'password' }),
      expect.objectContaining({ id: one.sessionId, current: true, address: '127.0.0.1' }),
    ])
    expect(reply.text).not.toContain('eyJ')
  })
  test('ends one, for good', async () => {
    const one = await newPerson(app)
    const two = await signIn(app, one.email)
    const path = `DELETE /me/sessions/${two.sessionId}`
    expect((await app.request(path, { token: one.token })).status).toBe(204)
    expect((await me(two)).body).toMatchObject({ code: 'session_ended' })
    expect((await list(one)).body.items).toHaveLength(1)
    expect((await app.request(path, { token: one.token })).status).toBe(204)
  })
})
