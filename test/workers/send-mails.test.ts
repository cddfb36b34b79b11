// Each intent to write ends once: sent, or given up with its reason. What fails for now is tried ever later and stops no other mail; a lost answer makes a repeat under the same Message-ID, never a second mail.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type ListedMail, mailsWithLinks } from '../../src/commands/mail/list-mails.ts'
import { enterByTelegram } from '../../src/commands/user/telegram/enter-by-telegram.ts'
import { linkTelegram } from '../../src/commands/user/telegram/link-telegram.ts'
import { unlinkTelegram } from '../../src/commands/user/telegram/unlink-telegram.ts'
import type { Id } from '../../src/domain/ids.ts'
import { mailsToRequest } from '../../src/projections/due-mails.ts'
import { listMails, type MailState } from '../../src/projections/mails.ts'
import { nextTry, sendMail } from '../../src/workers/send-mails.ts'
import { startTestApp, type TestApp } from '../support/app.ts'
import {
  freshEmail,
  newPerson,
  operatorRoot,
  PASSWORD,
  register,
  signIn,
  typesOf,
} from '../support/people.ts'
import { readMail } from '../support/read-mail.ts'
import { type SmtpServer, startSmtp } from '../support/smtp.ts'

let server: SmtpServer
let app: TestApp
beforeAll(async () => {
  server = await startSmtp()
  app = await startTestApp({
    MAIL_URL: server.url,
    MAIL_FROM: 'Daybook <daybook@example.org>',
    DASHBOARD_URL: 'https://app.example.org',
  })
})
afterAll(async () => {
  await app.stop()
  await server.close()
})
afterEach(() => server.always(undefined))

const never = new AbortController().signal
const again = (mailId: string) => sendMail(app.app.deps, mailId as Id<'mail'>, never)
const tries = (email: string) =>
  server.commands.filter((line) => line === `RCPT TO:<${email}>`).length
const taken = (email: string) =>
  server.mails.filter(({ to }) => to[0] === `<${email}>`).map(({ raw }) => raw)

/** The mails to somebody, once they are so many in this state; and nothing goes on with them. */
async function mailsTo(email: string, state: MailState, count = 1): Promise<ListedMail[]> {
  const { deps } = app.app
  let found: ListedMail[] = []
  const look = async () => {
    await app.settled()
    const { items } = await mailsWithLinks(deps, { limit: 100, state })
    found = items.filter(({ recipient }) => recipient === email)
    const { waiting, running } = await deps.jobs.counts('send-mails')
    return waiting + running === 0 && found.length === count
  }
  await expect.poll(look, { timeout: 10_000 }).toBe(true)
  return found
}
async function mailTo(email: string, state: MailState): Promise<ListedMail> {
  // It was tried: it does not wait because nobody has looked.
  if (state === 'waiting')
    await expect.poll(() => server.attempts, { timeout: 10_000 }).toBeGreaterThan(before)
  const [mail] = await mailsTo(email, state)
  if (!mail) throw new Error('no mail')
  return mail
}
let before = 0
beforeEach(() => {
  before = server.attempts
})
/** Nothing is under way. */
const idle = () =>
  expect
    .poll(async () => (await app.app.deps.jobs.counts('send-mails')).running, { timeout: 10_000 })
    .toBe(0)
const storyOf = ({ mailId }: { mailId: string }) => typesOf(app, `mail-${mailId}`)
const requested = 'MailRequested'

describe('a mail', () => {
  test('reaches the person, once, with a link that works', async () => {
    const email = await register(app)
    const mail = await mailTo(email, 'sent')
    const { headers, text } = readMail(taken(email)[0] ?? '')
    expect(headers).toMatchObject({
      to: email,
      subject: 'Confirm your e-mail address',
      'message-id': `<${mail.mailId}@example.org>`,
    })
    expect(text).toContain(mail.link)
    expect(mail.link).toMatch(/^https:\/\/app\.example\.org\/verify-email\?token=/)
    const token = new URL(mail.link ?? '').searchParams.get('token')
    const proven = await app.request('POST /auth/verify-email', { body: { token } })
    expect(proven.status).toBe(204)
    for (const _ of [1, 2]) await app.app.workers.sweep()
    await again(mail.mailId)
    expect(await storyOf(mail)).toEqual([requested, 'MailSent'])
    expect(taken(email)).toHaveLength(1)
  })

  test('is in the language of the person', async () => {
    const body = { email: freshEmail(), password: PASSWORD, locale: 'ru' }
    await app.request('POST /auth/register', { body })
    await mailTo(body.email, 'sent')
    const { headers, text, html } = readMail(taken(body.email)[0] ?? '')
    expect(headers).toMatchObject({
      subject: 'Подтвердите адрес электронной почты',
      'content-language': 'ru',
    })
    for (const part of [text, html]) expect(part).toContain('Здравствуйте!')
  })

  test('about another address goes to the old and to the new one', async () => {
    const person = await newPerson(app)
    const email = freshEmail()
    const body = { email, current_password: PASSWORD }
    expect((await app.request('PATCH /me', { token: person.token, body })).status).toBe(200)
    expect(await mailTo(email, 'sent')).toMatchObject({ kind: 'verify_email' })
    const kinds = (await mailsTo(person.email, 'sent', 2)).map(({ kind }) => kind)
    expect(kinds.toSorted()).toEqual(['email_changed', 'verify_email'])
    expect([taken(person.email).length, taken(email).length]).toEqual([2, 1])
  })
})

