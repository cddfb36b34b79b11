/** Kills a server between a wish to write a mail and the record that it was sent, on either engine. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { effectsOf, logOf, quiet } from '../support/crash-data.ts'
import type { CrashPoint } from '../support/crash-server.ts'
import type { KillEngine } from '../support/kill-engines.ts'
import { readMail } from '../support/read-mail.ts'
import { ask, crashServers } from '../support/servers.ts'
import { startSmtp } from '../support/smtp.ts'
import { after, before, NEW_EMAIL, NEW_PASSWORD } from './flow.ts'

type Servers = ReturnType<typeof crashServers>

/** Where the server dies, and how often the person finds the mail. */
const points: readonly (readonly [string, CrashPoint, number])[] = [
  ['before it is asked for', before('MailRequested'), 1],
  ['after it was asked for', after('MailRequested'), 1],
  ['before it is handed over', { at: 'mail', when: 'before' }, 1],
  ['after it was handed over', { at: 'mail', when: 'after' }, 2],
  ['before it is written down as sent', before('MailSent'), 2],
  ['after it was written down as sent', after('MailSent'), 1],
]

/** Declares the tests. */
export function killMails(engine: KillEngine): void {
  let servers: Servers
  beforeAll(() => {
    servers = crashServers(engine.name)
  })
  afterAll(() => servers.close())
  describe('a mail', engine.suite, () => {
    test.each(points)('%s', async (_name, point, found) => killAt(engine, servers, point, found))
  })
}

async function killAt(engine: KillEngine, servers: Servers, point: CrashPoint, found: number) {
  const site = await engine.empty()
  const smtp = await startSmtp()
  try {
    const environment = {
      ...site.environment,
      PRACTICE_MODEL: 'on',
      MAIL_URL: smtp.url,
      MAIL_FROM: 'daybook@example.org',
    }
    const server = await servers.start({ environment, point })
    const body = { email: NEW_EMAIL, password: NEW_PASSWORD }
    await ask(server.url ?? '', { line: 'POST /auth/register', body })
    expect(await server.died).toEqual({ reached: true })

    const app = await engine.open(environment)
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
  } finally {
    await smtp.close()
    await site.remove()
  }
}
