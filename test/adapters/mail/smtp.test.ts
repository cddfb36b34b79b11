// A mail server gets whole mails, each with a Message-ID of its own that a repeat keeps; a final no is told from a passing one, nothing waits for ever, and no header can be added from outside.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createMailFolder } from '../../../src/adapters/mail/folder.ts'
import { messageOf, senderOf } from '../../../src/adapters/mail/message.ts'
import { createSmtpMailer, refusalOf, serverOf } from '../../../src/adapters/mail/smtp.ts'
import { MailRejected, type Mailer, type OutgoingMail } from '../../../src/ports/mailer.ts'
import { Unavailable } from '../../../src/ports/unavailable.ts'
import { readMail } from '../../support/read-mail.ts'
import { silent } from '../../support/silent.ts'
import { type SmtpServer, startSmtp } from '../../support/smtp.ts'

const FROM = 'Daybook <daybook@example.org>'
const mail: OutgoingMail = {
  id: 'mai_01hzyxw0000000000000000000',
  to: 'ada@example.com',
  locale: 'ru',
  subject: 'Подтвердите ваш адрес, пожалуйста, как можно скорее: он нужен для учётной записи',
  text: '.dot first\nПривет, это письмо — не пустое.\nFrom the first line on\n',
  html: '<p>Привет &amp; <b>пока</b></p>',
  at: '2030-01-31T10:11:12.131Z',
  link: 'https://example.org/verify-email?token=abc',
}
const never = new AbortController().signal

let server: SmtpServer
let mailer: Mailer
beforeEach(async () => {
  server = await startSmtp()
  mailer = createSmtpMailer({ url: server.url, from: FROM, sentWithinMs: 2_000 })
})
afterEach(async () => {
  await mailer.close()
  await server.close()
})
const send = (change: Partial<OutgoingMail> = {}) => mailer.send({ ...mail, ...change }, never)

describe('a mail', () => {
  test('arrives whole, and a mail program reads it', async () => {
    await send()
    const [got] = server.mails
    expect(got).toMatchObject({ to: ['<ada@example.com>'] })
    expect(got?.from).toMatch(/^<daybook@example\.org>/)
    const { headers, names, text, html } = readMail(got?.raw ?? '')
    expect(headers).toMatchObject({
      from: FROM,
      to: 'ada@example.com',
      subject: mail.subject,
      'message-id': `<${mail.id}@example.org>`,
      date: 'Thu, 31 Jan 2030 10:11:12 +0000',
      'auto-submitted': 'auto-generated',
      'content-language': 'ru',
      'mime-version': '1.0',
    })
    expect(new Set(names).size).toBe(names.length)
    expect(text.replaceAll('\r\n', '\n')).toBe(mail.text)
    expect(html.trim()).toBe(mail.html)
    for (const line of got?.raw.split('\r\n') ?? []) expect(line.length).toBeLessThanOrEqual(998)
  })

  test('is the same bytes again, and another by another id', async () => {
    await send()
    await send()
    await send({ id: 'mai_01hzyxw0000000000000000001' })
    const [first, again, other] = server.mails
    expect(again?.raw).toBe(first?.raw)
    expect(other?.raw).not.toBe(first?.raw)
  })

  const python = spawnSync('python3', ['--version']).status === 0
  test.runIf(python)('is read alike by the reader of another language', async () => {
    const { bytes } = await messageOf(mail, senderOf(FROM))
    const script = [
      'import sys, json, email, email.policy',
      'm = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)',
      'get = lambda kind: m.get_body((kind,)).get_content()',
      'print(json.dumps({"subject": m["subject"], "id": m["message-id"], "to": m["to"],',
      '  "text": get("plain"), "html": get("html"), "defects": len(m.defects)}))',
    ].join('\n')
    const { stdout } = spawnSync('python3', ['-c', script], { input: bytes, encoding: 'utf8' })
    const read = JSON.parse(stdout) as Record<string, string>
    expect(read).toMatchObject({ subject: mail.subject, to: mail.to, defects: 0 })
    expect(read['text']?.replaceAll('\r\n', '\n')).toBe(mail.text)
    expect(read['html']?.trim()).toBe(mail.html)
  })
})

