// At the same moment or again: one address has one person, one refresh token one successor, one key one effect.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../../support/app.ts'
import {
  eventually,
  freshEmail,
  newPerson,
  PASSWORD,
  register,
  signIn,
  type TokenAnswer,
  typesOf,
  wholeLog,
} from '../../support/people.ts'
import { listMails } from '../../../src/projections/mails.ts'

let app: TestApp
/** What the log had when the test began. */
let before: number
beforeAll(async () => {
  app = await startTestApp()
})
beforeEach(async () => {
  before = (await wholeLog(app)).length
})
afterAll(() => app.stop())

const times = <T>(n: number, work: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: n }, (_, index) => work(index)))
const refresh = (refreshToken: string) =>
  app.request<TokenAnswer>('POST /auth/refresh', { body: { refresh_token: refreshToken } })
const newTypes = async () => (await wholeLog(app)).slice(before).map(({ type }) => type)
const count = async (type: string) => (await newTypes()).filter((one) => one === type).length

describe('registering', () => {
  test('20 at once for one address make one person', async () => {
    const email = freshEmail()
    const replies = await times(20, () =>
      app.request('POST /auth/register', { body: { email, password: PASSWORD } }),
    )
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([202]))
    await signIn(app, email)
    expect(await count('UserRegistered')).toBe(1)
    expect(await count('EmailClaimed')).toBe(1)
    expect(await count('OrganizationCreated')).toBe(1)
  })
  test('20 at once under one key have one effect and one answer, also after a restart', async () => {
    const email = freshEmail()
    const ask = () =>
      app.request('POST /auth/register', { body: { email, password: PASSWORD }, key: 'once' })
    const replies = await times(20, ask)
    await app.restart()
    replies.push(await ask())
    expect(new Set(replies.map(({ text }) => text)).size).toBe(1)
    await signIn(app, email)
    const types = await newTypes()
    expect(types.filter((type) => /^(EmailClaimed|UserRegistered)$/.test(type))).toHaveLength(2)
    expect(types).not.toContain('RegistrationAttempted')
  })
})

describe('signing in', () => {
  test('20 at once under one key start one session with one refresh token', async () => {
    const email = await register(app)
    const ask = () =>
      app.request<TokenAnswer>('POST /auth/login', {
        body: { email, password: PASSWORD },
        key: 'k',
      })
    const replies = await times(20, ask)
    await app.restart()
    replies.push(await ask())
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]))
    expect(new Set(replies.map(({ body }) => body.refresh_token)).size).toBe(1)
    expect(await count('SessionStarted')).toBe(1)
  })
  test('two strangers with the same key do not meet', async () => {
    const [one, two] = [await register(app), await register(app)]
    const ask = async (email: string) =>
      (
        await app.request<TokenAnswer>('POST /auth/login', {
          body: { email, password: PASSWORD },
          key: 'k',
        })
      ).body.user.id
    expect(await ask(one)).not.toBe(await ask(two))
  })
})

describe('refreshing', () => {
  test('20 at once with one token all get the one successor', async () => {
    const { refreshToken, sessionId } = await newPerson(app)
    const replies = await times(20, () => refresh(refreshToken))
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]))
    const successors = new Set(replies.map(({ body }) => body.refresh_token))
    expect(successors.size).toBe(1)
    expect(await typesOf(app, `session-${sessionId}`)).toEqual([
      'SessionStarted',
      'SessionRefreshed',
    ])
    expect((await refresh([...successors][0] ?? '')).status).toBe(200)
  })
  test('a lost answer is given again for 30 seconds, after a restart too', async () => {
    const { refreshToken } = await newPerson(app)
    const first = await refresh(refreshToken)
    await app.restart()
    app.clock.advance(29_000)
    const again = await refresh(refreshToken)
    expect(again.body.refresh_token).toBe(first.body.refresh_token)
  })
  test('a token presented after that ends the whole family, and its owner hears of it', async () => {
    const { refreshToken, token, userId } = await newPerson(app)
    const { body } = await refresh(refreshToken)
    app.clock.advance(31_000)
    expect((await refresh(refreshToken)).body).toMatchObject({ code: 'session_ended' })
    expect((await refresh(body.refresh_token)).body).toMatchObject({ code: 'session_ended' })
    for (const access of [token, body.access_token])
      expect((await app.request('GET /me', { token: access })).status).toBe(401)
    await eventually(async () => {
      const { items } = await listMails(app.app.deps.views, { limit: 100 })
      return items.find((mail) => mail.kind === 'session_replayed' && mail.subjectId === userId)
    })
  })
  test('a token whose successor was used ends the family at once', async () => {
    const { refreshToken } = await newPerson(app)
    const { body } = await refresh(refreshToken)
    await refresh(body.refresh_token)
    expect((await refresh(refreshToken)).status).toBe(401)
    expect((await refresh(body.refresh_token)).status).toBe(401)
  })
  test('a key does not shield a copied token', async () => {
    const { refreshToken } = await newPerson(app)
    const keyed = () =>
      app.request<TokenAnswer>('POST /auth/refresh', {
        body: { refresh_token: refreshToken },
        key: 'k',
      })
    const { body } = await keyed()
    app.clock.advance(31_000)
    expect((await keyed()).status).toBe(401)
    expect((await refresh(body.refresh_token)).status).toBe(401)
  })
})
