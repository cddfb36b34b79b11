// Guarantee: the built-in pages do in a real browser what their links promise, in both languages, with and without scripts, for everybody, and give their secrets to nobody.
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../support/app.ts'
import {
  type Browser,
  noBrowser,
  openBrowser,
  type Page,
  type PageOptions,
} from '../support/browser.ts'
import { fund } from '../support/funded.ts'
import { eventually, freshEmail, newPerson, PASSWORD, register } from '../support/people.ts'
import { readMail } from '../support/read-mail.ts'
import { BOT_TOKEN, query, TELEGRAM, telegramLogin } from '../support/telegram-login.ts'
import { startTelegram } from '../support/telegram/server.ts'
import { focusIsSeen, lacks } from './accessible.ts'

const NEW_PASSWORD = 'another mule battery 71'
/** Where somebody may look at what was seen. */
const SHOTS = join(tmpdir(), 'daybook-pages')

let app: TestApp
let browser: Browser
let base: string
let bot: Awaited<ReturnType<typeof startTelegram>>

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Stands in for Telegram's script: a button that leads where the page says, with what Telegram signed. */
const widget = (signed: string): string => `{
  const { telegramLogin, authUrl } = document.currentScript.dataset
  const link = document.createElement('a')
  Object.assign(link, { id: 'widget', innerText: telegramLogin, href: authUrl + '&' + ${JSON.stringify(signed)} })
  document.currentScript.after(link)
}`

/** Each with its look: a language, a width, light or dark, with and without scripts. */
const LOOKS: Readonly<Record<string, PageOptions>> = {
  en: { language: 'en' },
  ru: { language: 'ru', javascript: false, width: 320, dark: true },
}

