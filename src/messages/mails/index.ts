/** A mail's three texts, by its kind and the person's language. */
import type { MailKind } from '../../domain/mail/events.ts'
import { messagesFor } from '../index.ts'
import type { Facts } from '../messages.ts'
import { asHtml, asText } from './letter.ts'

export interface MailTexts {
  readonly locale: string
  readonly subject: string
  readonly text: string
  readonly html: string
}

export function mailTexts(kind: MailKind, locale: string, facts: Facts): MailTexts {
  const messages = messagesFor(locale)
  const { subject, body } = messages.mail[kind]
  const blocks = body(facts)
  return {
    locale: messages.locale,
    subject,
    text: asText(blocks),
    html: asHtml(subject, messages.locale, blocks),
  }
}
