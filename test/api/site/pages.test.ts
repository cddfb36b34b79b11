// Guarantee: opening a page changes nothing, its form does what the JSON route does, and nothing that comes in by a link or from a person becomes markup, leaves by a header or stays in a record.
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { localeFrom, messagesFor } from '../../../src/messages/index.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { logOf, quiet } from '../../support/crash-data.ts'
import { fund, type Funded } from '../../support/funded.ts'
import { invitationToken, invited } from '../../support/invitations.ts'
import { freshEmail, newPerson, PASSWORD } from '../../support/people.ts'
import { signIn } from '../../support/seed.ts'
import { TELEGRAM } from '../../support/telegram-login.ts'
import { everyRoute } from '../../support/whole-api.ts'
import { heading, mailed, shown } from './pages.ts'

let app: TestApp
let owner: Funded
/** Everything that was logged. */
const logged: unknown[] = []
const log = (fields: object, text: string) => void logged.push(fields, text)
beforeAll(async () => {
  app = await startTestApp(TELEGRAM, { logger: { debug: log, info: log, warn: log, error: log } })
  owner = await fund(app)
}, 30_000)
afterAll(() => app.stop())

const world = async () => ({
  test: app,
  owner,
  administrator: await signIn(app, { administrator: true }),
})
const NEW_PASSWORD = 'another mule battery 71'
const pages = () => everyRoute(app.app).filter(({ tag }) => tag === 'pages')

describe('200', () => {
  test('opening a page writes nothing, however often', async () => {
    const { token } = await mailed(app, 'verify_email')
    const reset = await mailed(app, 'reset_password')
    await quiet(app.app)
    const head = await app.app.engine.events.head()
    for (const path of [`/verify-email?token=${token}`, `/reset-password?token=${reset.token}`])
      for (let times = 0; times < 3; times++)
        expect((await app.request(`GET ${path}`)).status).toBe(200)
    await quiet(app.app)
    const written = (await logOf(app.app, head)).map(({ type }) => type)
    expect(written.filter((type) => type !== 'UsageRecorded')).toEqual([])
  })

  test('a link that a mail program has added to is still the link', async () => {
    const { token } = await mailed(app, 'verify_email')
    expect((await app.request(`GET /verify-email?token=${token}&utm_source=mail`)).status).toBe(200)
  })

  test('a page speaks as the mail did, and before that as the browser does', async () => {
    const { token } = await mailed(app, 'verify_email', 'ru')
    const page = await app.request(`GET /verify-email?token=${token}`)
    expect(page.headers['content-language']).toBe('ru')
    expect(page.text).toContain('<html lang="ru">')
    const none = await app.request('GET /forgot-password', { headers: { 'accept-language': 'ru' } })
    expect(heading(none)).toBe(messagesFor('ru').site.forgotPassword.title)
  })

  test('the forms of an invitation make a member of who has an account and of who has none', async () => {
    const here = await world()
    const { email: known } = await newPerson(app)
    const fresh = freshEmail()
    for (const [email, line, again] of [
      [known, 'POST /invitation', {}],
      [fresh, 'POST /register-invited', { again: PASSWORD }],
    ] as const) {
      await invited(here, email)
      const token = await invitationToken(here, email)
      const form = { token, email, password: PASSWORD, ...again }
      const joined = await app.request(line, { form })
      expect(joined.status, shown(joined)).toBe(200)
      // Sent twice, as by an impatient click: the same page.
      expect((await app.request(line, { form })).status).toBe(200)
    }
    const login = { email: fresh, password: PASSWORD }
    const { body } = await app.request<{ user: { email_verified: boolean } }>('POST /auth/login', {
      body: login,
    })
    expect(body.user.email_verified).toBe(true)
  })

  test('asking for a link says the same for an address that nobody has', async () => {
    const { email } = await newPerson(app)
    const ask = (address: string) =>
      app.request('POST /forgot-password', { form: { email: address } })
    const [one, other] = [await ask(email), await ask(freshEmail())]
    expect([one.status, one.text]).toEqual([200, other.text])
  })
})

