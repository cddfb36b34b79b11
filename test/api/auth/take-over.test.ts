// Whoever registers another's address keeps nothing of the account when its owner sets a password by mail.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { revokeKeysOf } from '../../../src/commands/api-key/revoke-keys-of.ts'
import { resetPassword } from '../../../src/commands/user/reset-password.ts'
import { findUserByTelegram } from '../../../src/commands/user/telegram/find-user-by-telegram.ts'
import { linkTelegram } from '../../../src/commands/user/telegram/link-telegram.ts'
import { organization } from '../../../src/domain/organization/organization.ts'
import { user } from '../../../src/domain/user/user.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { killedAfter } from '../../support/killed-after.ts'
import {
  mailedToken,
  newPerson,
  operatorRoot,
  type Person,
  signIn,
  typesOf,
} from '../../support/people.ts'
import { signInMember } from '../../support/seed.ts'
import { freshTelegramId } from '../../support/telegram-login.ts'

const PASSWORD = 'the owner of the mailbox'
let app: TestApp
beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.stop())

const keyBody = { name: 'kept', scopes: ['agents:read'] }
async function issue(person: Person) {
  const { token, orgId: org } = person
  const reply = await app.request<{ id: string; key: string }>('POST /api-keys', {
    token,
    org,
    body: keyBody,
  })
  expect(reply.status).toBe(201)
  return reply.body
}
const agentsBy = async (token: string) => (await app.request('GET /agents', { token })).status
async function linkOf({ email }: Person): Promise<string> {
  await app.request('POST /auth/password/forgot', { body: { email } })
  return mailedToken(app, email, 'reset_password')
}
const reset = (token: string) =>
  app.request('POST /auth/password/reset', { body: { token, password: PASSWORD } })

test('a password by mail proves the address, and ends keys, sessions and Telegram', async () => {
  const stranger = await newPerson(app)
  const telegramId = freshTelegramId()
  await linkTelegram(app.app.deps, operatorRoot(app), stranger.userId, { telegramId })
  const key = await issue(stranger)
  expect(await agentsBy(key.key)).toBe(200)
  app.clock.advance(1_000)
  expect((await reset(await linkOf(stranger))).status).toBe(204)
  expect(await agentsBy(key.key)).toBe(401)
  expect((await app.request('GET /me', { token: stranger.token })).status).toBe(401)
  expect(await findUserByTelegram(app.app.deps, telegramId)).toBeUndefined()
  expect(await typesOf(app, `apiKey-${key.id}`)).toEqual(['ApiKeyIssued', 'ApiKeyRevoked'])

  app.clock.advance(1_000)
  const owner = await signIn(app, stranger.email, PASSWORD)
  const me = await app.request('GET /me', { token: owner.token })
  expect(me.body).toMatchObject({ email_verified: true, telegram: { linked: false } })
  expect(await agentsBy((await issue({ ...stranger, ...owner })).key)).toBe(200)
})

test('nobody else stays in its personal organization, nor do their keys or invitations', async () => {
  const [stranger, third] = [await newPerson(app), await newPerson(app)]
  const { orgId: org, token } = stranger
  const second = await signInMember(app, org, 'admin')
  const invited = await app.request(`POST /organizations/${org}/invitations`, {
    token,
    body: { email: third.email, role: 'admin' },
  })
  expect(invited.status).toBe(201)
  const key = await issue({ ...stranger, ...second, orgId: org })
  expect(await agentsBy(key.key)).toBe(200)
  app.clock.advance(1_000)
  expect((await reset(await linkOf(stranger))).status).toBe(204)
  const { state } = await app.app.deps.streams.load(organization, org)
  expect([...(state?.members.keys() ?? [])]).toEqual([stranger.userId])
  expect([...(state?.invitations.values() ?? [])].filter(({ open }) => open)).toEqual([])
  expect(await agentsBy(key.key)).toBe(401)
})

test('whoever has verified the address keeps their keys', async () => {
  const person = await newPerson(app)
  const token = await mailedToken(app, person.email, 'verify_email')
  await app.request('POST /auth/verify-email', { body: { token } })
  const key = await issue(person)
  app.clock.advance(1_000)
  expect((await reset(await linkOf(person))).status).toBe(204)
  expect(await agentsBy(key.key)).toBe(200)
})

test('a key and a session that nobody could end in time open nothing', async () => {
  const stranger = await newPerson(app)
  const token = await linkOf(stranger)
  const key = await issue(stranger)
  app.clock.advance(1_000)
  const { deps } = app.app
  // The views do not know of the key, and the process is killed before it ends the sessions.
  const blind = { ...deps.views, find: async () => ({ items: [], cursors: [], next: undefined }) }
  await killedAfter(app, 1, (mortal) =>
    resetPassword({ ...mortal, views: blind }, operatorRoot(app), { token, password: PASSWORD }),
  )
  expect((await deps.streams.load(user, stranger.userId)).state?.emailVerified).toBe(true)
  expect(await typesOf(app, `apiKey-${key.id}`)).toEqual(['ApiKeyIssued'])
  expect(await agentsBy(key.key)).toBe(401)
  expect((await app.request('GET /me', { token: stranger.token })).status).toBe(401)
  await app.restart()
})

test('killed after the first key, the link ends the others', async () => {
  const stranger = await newPerson(app)
  const keys = [await issue(stranger), await issue(stranger)]
  const token = await linkOf(stranger)
  await killedAfter(app, 1, (mortal) =>
    resetPassword(mortal, operatorRoot(app), { token, password: PASSWORD }),
  )
  expect((await reset(token)).status).toBe(204)
  for (const { id } of keys)
    expect(await typesOf(app, `apiKey-${id}`)).toEqual(['ApiKeyIssued', 'ApiKeyRevoked'])
  await revokeKeysOf(app.app.deps, operatorRoot(app), stranger.userId)
  for (const { id } of keys) expect(await typesOf(app, `apiKey-${id}`)).toHaveLength(2)
})