test('Telegram that comes or goes is told to whoever has an address', async () => {
  const { deps } = app.app
  const person = await newPerson(app)
  await linkTelegram(deps, operatorRoot(app), person.userId, { telegramId: '4711' })
  await mailsTo(person.email, 'sent', 2)
  await unlinkTelegram(deps, operatorRoot(app), person.userId)
  const kinds = (await mailsTo(person.email, 'sent', 3)).map(({ kind }) => kind)
  expect(kinds.toSorted()).toEqual(['telegram_linked', 'telegram_unlinked', 'verify_email'])
  const came = await enterByTelegram(deps, operatorRoot(app), { telegramId: '4712', locale: 'ru' })
  for (const _ of [1, 2]) await app.app.workers.sweep()
  await app.settled()
  const { items } = await listMails(deps.views, { limit: 100 })
  expect(items.filter(({ subjectId }) => subjectId === came.user.userId)).toEqual([])
  for await (const due of mailsToRequest(deps.views)) expect(due).toBeUndefined()
})

describe('a server', () => {
  test('that says no for good is asked no more', async () => {
    server.next({ at: 'RCPT', say: '550 5.1.1 nobody here' })
    const email = await register(app)
    const mail = await mailTo(email, 'failed')
    expect(mail.reason).toBe('rejected')
    for (const _ of [1, 2]) await app.app.workers.sweep()
    await again(mail.mailId)
    expect(await storyOf(mail)).toEqual([requested, 'MailFailed'])
    expect(tries(email)).toBe(1)
  })

  test('that loses its answers gets the same mail again', async () => {
    server.next({ at: 'END', say: 'drop' })
    const email = await register(app)
    const mail = await mailTo(email, 'waiting')
    // Whoever takes it up knows nothing of the first time.
    await app.restart()
    await mailTo(email, 'sent')
    expect(await storyOf(mail)).toEqual([requested, 'MailSent'])
    const [first, second, ...more] = taken(email)
    expect(second).toBe(first)
    expect(more).toEqual([])
  })

  test('that says nothing at all delays no answer, and changes none', async () => {
    const known = await register(app)
    await mailTo(known, 'sent')
    server.always({ at: 'CONNECT', say: 'silence' })
    server.hangUp()
    const ask = async (path: string, email: string) => {
      const body = { email, ...(path === 'register' && { password: PASSWORD }) }
      const { status, text } = await app.request(`POST /auth/${path}`, { body })
      return { status, text }
    }
    const asked = performance.now()
    for (const path of ['register', 'password/forgot'])
      expect(await ask(path, known)).toEqual(await ask(path, freshEmail()))
    // Nobody has waited for a greeting, which a connection does for ten seconds.
    expect(performance.now() - asked).toBeLessThan(9_000)
    server.always(undefined)
    server.hangUp()
    await idle()
  })

  test('that falls silent over one mail gets the others', async () => {
    server.next({ at: 'RCPT', say: 'silence' })
    const emails = await Promise.all([1, 2, 3].map(() => register(app)))
    const got = () => emails.filter((email) => taken(email).length === 1).length
    // All three, where the silence met a mail of before.
    await expect.poll(got, { timeout: 10_000 }).toBeGreaterThanOrEqual(2)
    server.hangUp()
    await idle()
  })

  test('that cannot now is asked ever later, and a new process asks at once', async () => {
    server.always({ at: 'RCPT', say: '451 4.3.0 later' })
    const email = await register(app)
    for (const _ of [1, 2, 3, 4]) {
      await mailTo(email, 'waiting')
      await app.app.workers.sweep()
    }
    // The event's own try, and one when the sweep first saw the mail.
    await mailTo(email, 'waiting')
    expect(tries(email)).toBeLessThanOrEqual(2)
    server.always(undefined)
    await app.restart()
    await mailTo(email, 'sent')
    expect(taken(email)).toHaveLength(1)
  })
})

test('nobody is written to who was erased', async () => {
  server.always({ at: 'RCPT', say: '451 4.3.0 later' })
  const email = await register(app)
  const mail = await mailTo(email, 'waiting')
  const { userId } = await signIn(app, email)
  const { sealer, streams } = app.app.deps
  await sealer.destroy(`user/${userId}`)
  streams.forget()
  server.always(undefined)
  await again(mail.mailId)
  expect(await storyOf(mail)).toEqual([requested, 'MailFailed'])
  expect(taken(email)).toEqual([])
  await app.settled()
  const { items } = await mailsWithLinks(app.app.deps, { limit: 100, state: 'failed' })
  expect(items.find(({ mailId }) => mailId === mail.mailId)).toMatchObject({
    recipient: null,
    reason: 'erased',
  })
})

test('what could not be sent until its end is unreachable, or expired', async () => {
  server.always({ at: 'RCPT', say: '451 4.3.0 later' })
  const emails = await Promise.all([register(app), register(app)])
  const [tried, late] = await Promise.all(emails.map((email) => mailTo(email, 'waiting')))
  app.clock.advance(7 * 24 * 60 * 60_000 - 60_000)
  await again(tried?.mailId ?? '')
  app.clock.advance(60_000)
  await again(late?.mailId ?? '')
  const found = await Promise.all(emails.map((email) => mailTo(email, 'failed')))
  expect(found.map(({ reason }) => reason)).toEqual(['unreachable', 'expired'])
  expect(found.map(({ link }) => link)).toEqual([undefined, undefined])
  for (const mail of found) expect(await storyOf(mail)).toEqual([requested, 'MailFailed'])
})

test('tries lie ever further apart, and an hour at the end', () => {
  const ages = [0]
  while (ages.length < 12) ages.push(nextTry(ages.at(-1) ?? 0).atMs)
  const minutes = ages.map((age) => age / 60_000)
  expect(minutes).toEqual([0, 0.75, 1.5, 3, 6, 12, 24, 48, 60, 120, 180, 240])
  const numbers = ages.map((age) => nextTry(age).n)
  expect(numbers).toEqual(numbers.map((_, index) => index + 1))
})