describe('what every page is sent with', () => {
  test('lets nothing in and nothing out', async () => {
    const { token } = await mailed(app, 'verify_email')
    for (const path of [`/verify-email?token=${token}`, '/verify-email?token=x', '/verify-email']) {
      const { headers, text } = await app.request(`GET ${path}`)
      const style = /<style>([\s\S]*?)<\/style>/.exec(text)?.[1] ?? ''
      const digest = createHash('sha256').update(style).digest('base64')
      const policy = String(headers['content-security-policy']).split('; ')
      expect(policy.toSorted()).toEqual(
        [
          "default-src 'none'",
          `style-src 'sha256-${digest}'`,
          'img-src data:',
          "form-action 'self'",
          "base-uri 'none'",
          "frame-ancestors 'none'",
        ].toSorted(),
      )
      expect(headers).toMatchObject({
        'referrer-policy': 'no-referrer',
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
      })
      expect(text).not.toMatch(
        /<script|<iframe|<link(?! rel="icon" href="data:)|src=|url\(|style="|\bon\w+=/,
      )
    }
  })

  test('no token stays in a record of the request, or in a log', async () => {
    const { token } = await mailed(app, 'verify_email')
    expect((await app.request(`GET /verify-email?token=${token}`)).status).toBe(200)
    expect((await app.request('POST /verify-email', { form: { token } })).status).toBe(200)
    await quiet(app.app)
    const records = (await logOf(app.app)).map(({ type, data, metadata }) => ({
      type,
      data,
      metadata,
    }))
    const kept = JSON.stringify([records, logged])
    expect(kept).not.toContain(token)
    expect(kept).toContain('"route":"/verify-email"')
  })
})

const HOSTILE = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "'><svg/onload=alert(1)>",
  '</title></style><script>',
  '\u202e\u2066<b>',
]

describe('what comes from outside', () => {
  test.each(HOSTILE)('%s in a link is never markup', async (text) => {
    for (const path of ['verify-email', 'reset-password', 'invitation']) {
      const page = await app.request(
        `GET /${path}?token=${encodeURIComponent(text)}&${encodeURIComponent(text)}=1`,
      )
      expect(page.status).toBe(422)
      expect(page.text).not.toContain(text)
    }
    const code = await app.request(`GET /telegram?code=${encodeURIComponent(text)}`)
    expect([code.status, code.text.includes(text)]).toEqual([422, false])
  })

  test('a name and an address that people gave are shown as they are, and never as markup', async () => {
    const { token } = owner
    const name = HOSTILE.slice(0, 3).join(' ')
    const { body: org } = await app.request<{ id: string }>('POST /organizations', {
      token,
      body: { name },
    })
    const email = `"o'neill&co"+${freshEmail()}`.replaceAll('"', '').replaceAll('&', '')
    const here = { ...(await world()), owner: { ...owner, orgId: org.id } }
    await invited(here, email)
    const page = await app.request(`GET /invitation?token=${await invitationToken(here, email)}`)
    expect(page.status).toBe(200)
    for (const text of HOSTILE) expect(page.text).not.toContain(text)
    expect(page.text).toContain('&lt;script&gt;')
    expect(page.text).toContain(email.replaceAll("'", '&#39;'))
  })
})

