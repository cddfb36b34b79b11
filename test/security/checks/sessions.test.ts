// Checks S-07, S-08 and S-24 to S-32: a session ends where it must, at once, everywhere, and a copied refresh token ends it.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { everythingStored } from '../../support/stored.ts'
import {
  freshEmail,
  newPerson,
  PASSWORD,
  type Person,
  signIn,
  type TokenAnswer,
  typesOf,
} from '../../support/people.ts'
import { signIn as seeded, signInMember } from '../../support/seed.ts'

const DAY = 24 * 60 * 60_000
const NEW = 'an entirely new phrase'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.stop())

const me = async (token: string): Promise<number> =>
  (await app.request('GET /me', { token })).status
const refresh = (refreshToken: string, headers: Record<string, string> = {}) =>
  app.request<TokenAnswer>('POST /auth/refresh', {
    body: { refresh_token: refreshToken },
    headers,
  })
const codeOf = ({ status, body }: { status: number; body: unknown }) => [
  status,
  (body as { code?: string }).code,
]

describe('S-07 another password', () => {
  test('takes the current one; without it or with a wrong one nothing changes', async () => {
    const ada = await newPerson(app)
    const patch = (body: object) => app.request('PATCH /me', { token: ada.token, body })
    expect((await patch({ password: NEW })).status).toBe(400)
    expect(codeOf(await patch({ password: NEW, current_password: 'not the one' }))).toEqual([
      403,
      'current_password_wrong',
    ])
    expect(await typesOf(app, `user-${ada.userId}`)).toEqual(['UserRegistered'])
    await signIn(app, ada.email)
  })
  test('ends every other session on its next request', async () => {
    const ada = await newPerson(app)
    const elsewhere = await signIn(app, ada.email)
    const body = { password: NEW, current_password: PASSWORD }
    expect((await app.request('PATCH /me', { token: ada.token, body })).status).toBe(200)
    expect(await me(ada.token)).toBe(200)
    expect(await me(elsewhere.token)).toBe(401)
    expect((await refresh(elsewhere.refreshToken)).status).toBe(401)
  })
})

test('S-08 another address takes the current password in the same request, however young the session', async () => {
  const ada = await newPerson(app)
  const patch = (body: object) => app.request('PATCH /me', { token: ada.token, body })
  expect((await patch({ email: freshEmail() })).status).toBe(400)
  expect((await patch({ email: freshEmail(), current_password: `${PASSWORD}!` })).status).toBe(403)
  expect(await typesOf(app, `user-${ada.userId}`)).toEqual(['UserRegistered'])
})

test('S-24 a session lives 30 days without use and 90 in all', async () => {
  const idle = await newPerson(app)
  let { refreshToken } = await newPerson(app)
  for (const days of [29, 29, 29]) {
    app.clock.advance(days * DAY)
    const reply = await refresh(refreshToken)
    expect(reply.status).toBe(200)
    refreshToken = reply.body.refresh_token
  }
  expect((await refresh(idle.refreshToken)).status).toBe(401)
  app.clock.advance(3 * DAY + 6_000)
  expect((await refresh(refreshToken)).status).toBe(401)
})

describe('a refresh token', () => {
  test('S-25 that was used before ends its family, with an event', async () => {
    const ada = await newPerson(app)
    const { body } = await refresh(ada.refreshToken)
    app.clock.advance(31_000)
    expect(codeOf(await refresh(ada.refreshToken))).toEqual([401, 'session_ended'])
    expect((await refresh(body.refresh_token)).status).toBe(401)
    expect(await me(body.access_token)).toBe(401)
    expect(await typesOf(app, `session-${ada.sessionId}`)).toContain('SessionRevoked')
  })
  test('S-26 whose answer was lost gets the same successor within 30 s', async () => {
    const ada = await newPerson(app)
    const first = await refresh(ada.refreshToken)
    app.clock.advance(29_000)
    const again = await refresh(ada.refreshToken)
    expect(again.body.refresh_token).toBe(first.body.refresh_token)
  })
  test('S-27 from another client is taken once; the copy that comes second ends the family', async () => {
    const ada = await newPerson(app)
    const thief = await refresh(ada.refreshToken, { 'user-agent': 'somebody else' })
    expect(thief.status).toBe(200)
    // The thief goes on; then the owner comes with the token that was copied.
    const onward = await refresh(thief.body.refresh_token, { 'user-agent': 'somebody else' })
    expect((await refresh(ada.refreshToken)).status).toBe(401)
    expect((await refresh(onward.body.refresh_token)).status).toBe(401)
    expect(await me(onward.body.access_token)).toBe(401)
  })
  test('S-28 is nowhere in what is stored', async () => {
    const ada = await newPerson(app)
    const { body } = await refresh(ada.refreshToken)
    await app.settled()
    const stored = await everythingStored(app.app.config)
    const bytes = Buffer.concat([...stored.values()])
    expect(bytes.includes('SessionRefreshed')).toBe(true)
    for (const token of [ada.refreshToken, body.refresh_token, body.access_token])
      for (const piece of [token, token.split('.')[2] ?? ''])
        expect(bytes.includes(piece)).toBe(false)
  })
})