describe('what would be a header of its own', () => {
  const injected = [
    'ada@example.com\r\nBcc: eve@example.com',
    'ada@example.com\nBcc: eve@example.com',
    'ada@example.com\u2028Bcc: eve@example.com',
    'ada@example.com, eve@example.com',
    'ada@example.com> RCPT TO:<eve@example.com',
    '"ada\r\n"@example.com',
    'Ada <ada@example.com>',
    'ada@example.com\0',
    'ада@example.com',
    `${'a'.repeat(250)}@example.com`,
    '',
  ]
  test.each(injected)('%j is no recipient', async (to) => {
    await expect(send({ to })).rejects.toBeInstanceOf(MailRejected)
    expect(server.commands).toEqual([])
  })
  test.each(['subject', 'id', 'locale'] as const)('nothing gets in by the %s', async (field) => {
    for (const line of ['\r\nBcc: eve@example.com', '\nX: y', '\r', '\u2029', '\0'])
      await expect(send({ [field]: `x${line}` })).rejects.toBeInstanceOf(MailRejected)
    expect(server.commands).toEqual([])
  })
  test.each(['nobody', 'a@b\r\nBcc: c@d', 'X\r\nY <a@example.org>', '<>', 'A <a@b> B'])(
    '%j is no sender',
    (from) => {
      expect(() => createSmtpMailer({ url: server.url, from })).toThrow(/MAIL_FROM/)
    },
  )
})

describe('a server', () => {
  test.each([
    { at: 'RCPT', say: '550 5.1.1 <ada@example.com> is unknown' },
    { at: 'RCPT', say: '553 5.1.3 ada@example.com: bad' },
    { at: 'DATA', say: '554 5.7.1 no' },
    { at: 'END', say: '554 5.7.1 spam for ada@example.com' },
  ] as const)('that says a final no ($at $say) has said it', async (misdeed) => {
    server.next(misdeed)
    const failed = await send().catch((error: unknown) => error)
    expect(failed).toBeInstanceOf(MailRejected)
    // Servers repeat addresses; ours go into logs.
    expect((failed as Error).message).not.toContain('ada@')
    await send()
    expect(server.mails).toHaveLength(1)
  })

  test.each([
    { at: 'CONNECT', say: '554 5.3.2 no service' },
    { at: 'CONNECT', say: 'drop' },
    { at: 'MAIL', say: '550 5.7.1 daybook@example.org may not send' },
    { at: 'MAIL', say: '451 4.3.0 later' },
    { at: 'RCPT', say: '450 4.2.1 greylisted, ada@example.com' },
    { at: 'DATA', say: '421 4.3.2 closing' },
    { at: 'END', say: '452 4.3.1 full' },
  ] as const)('that cannot now ($at $say) is asked again', async (misdeed) => {
    server.always(misdeed)
    const failed = await send().catch((error: unknown) => error)
    expect(failed).toBeInstanceOf(Unavailable)
    expect(String((failed as Error).cause)).not.toMatch(/ada@|daybook@/)
    server.always(undefined)
    await send()
    expect(server.mails).toHaveLength(1)
  })

  test.each(['CONNECT', 'EHLO', 'RCPT', 'END'] as const)(
    'that is silent at %s is left',
    async (at) => {
      mailer = createSmtpMailer({ url: server.url, from: FROM, sentWithinMs: 100 })
      server.next({ at, say: 'silence' })
      await expect(send()).rejects.toBeInstanceOf(Unavailable)
    },
  )

  test('whose answer is lost gets the same mail again, to be told apart by nobody', async () => {
    server.next({ at: 'END', say: 'drop' })
    await expect(send()).rejects.toBeInstanceOf(Unavailable)
    await send()
    const ids = server.mails.map(({ raw }) => readMail(raw).headers['message-id'])
    expect(server.mails).toHaveLength(2)
    expect(new Set(ids).size).toBe(1)
  })

  test('that is not there is away', async () => {
    await server.close()
    await expect(send()).rejects.toBeInstanceOf(Unavailable)
    server = await startSmtp()
  })

  test('whose password is wrong refuses no mail', async () => {
    const url = server.url.replace('//', '//user:p%40ss@')
    mailer = createSmtpMailer({ url, from: FROM, sentWithinMs: 2_000 })
    server.next({ at: 'AUTH', say: '535 5.7.8 no' })
    await expect(send()).rejects.toBeInstanceOf(Unavailable)
    await send()
    const plain = Buffer.from('\0user\0p@ss').toString('base64')
    expect(server.commands).toContain(`AUTH PLAIN ${plain}`)
  })

  test('beyond this machine that has no TLS hears no password and no mail', async () => {
    // Another name of this machine, which nobody knows for it.
    const url = `smtp://user:secret@0.0.0.0:${server.port}`
    mailer = createSmtpMailer({ url, from: FROM, sentWithinMs: 2_000 })
    await expect(send()).rejects.toBeInstanceOf(Unavailable)
    expect(server.commands.filter((line) => !/^(EHLO|STARTTLS|QUIT)/.test(line))).toEqual([])
  })

  test('has an address that says how it is asked', () => {
    const near = { ignoreTLS: true }
    expect(serverOf('smtp://localhost')).toMatchObject({ port: 587, secure: false, ...near })
    expect(serverOf('smtp://[::1]:25')).toMatchObject({ host: '::1', port: 25, ...near })
    const far = { port: 2525, secure: false, requireTLS: true }
    expect(serverOf('smtp://mail.example.org:2525')).toMatchObject(far)
    expect(serverOf('smtps://u:p@mail.example.org')).toEqual({
      host: 'mail.example.org',
      port: 465,
      secure: true,
      auth: { user: 'u', pass: 'p' },
    })
    for (const wrong of [
      'smtp://',
      'http://x',
      'smtp://x?tls.rejectUnauthorized=false',
      'smtp://x/y',
    ])
      expect(() => serverOf(wrong)).toThrow(/MAIL_URL/)
  })

  test('is quoted by its codes alone', () => {
    const response = '550-5.1.1 ada@example.com is not here'
    const no = refusalOf({ code: 'EENVELOPE', command: 'RCPT TO', responseCode: 550, response })
    expect(no).toBeInstanceOf(MailRejected)
    expect(no.message).toBe('EENVELOPE RCPT 550 5.1.1')
  })
})

