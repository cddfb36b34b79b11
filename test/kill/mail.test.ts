// A server killed anywhere between a wish to write and the record that it was sent: the person gets the mail, at most twice under one Message-ID, and the log has one intent with one end.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { effectsOf, logOf, openApp, quiet } from '../support/crash-data.ts'
import type { CrashPoint } from '../support/crash-server.ts'
import { readMail } from '../support/read-mail.ts'
import { ask, crashServers } from '../support/servers.ts'
import { startSmtp } from '../support/smtp.ts'
import { after, before, NEW_EMAIL, NEW_PASSWORD } from './flow.ts'

let servers: ReturnType<typeof crashServers>
beforeAll(() => {
  servers = crashServers()
})
afterAll(() => servers.close())

/** Where the server dies, and how often the person finds the mail. */
const points: readonly (readonly [string, CrashPoint, number])[] = [
  ['before it is asked for', before('MailRequested'), 1],
  ['after it was asked for', after('MailRequested'), 1],
  ['before it is handed over', { at: 'mail', when: 'before' }, 1],
  ['after it was handed over', { at: 'mail', when: 'after' }, 2],
  ['before it is written down as sent', before('MailSent'), 2],
  ['after it was written down as sent', after('MailSent'), 1],
]

test.each(points)('%s', async (_name, point, found) => {
  const smtp = await startSmtp()
  const DATA_DIR = await mkdtemp(join(tmpdir(), 'daybook-kill-mail-'))
  onTestFinished(async () => {
    await smtp.close()
    await rm(DATA_DIR, { recursive: true, force: true })
  })
  const environment = {
    DATA_DIR,
    PORT: '0',
    METRICS_PORT: '0',
    LOG_LEVEL: 'silent',
    PRACTICE_MODEL: 'on',
    MAIL_URL: smtp.url,
    MAIL_FROM: 'daybook@example.org',
  }
  const server = await servers.start({ environment, point })
  const body = { email: NEW_EMAIL, password: NEW_PASSWORD }
  await ask(server.url ?? '', { line: 'POST /auth/register', body })
  expect(await server.died).toEqual({ reached: true })

  const app = await openApp(environment)
  try {
    await quiet(app)
    const { MailRequested, MailSent, MailFailed } = effectsOf(await logOf(app))
    expect({ MailRequested, MailSent, MailFailed }).toEqual({ MailRequested: 1, MailSent: 1 })
  } finally {
    await app.stop()
  }
  const mails = smtp.mails.map(({ raw, to }) => ({ to, id: readMail(raw).headers['message-id'] }))
  expect(mails).toHaveLength(found)
  expect(new Set(mails.map(({ id }) => id)).size).toBe(1)
  expect(mails[0]?.to).toEqual([`<${NEW_EMAIL}>`])
})