test('S-29 after signing out neither of its tokens is any good', async () => {
  const ada = await newPerson(app)
  expect((await app.request('POST /auth/logout', { token: ada.token })).status).toBe(204)
  expect(await me(ada.token)).toBe(401)
  expect((await refresh(ada.refreshToken)).status).toBe(401)
})

describe('S-30 the next request is judged by the new state', () => {
  test('deactivated', async () => {
    const administrator = await seeded(app, { administrator: true })
    const ada = await newPerson(app)
    const line = `POST /admin/users/${ada.userId}/deactivate`
    const { token } = administrator
    expect((await app.request(line, { token })).status).toBeLessThan(300)
    expect(codeOf(await app.request('GET /me', { token: ada.token }))).toEqual([
      403,
      'user_deactivated',
    ])
  })
  test('lowered, then removed; no token says a role', async () => {
    const owner = await seeded(app)
    const member = await signInMember(app, owner.orgId, 'admin')
    const path = `/organizations/${owner.orgId}`
    const asAdmin = () =>
      app.request(`POST ${path}/invitations`, {
        token: member.token,
        body: { email: freshEmail(), role: 'member' },
      })
    expect((await asAdmin()).status).toBe(201)
    const lower = await app.request(`PATCH ${path}/members/${member.userId}`, {
      token: owner.token,
      body: { role: 'auditor' },
    })
    expect(lower.status).toBeLessThan(300)
    expect((await asAdmin()).status).toBe(403)
    const removed = await app.request(`DELETE ${path}/members/${member.userId}`, {
      token: owner.token,
    })
    expect(removed.status).toBe(204)
    expect((await asAdmin()).status).toBe(404)
    const claims = Buffer.from(member.token.split('.')[1] ?? '', 'base64url').toString()
    expect(claims).not.toMatch(/role|admin|org/)
  })
})

describe('S-31 sessions are listed and ended', () => {
  const list = ({ token }: Person) =>
    app.request<{ items: { id: string }[] }>('GET /me/sessions', { token })
  test('by their owner, and no token is shown', async () => {
    const ada = await newPerson(app)
    const elsewhere = await signIn(app, ada.email)
    const reply = await list(ada)
    expect(reply.body.items.map(({ id }) => id).toSorted()).toEqual(
      [ada.sessionId, elsewhere.sessionId].toSorted(),
    )
    expect(reply.text).not.toMatch(/eyJ|token/)
    const end = `DELETE /me/sessions/${elsewhere.sessionId}`
    expect((await app.request(end, { token: ada.token })).status).toBe(204)
    expect(await me(elsewhere.token)).toBe(401)
    expect((await refresh(elsewhere.refreshToken)).status).toBe(401)
  })
  test('by nobody else', async () => {
    const [ada, eve] = [await newPerson(app), await newPerson(app)]
    const end = `DELETE /me/sessions/${ada.sessionId}`
    expect((await app.request(end, { token: eve.token })).status).toBe(404)
    expect(await me(ada.token)).toBe(200)
  })
})

test('S-32 signing in with a token that is there starts a session of its own, with new tokens', async () => {
  const ada = await newPerson(app)
  const body = { email: ada.email, password: PASSWORD }
  const again = await app.request<TokenAnswer>('POST /auth/login', { token: ada.token, body })
  expect(again.status).toBe(200)
  const claims = await app.app.deps.tokens.verifyAccess(again.body.access_token, app.clock.now())
  expect(claims?.sessionId).not.toBe(ada.sessionId)
  expect(again.body.refresh_token).not.toBe(ada.refreshToken)
  // A session that somebody brings along is never taken over.
  const headers = { cookie: `daybook_refresh=${ada.refreshToken}; sid=${ada.sessionId}` }
  const fixed = await app.request<TokenAnswer>('POST /auth/login', { headers, body })
  const other = await app.app.deps.tokens.verifyAccess(fixed.body.access_token, app.clock.now())
  expect([ada.sessionId, claims?.sessionId]).not.toContain(other?.sessionId)
})
