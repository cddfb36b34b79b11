// Views of people, sessions, claims and mails: a replay gives the same bytes, nothing personal is in clear, and no list of sessions grows for ever.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { mailsWithLinks } from '../../src/commands/mail/list-mails.ts'
import { newId, step } from '../../src/commands/context.ts'
import { session } from '../../src/domain/session/session.ts'
import { dueMails } from '../../src/projections/due-mails.ts'
import { mails } from '../../src/projections/mails.ts'
import { MAX_SESSIONS, sessionsByUser, sessionsOf } from '../../src/projections/sessions-by-user.ts'
import { unfinishedClaims } from '../../src/projections/unfinished-claims.ts'
import { unfinishedRegistrations } from '../../src/projections/unfinished-registrations.ts'
import { users } from '../../src/projections/users.ts'
import type { Projection } from '../../src/projections/projection.ts'
import { startTestApp, type TestApp } from '../support/app.ts'
import {
  eventually,
  freshEmail,
  newPerson,
  operatorRoot,
  PASSWORD,
  signIn,
  typesOf,
} from '../support/people.ts'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp({ USAGE_LOG: 'off' })
})
afterAll(() => app.stop())

const all = [dueMails, mails, sessionsByUser, unfinishedClaims, unfinishedRegistrations, users]

async function dump(): Promise<string> {
  await app.settled()
  const lines: string[] = []
  for (const projection of all)
    // Only their text is compared, so the documents' types do not matter.
    for await (const { key, document } of app.app.deps.views.all(projection as Projection<unknown>))
      lines.push(`${projection.name} ${key} ${JSON.stringify(document)}`)
  return lines.join('\n')
}

test('a rebuild gives what was served, and holds no address, browser or password', async () => {
  const ada = await newPerson(app)
  const email = freshEmail()
  const change = { email, password: 'an entirely new phrase', current_password: PASSWORD }
  await app.request('PATCH /me', { token: ada.token, body: change })
  await signIn(app, email, change.password)
  const taken = { email, password: PASSWORD }
  await app.request('POST /auth/register', { body: taken })
  await eventually(async () => {
    const { items } = await mailsWithLinks(app.app.deps, { limit: 100, state: 'sent' })
    return items.length === 5 ? true : undefined
  })
  const served = await dump()
  for (const { name } of all) await app.app.runner.rebuild(name)
  expect(await dump()).toBe(served)
  for (const secret of [ada.email, email, '127.0.0.1', 'argon2', PASSWORD, change.password])
    expect(served).not.toContain(secret)
})

test('the operator reads the links of mails that wait', async () => {
  const { email } = await newPerson(app)
  const mail = await eventually(async () => {
    const { items } = await mailsWithLinks(app.app.deps, { limit: 100 })
    return items.find(({ recipient }) => recipient === email)
  })
  const { publicUrl } = app.app.deps.settings
  expect(mail.link).toContain(`${publicUrl}/verify-email?token=mai_`)
  const token = new URL(mail.link ?? '').searchParams.get('token')
  const reply = await app.request('POST /auth/verify-email', { body: { token } })
  expect(reply.status).toBe(204)
})

test('beyond the number that a person may have, the oldest sessions end', async () => {
  const { userId, token, sessionId } = await newPerson(app)
  const { deps } = app.app
  const starts = Array.from({ length: MAX_SESSIONS }, () => {
    const root = operatorRoot(app)
    const id = newId(deps.ids, root, 'session')
    const start = { type: 'StartSession', sessionId: id, userId, method: 'password' } as const
    const context = step(deps.ids, root, 'session')
    return deps.streams.transact(session, id, { ...start, at: root.at }, context)
  })
  await Promise.all(starts)
  await eventually(async () =>
    (await typesOf(app, `session-${sessionId}`)).includes('SessionRevoked') ? true : undefined,
  )
  expect((await app.request('GET /me', { token })).status).toBe(401)
  await app.settled()
  const live = await sessionsOf(deps.views, userId, app.clock.now().toISOString())
  expect(live).toHaveLength(MAX_SESSIONS)
})