describe('a form', () => {
  const verify = async (headers: Record<string, string>) => {
    const { token } = await mailed(app, 'verify_email')
    return (await app.request('POST /verify-email', { form: { token }, headers })).status
  }
  test('is taken from our own pages and from programs', async () => {
    const { publicUrl } = app.app.deps.settings
    expect(await verify({ 'sec-fetch-site': 'same-origin', origin: 'null' })).toBe(200)
    expect(await verify({ origin: new URL(publicUrl).origin })).toBe(200)
    expect(await verify({ origin: 'null' })).toBe(200)
    expect(await verify({})).toBe(200)
  })
  test('403 from other pages, also from our neighbours', async () => {
    expect(await verify({ 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' })).toBe(
      403,
    )
    expect(await verify({ 'sec-fetch-site': 'same-site' })).toBe(403)
    expect(await verify({ 'sec-fetch-site': 'cross-site', origin: 'null' })).toBe(403)
    expect(await verify({ origin: 'https://evil.example' })).toBe(403)
  })
  test('415 for JSON, and for a form where JSON is expected', async () => {
    const { token } = await mailed(app, 'verify_email')
    expect((await app.request('POST /verify-email', { body: { token } })).status).toBe(415)
    expect((await app.request('POST /auth/verify-email', { form: { token } })).status).toBe(415)
  })
  test('400 with a field twice, a field too many, a broken encoding, or none', async () => {
    const { token } = await mailed(app, 'verify_email')
    for (const payload of [
      `token=${token}&token=${token}`,
      `token=${token}&role=owner`,
      `token=${token}&__proto__=x`,
      'token=%ff',
      'token=%zz',
      'token=a%00b',
      'token=',
      '',
    ]) {
      const reply = await app.app.server.inject({
        method: 'POST',
        url: '/verify-email',
        headers: { 'content-type': 'application/x-www-form-urlencoded', 'accept-language': 'ru' },
        payload,
      })
      expect([payload, reply.statusCode]).toEqual([payload, 400])
      expect(reply.body).toContain('<html lang="ru">')
    }
  })
  test('413 when it is larger than any form of ours', async () => {
    const form = { token: 'x'.repeat(9_000) }
    expect((await app.request('POST /verify-email', { form })).status).toBe(413)
  })
  test('401 and 422 show the form again, with what is wrong', async () => {
    const reset = await mailed(app, 'reset_password')
    const send = (password: string, again: string) =>
      app.request('POST /reset-password', { form: { token: reset.token, password, again } })
    const { site, problems } = messagesFor(localeFrom('en'))
    const differ = await send(NEW_PASSWORD, PASSWORD)
    expect([differ.status, shown(differ)]).toEqual([
      422,
      expect.stringContaining(site.resetPassword.differ.title),
    ])
    const weak = await send('short', 'short')
    expect([weak.status, shown(weak)]).toEqual([
      422,
      expect.stringContaining(problems.password_unacceptable.title),
    ])
    expect(weak.text).not.toContain('short"')
    expect((await send(NEW_PASSWORD, NEW_PASSWORD)).status).toBe(200)
    expect((await send(NEW_PASSWORD, NEW_PASSWORD)).status).toBe(422)
  })
  test('of an invitation is for the address of the mail alone', async () => {
    const here = await world()
    const { email: other } = await newPerson(app)
    const email = freshEmail()
    await invited(here, email)
    const token = await invitationToken(here, email)
    // It tells of no other address whether it has an account.
    for (const address of [other, freshEmail()]) {
      const form = { token, email: address, password: PASSWORD, again: PASSWORD }
      const reply = await app.request('POST /register-invited', { form })
      expect([reply.status, heading(reply)]).toEqual([
        422,
        messagesFor('en').site.problems.invitation_unusable?.title,
      ])
    }
    expect((await app.request(`GET /invitation?token=${token}`)).status).toBe(200)
  })
})

test('a link that has expired says so when it is opened', async () => {
  const { token } = await mailed(app, 'reset_password')
  app.clock.advance(11 * 60_000)
  const page = await app.request(`GET /reset-password?token=${token}`)
  expect([page.status, page.text.includes('href="forgot-password"')]).toEqual([422, true])
})

describe('with a DASHBOARD_URL', () => {
  test('a page leads to the same path there, and no form is taken', async () => {
    const dashboardUrl = 'https://app.example.org/x'
    const other = await startTestApp({ DASHBOARD_URL: dashboardUrl })
    try {
      const opened = await other.request('GET /verify-email?token=a.b')
      expect([opened.status, opened.headers['location']]).toEqual([
        302,
        `${dashboardUrl}/verify-email?token=a.b`,
      ])
      expect(opened.headers['referrer-policy']).toBe('no-referrer')
      const sent = await other.request('POST /verify-email', { form: { token: 'a.b' } })
      expect(sent.status).toBe(404)
    } finally {
      await other.stop()
    }
  })
})

test('every page is in both tables: opened by a link, sent by a form', () => {
  const paths = (method: string) =>
    pages()
      .filter((one) => one.method === method)
      .map(({ path }) => path)
      .toSorted()
  expect(paths('GET')).toEqual([
    '/forgot-password',
    '/invitation',
    '/reset-password',
    '/telegram',
    '/verify-email',
    '/verify-email-again',
  ])
  for (const one of pages()) expect(one.refusalPage).toBeDefined()
  expect(paths('POST')).toContain('/register-invited')
})
