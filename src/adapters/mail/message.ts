/**
 * The bytes of a mail (RFC 5322, MIME). The same mail is the same bytes, whenever it is made. Nothing that
 * a person wrote gets into a header but the one address, and that must be an address and nothing more.
 */
import { MailRejected, type OutgoingMail } from '../../ports/mailer.ts'

/** No white space, control character or sign with a meaning in a header (RFC 5322, 3.2.3). */
const ADDRESS = /^[^\s\p{Cc}<>()[\]\\,;:@"]{1,64}@[a-z0-9](?:[a-z0-9.-]{0,250}[a-z0-9])?$/iu
const ASCII = /^[\x21-\x7e]+$/
const LINE = /^[^\p{Cc}\p{Zl}\p{Zp}]{1,200}$/u
const MAX_ADDRESS = 254

export interface Sender {
  readonly name: string
  readonly address: string
}

const isAddress = (text: string): boolean =>
  text.length <= MAX_ADDRESS && ADDRESS.test(text) && ASCII.test(text)

/** `Name <address>` or an address. @throws where it is neither */
export function senderOf(text: string): Sender {
  const found = /^(?<name>[^<>]*)<(?<address>[^<>]+)>$/u.exec(text.trim())
  const address = found?.groups?.['address'] ?? text.trim()
  const name = found?.groups?.['name']?.trim().replace(/^"(.*)"$/, '$1') ?? ''
  if (!isAddress(address) || (name !== '' && !LINE.test(name)))
    throw new Error(
      'MAIL_FROM: an address, or a name and an address as in Daybook <mail@example.com>',
    )
  return { name, address }
}

export interface Message {
  readonly envelope: { readonly from: string; readonly to: string }
  readonly bytes: Uint8Array
}

/** @throws MailRejected for an address that is none, or a header of more than one line */
export async function messageOf(mail: OutgoingMail, from: Sender): Promise<Message> {
  if (!isAddress(mail.to))
    throw new MailRejected('the recipient is no address that can be written to')
  for (const header of [mail.subject, mail.id, mail.locale])
    if (!LINE.test(header)) throw new MailRejected('a header is not one line')
  // Loaded by whoever sends: most processes and commands never do.
  const { default: MailComposer } = await import('nodemailer/lib/mail-composer')
  const composer = new MailComposer({
    from,
    to: { name: '', address: mail.to },
    subject: mail.subject,
    text: mail.text,
    html: mail.html,
    messageId: `<${mail.id}@${from.address.slice(from.address.lastIndexOf('@') + 1)}>`,
    date: new Date(mail.at),
    headers: {
      // RFC 3834: no automatic answer is wanted.
      'Auto-Submitted': 'auto-generated',
      'X-Auto-Response-Suppress': 'All',
      'Content-Language': mail.locale,
    },
    baseBoundary: mail.id,
    newline: 'windows',
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  const bytes = await composer.compile().build()
  return { envelope: { from: from.address, to: mail.to }, bytes }
}