describe('a folder', () => {
  let directory: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'daybook-mail-'))
  })
  afterEach(() => rmSync(directory, { recursive: true, force: true }))
  const lines: object[] = []
  const logger = { ...silent, info: (fields: object) => lines.push(fields) }
  const folder = (to: string, linksInLog = false) =>
    createMailFolder({ directory: to, from: FROM, logger, linksInLog })

  test('keeps each mail as one file, for its owner alone', async () => {
    const inside = join(directory, 'mail')
    for (const _ of [1, 2]) await folder(inside).send(mail, never)
    expect(readdirSync(inside)).toEqual([`${mail.id}.eml`])
    const file = join(inside, `${mail.id}.eml`)
    expect([statSync(file).mode & 0o777, statSync(inside).mode & 0o777]).toEqual([0o600, 0o700])
    expect(readMail(readFileSync(file, 'utf8')).headers['to']).toBe(mail.to)
    expect(lines).toEqual([])
  })
  test('prints links where it is told to', async () => {
    await folder(directory, true).send(mail, never)
    await folder(directory, true).send({ ...mail, link: undefined }, never)
    expect(lines).toMatchObject([{ mailId: mail.id, link: mail.link }])
  })
  test('that cannot be written to is away', async () => {
    writeFileSync(join(directory, 'file'), '')
    const sent = folder(join(directory, 'file')).send(mail, never)
    await expect(sent).rejects.toBeInstanceOf(Unavailable)
  })
  test('takes no mail that a server would not', async () => {
    const sent = folder(directory).send(
      { ...mail, to: 'a@example.com\r\nBcc: b@example.com' },
      never,
    )
    await expect(sent).rejects.toBeInstanceOf(MailRejected)
    expect(readdirSync(directory)).toEqual([])
  })
})