describe.skipIf(noBrowser)(noBrowser ?? 'in Chromium', () => {
  beforeAll(async () => {
    await mkdir(SHOTS, { recursive: true })
    ;[bot, browser] = await Promise.all([startTelegram({ token: BOT_TOKEN }), openBrowser()])
    const port = await freePort()
    base = `http://127.0.0.1:${port}`
    app = await startTestApp({ ...TELEGRAM, TELEGRAM_API_URL: bot.url, PUBLIC_URL: base })
    await app.app.server.listen({ host: '127.0.0.1', port })
  }, 60_000)
  afterAll(async () => {
    await browser.close()
    await app.stop()
    await bot.close()
  })

  /** The link of the last mail to somebody, out of the file that it was sent as. */
  async function linkMailedTo(email: string, page: string): Promise<string> {
    const folder = join(app.dataDir, 'mail')
    const link = await eventually(async () => {
      for (const name of await readdir(folder).catch(() => [])) {
        if (!name.endsWith('.eml')) continue
        const { headers, text } = readMail(await readFile(join(folder, name), 'utf8'))
        const found = /https?:\/\/\S+/.exec(text)?.[0]
        if (headers['to']?.includes(email) && found?.includes(`/${page}?`)) return found
      }
      return undefined
    })
    return link
  }

  async function opened(look: string, url: string, status = 200): Promise<Page> {
    const page = await browser.page(LOOKS[look])
    expect(await page.open(url)).toBe(status)
    return page
  }

  /** Nothing is missing, and nothing went anywhere. */
  async function expectWell(page: Page, name: string): Promise<void> {
    await page.screenshot(join(SHOTS, `${name}.png`))
    expect({ name, lacks: await page.look(lacks) }).toEqual({ name, lacks: [] })
    expect(page.complaints).toEqual([])
    expect(
      page.requested.filter((url) => !url.startsWith(base) && !url.startsWith('data:')),
    ).toEqual([])
    expect(page.referers).toEqual([])
  }

  async function registered(locale: string): Promise<string> {
    const email = freshEmail()
    await app.request('POST /auth/register', { body: { email, password: PASSWORD, locale } })
    return email
  }

  const isVerified = async (email: string) => {
    const { body } = await app.request<{ user: { email_verified: boolean } }>('POST /auth/login', {
      body: { email, password: PASSWORD },
    })
    return body.user.email_verified
  }

  describe.each(['en', 'ru'])('in %s', (locale) => {
    const said = (en: string, ru: string) => (locale === 'ru' ? ru : en)
    /** The mail's language wins over the browser's, which is the other one here. */
    const other = locale === 'en' ? 'ru' : 'en'

    test('an address is verified by the link of the mail, and by its button alone', async () => {
      const email = await registered(locale)
      const link = await linkMailedTo(email, 'verify-email')
      const page = await opened(other, link)
      expect(await page.text()).toContain(email)
      expect(await page.text()).toContain(said('Confirm the address', 'Подтвердить адрес'))
      await expectWell(page, `verify-${locale}`)
      expect(await isVerified(email)).toBe(false)
      expect(await page.click('button')).toBe(200)
      expect(await page.text()).toContain(said('is confirmed', 'подтверждён'))
      await expectWell(page, `verified-${locale}`)
      expect(await isVerified(email)).toBe(true)
      await page.close()
    })

    test('a link that verifies and is over leads to a new one', async () => {
      const email = await registered(locale)
      const over = `${base}/verify-email?token=${'0'.repeat(40)}`
      const page = await opened(locale, over, 422)
      expect(await page.look('document.querySelector("a").href')).toBe(`${base}/verify-email-again`)
      await expectWell(page, `verify-over-${locale}`)
      expect(await page.open(`${base}/verify-email-again`)).toBe(200)
      await page.type('#email', email)
      await expectWell(page, `verify-again-${locale}`)
      expect(await page.click('button')).toBe(200)
      expect(await page.text()).toContain(said('Check your mail', 'Проверьте почту'))
      await expectWell(page, `verify-asked-${locale}`)
      await page.close()
    })

    test('a password is chosen, twice the same and good enough', async () => {
      const email = await registered(locale)
      const form = await opened(locale, `${base}/forgot-password`)
      await form.type('#email', email)
      await expectWell(form, `forgot-${locale}`)
      expect(await form.click('button')).toBe(200)
      await expectWell(form, `forgotten-${locale}`)
      await form.close()
      const link = await linkMailedTo(email, 'reset-password')
      const page = await opened(locale, link)
      const send = async (password: string, again: string) => {
        await page.type('#new', password)
        await page.type('#again', again)
        return page.click('button')
      }
      await page.type('#new', '')
      expect(await page.look(focusIsSeen)).toBe(true)
      await expectWell(page, `reset-${locale}`)
      expect(await send(NEW_PASSWORD, `${NEW_PASSWORD}!`)).toBe(422)
      await expectWell(page, `reset-differ-${locale}`)
      expect(await send('password password', 'password password')).toBe(422)
      await expectWell(page, `reset-weak-${locale}`)
      expect(await send(NEW_PASSWORD, NEW_PASSWORD)).toBe(200)
      await expectWell(page, `reset-done-${locale}`)
      const login = { email, password: NEW_PASSWORD }
      expect((await app.request('POST /auth/login', { body: login })).status).toBe(200)
      expect(await page.open(link)).toBe(422)
      expect(await page.look('document.querySelector("a").href')).toBe(`${base}/forgot-password`)
      await expectWell(page, `reset-over-${locale}`)
      await page.close()
    })

    test('an invitation is accepted with an account and without one', async () => {
      const owner = await fund(app)
      const { body: org } = await app.request<{ id: string }>('POST /organizations', {
        token: owner.token,
        body: { name: 'Loom & <b>Sons</b>' },
      })
      const invite = (email: string) =>
        app.request(`POST /organizations/${org.id}/invitations`, {
          token: owner.token,
          body: { email, role: 'member' },
          headers: { 'accept-language': locale },
        })
      const { email: known } = await newPerson(app)
      await app.settled()
      await invite(known)
      const page = await opened(locale, await linkMailedTo(known, 'invitation'))
      expect(await page.text()).toContain('Loom & <b>Sons</b>')
      await expectWell(page, `invitation-${locale}`)
      await page.type('#password', 'not the password 17')
      expect(await page.click('form[action=invitation] button')).toBe(401)
      await expectWell(page, `invitation-wrong-${locale}`)
      await page.type('#password', PASSWORD)
      expect(await page.click('form[action=invitation] button')).toBe(200)
      await expectWell(page, `invitation-joined-${locale}`)
      await page.close()

      const fresh = freshEmail()
      await invite(fresh)
      const newcomer = await opened(locale, await linkMailedTo(fresh, 'invitation'))
      await newcomer.type('#new', NEW_PASSWORD)
      await newcomer.type('#again', NEW_PASSWORD)
      expect(await newcomer.click('form[action=register-invited] button')).toBe(200)
      await expectWell(newcomer, `invitation-newcomer-${locale}`)
      await newcomer.close()
      const members = async () => {
        const login = { email: fresh, password: NEW_PASSWORD }
        const { body } = await app.request<{ access_token: string }>('POST /auth/login', {
          body: login,
        })
        return app.request<{ items: { id: string }[] }>('GET /organizations', {
          token: body.access_token,
        })
      }
      expect((await members()).body.items.map(({ id }) => id)).toContain(org.id)
    })

    test('a sign-in by Telegram begins at its button and ends on a page that says who it is', async () => {
      const login = telegramLogin(app)
      const page = await browser.page({
        ...LOOKS[locale],
        // The button is a script of Telegram's.
        javascript: true,
        elsewhere: { 'https://telegram.org/js/telegram-widget.js': widget(query(login)) },
      })
      expect(await page.open(`${base}/auth/telegram/start`)).toBe(200)
      expect(await page.look(`document.querySelector('#widget').innerText`)).toBe(bot.username)
      await page.screenshot(join(SHOTS, `telegram-start-${locale}.png`))
      expect(page.complaints).toEqual([])
      expect(page.referers.every((one) => one === `${base}/`)).toBe(true)
      expect(await page.click('#widget')).toBe(200)
      expect(await page.text()).toContain(`@${login['username']}`)
      await page.close()

      const leads = await app.request(`GET /auth/telegram/callback?${query(telegramLogin(app))}`, {
        headers: { 'accept-language': locale },
      })
      const { pathname, search } = new URL(String(leads.headers['location']))
      const end = await opened(other, `${base}${pathname}${search}`)
      await expectWell(end, `telegram-${locale}`)
      expect(await end.click('button')).toBe(200)
      await expectWell(end, `telegram-done-${locale}`)
      const token = await end.look<string>('document.querySelector("#access").value')
      expect((await app.request('GET /me', { token })).status).toBe(200)
      await end.close()
      const late = await opened(locale, `${base}${pathname}?code=${'0'.repeat(50)}`, 422)
      await expectWell(late, `telegram-over-${locale}`)
      await late.close()
    })

    test('a link that is cut off, over or made up says so', async () => {
      for (const [name, path, status] of [
        ['cut', '/verify-email', 400],
        ['made-up', '/invitation?token=<script>alert(1)</script>', 422],
      ] as const) {
        const page = await opened(locale, `${base}${path}`, status)
        await expectWell(page, `${name}-${locale}`)
        await page.close()
      }
    })
  })

  test('a form on somebody else’s page is not taken', async () => {
    const email = await register(app)
    const token = new URL(await linkMailedTo(email, 'verify-email')).searchParams.get('token')
    const page = await browser.page({
      elsewhere: {
        'http://elsewhere.example/': `<form method="post" action="${base}/verify-email"><input name="token" value="${token}"><button>Win</button></form>`,
      },
    })
    await page.open('http://elsewhere.example/')
    expect(await page.click('button')).toBe(403)
    await page.screenshot(join(SHOTS, 'elsewhere.png'))
    expect(await isVerified(email)).toBe(false)
    await page.close()
  })
})
