// Nothing at the door tells whether an address has an account: not status, body or headers, and the same work.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { startTestApp, type Reply, type TestApp } from '../../support/app.ts'
import {
  eventually,
  freshEmail,
  mailedToken,
  newPerson,
  operatorRoot,
  PASSWORD,
  type Person,
  signIn,
  typesOf,
} from '../../support/people.ts'
import { emailHmacOf } from '../../../src/commands/user/find-user.ts'
import { deactivateUser } from '../../../src/commands/user/deactivate-user.ts'
import { listMails } from '../../../src/projections/mails.ts'

let app: TestApp
let known: Person
beforeAll(async () => {
  app = await startTestApp()
  known = await newPerson(app)
})
afterAll(() => app.stop())

/** An answer without what differs between any two. */
function shape({ status, headers, text }: Reply) {
  const { 'x-request-id': _id, date: _date, ...rest } = headers
  return { status, headers: rest, text: text.replace(/"request_id":"[^"]*"/, '') }
}
/** How often each costly thing was asked for. */
async function counted(work: () => Promise<Reply>) {
  const { passwords } = app.app.deps
  const hash = vi.spyOn(passwords, 'hash')
  const verify = vi.spyOn(passwords, 'verify')
  try {
    const reply = await work()
    return { ...shape(reply), hashes: hash.mock.calls.length, verified: verify.mock.calls.length }
  } finally {
    hash.mockRestore()
    verify.mockRestore()
  }
}

describe('registering', () => {
  const register = (email: string) =>
    counted(() => app.request('POST /auth/register', { body: { email, password: PASSWORD } }))

  test('a free and a taken address get the same answer after one hash each', async () => {
    const free = await register(freshEmail())
    expect(free).toMatchObject({ status: 202, hashes: 1 })
    expect(await register(known.email)).toEqual(free)
    expect(await register(known.email)).toEqual(free)
  })
  test('the owner of a taken address hears of it once an hour, the stranger gets nothing', async () => {
    const owner = await newPerson(app)
    const stream = `emailClaim-${emailHmacOf(app.app.deps, owner.email)}`
    for (const _ of [1, 2, 3]) await register(owner.email)
    expect(await typesOf(app, stream)).toEqual(['EmailClaimed', 'RegistrationAttempted'])
    const mail = await eventually(async () => {
      const { items } = await listMails(app.app.deps.views, { limit: 100 })
      return items.find(
        ({ kind, subjectId }) => kind === 'registration_attempted' && subjectId === owner.userId,
      )
    })
    expect(mail.locale).toBe('en')
  })
})

test('a key that comes back with another body tells nothing, also when it is forgotten that it did', async () => {
  const fresh = freshEmail()
  const ask = (email: string, password: string) =>
    app.request('POST /auth/register', { body: { email, password }, key: 'again' })
  for (const email of [fresh, known.email]) await ask(email, PASSWORD)
  // Longer than a key is remembered beside the log.
  app.clock.advance(25 * 60 * 60_000)
  const replies = [await ask(fresh, 'quite another phrase')]
  replies.push(await ask(known.email, 'quite another phrase'))
  expect(replies.map(({ status }) => status)).toEqual([202, 202])
  await signIn(app, fresh, PASSWORD)
})

describe('signing in', () => {
  const login = (email: string, password: string) =>
    counted(() => app.request('POST /auth/login', { body: { email, password } }))

  test('an unknown address, a wrong password and a deactivated person look the same', async () => {
    const gone = await newPerson(app)
    await deactivateUser(app.app.deps, operatorRoot(app), { userId: gone.userId })
    const unknown = await login(freshEmail(), PASSWORD)
    expect(unknown).toMatchObject({ status: 401, hashes: 0, verified: 1 })
    expect(await login(known.email, 'not the right phrase')).toEqual(unknown)
    expect(await login(gone.email, PASSWORD)).toEqual(unknown)
  })
})

describe('forgetting the password', () => {
  test('every address gets the same answer; a mail only who has an account', async () => {
    const forgot = (email: string) =>
      counted(() => app.request('POST /auth/password/forgot', { body: { email } }))
    const unknown = await forgot(freshEmail())
    expect(unknown).toMatchObject({ status: 202, hashes: 0, verified: 0 })
    for (const _ of [1, 2, 3]) expect(await forgot(known.email)).toEqual(unknown)
    await eventually(async () => {
      const { waiting, running } = await app.app.deps.jobs.counts('request-password-resets')
      return waiting + running === 0 ? true : undefined
    })
    await app.settled()
    const { items } = await listMails(app.app.deps.views, { limit: 100 })
    const resets = items.filter(({ kind }) => kind === 'reset_password')
    expect(resets.map(({ subjectId }) => subjectId)).toEqual([known.userId])
  })
})

describe('asking for another link that verifies', () => {
  test('every address gets the same answer; a mail only who has an account that is not verified', async () => {
    const again = (email: string) =>
      counted(() => app.request('POST /auth/verify-email/resend', { body: { email } }))
    const person = await newPerson(app)
    const done = await newPerson(app)
    const token = await mailedToken(app, done.email, 'verify_email')
    await app.request('POST /auth/verify-email', { body: { token } })
    const first = await mailedToken(app, person.email, 'verify_email')
    const unknown = await again(freshEmail())
    expect(unknown).toMatchObject({ status: 202, hashes: 0, verified: 0 })
    for (const email of [person.email, person.email, done.email])
      expect(await again(email)).toEqual(unknown)
    await eventually(async () => {
      const { waiting, running } = await app.app.deps.jobs.counts('request-verifications')
      return waiting + running === 0 ? true : undefined
    })
    await app.settled()
    const { items } = await listMails(app.app.deps.views, { limit: 100 })
    const links = (userId: string) =>
      items.filter((mail) => mail.kind === 'verify_email' && mail.subjectId === userId).length
    expect([links(person.userId), links(done.userId)]).toEqual([2, 1])
    // Both are good: whoever finds the older one first is not turned away.
    const reply = await app.request('POST /auth/verify-email', { body: { token: first } })
    expect(reply.status).toBe(204)
  })
})
