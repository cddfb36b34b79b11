/**
 * Mails by SMTP. Beyond this machine nothing is said without TLS, and everything has its time. A lost
 * answer counts as not taken: a mail may arrive twice, with one Message-ID. What servers say is never
 * passed on, since they repeat addresses: only codes are.
 */
import type { Transporter } from 'nodemailer'
import { MailRejected, type Mailer } from '../../ports/mailer.ts'
import { Unavailable } from '../../ports/unavailable.ts'
import { messageOf, senderOf } from './message.ts'

const CONNECT_WITHIN_MS = 10_000
/** Longest silence of the server. */
const ANSWER_WITHIN_MS = 20_000
/** One mail, from the queue of the pool to the server's last word. */
const SENT_WITHIN_MS = 30_000
const CONNECTIONS = 4
const MAILS_PER_CONNECTION = 100
/** A server closes idle connections soon. */
const IDLE_MS = 20_000

export interface SmtpOptions {
  readonly url: string
  readonly from: string
  readonly sentWithinMs?: number
}

export function createSmtpMailer({ url, from, sentWithinMs }: SmtpOptions): Mailer {
  const sender = senderOf(from)
  const options = serverOf(url)
  let pool: Promise<Transporter> | undefined
  const connect = async (): Promise<Transporter> => {
    const { createTransport } = await import('nodemailer')
    return createTransport({
      ...options,
      pool: true,
      maxConnections: CONNECTIONS,
      maxMessages: MAILS_PER_CONNECTION,
      idleTimeout: IDLE_MS,
      // A connection that the server closed while nobody used it.
      maxRequeues: 1,
      connectionTimeout: CONNECT_WITHIN_MS,
      dnsTimeout: CONNECT_WITHIN_MS,
      greetingTimeout: CONNECT_WITHIN_MS,
      socketTimeout: ANSWER_WITHIN_MS,
      disableFileAccess: true,
      disableUrlAccess: true,
    })
  }
  return {
    async send(mail, signal) {
      const { envelope, bytes } = await messageOf(mail, sender)
      const until = AbortSignal.any([signal, AbortSignal.timeout(sentWithinMs ?? SENT_WITHIN_MS)])
      const transport = await (pool ??= connect())
      try {
        const raw = Buffer.from(bytes)
        await transport.sendMail({
          envelope: { ...envelope, to: [envelope.to] },
          raw,
          signal: until,
        })
      } catch (error) {
        throw refusalOf(error)
      }
    },
    async close() {
      const transport = await pool
      transport?.close()
    },
  }
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host)

/** @throws where it is not smtp:// or smtps:// with a host and nothing after the port */
export function serverOf(url: string) {
  const at = URL.canParse(url) ? new URL(url) : undefined
  const known = at?.protocol === 'smtp:' || at?.protocol === 'smtps:'
  const whole = at && at.hostname !== '' && /^\/?$/.test(at.pathname + at.search + at.hash)
  if (!at || !known || !whole)
    throw new Error('MAIL_URL: smtp://user:password@host:587 or smtps://host:465')
  const secure = at.protocol === 'smtps:'
  const port = at.port === '' ? (secure ? 465 : 587) : Number(at.port)
  const near = isLoopback(at.hostname)
  const auth = { user: decodeURIComponent(at.username), pass: decodeURIComponent(at.password) }
  return {
    host: at.hostname.replace(/^\[(.*)\]$/, '$1'),
    port,
    secure,
    // On this machine nobody listens in; elsewhere a server without STARTTLS gets no mail.
    ...(secure ? {} : near ? { ignoreTLS: true } : { requireTLS: true }),
    ...(at.username === '' ? {} : { auth }),
  }
}

/** What nodemailer says of a failure. */
interface SmtpFailure {
  readonly code?: string
  readonly command?: string
  readonly responseCode?: number
  readonly response?: string
}

/**
 * A final no to this recipient or this text is the mail's; any other failure (a password, the sender, the
 * connection, a no for now) is the server's or the operator's, and passes.
 */
export function refusalOf(error: unknown): MailRejected | Unavailable {
  const { code, command, responseCode, response } = error as SmtpFailure
  const enhanced = /^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})\b/.exec(response ?? '')?.[1]
  const parts = [code, command?.replace(/ .*/, ''), responseCode, enhanced]
  const said = parts.filter((part) => part !== undefined).join(' ') || 'no answer'
  const final = responseCode !== undefined && responseCode >= 500 && responseCode < 600
  if (final && (command === 'RCPT TO' || command === 'DATA')) return new MailRejected(said)
  return new Unavailable('mail server', new Error(said))
}
