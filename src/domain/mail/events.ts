/**
 * What is written about a mail: the stored contract. The address and what the text names are personal;
 * a token is here only as its SHA-256. The text itself is made from the kind and the locale when sent.
 */
import { z } from 'zod'
import { event, type EventsOf } from '../event.ts'
import { idField, instant } from '../ids.ts'
import { clear, NOBODY, personal, shownTo } from '../personal.ts'
import { localeText } from '../user/email.ts'

export const mailKinds = [
  /** A link that proves the address. */
  'verify_email',
  /** A link to a new password. */
  'reset_password',
  /** A link to join an organization. */
  'invitation',
  /** Somebody asked for an account with your address. */
  'registration_attempted',
  /** To the old address: it is no longer yours here. */
  'email_changed',
  'password_changed',
  /** A refresh token was used twice; the session was ended. */
  'session_replayed',
  /** A budget of the organization has reached a threshold. */
  'budget_threshold',
  /** The payment for a plan did not come; to owners and admins. */
  'payment_failed',
  /** Money of a payment goes back, and its credit with it; to owners and admins. */
  'payment_returned',
  'telegram_linked',
  'telegram_unlinked',
] as const
export const mailKindSchema = z.enum(mailKinds)
export type MailKind = z.output<typeof mailKindSchema>

const mailId = idField('mail')

export const mailEvents = {
  MailRequested: event('One mail is to be sent, once.', {
    mailId,
    kind: clear(mailKindSchema),
    /** Whose key seals the address: a user, or an invitation of somebody who is none yet. */
    subjectId: clear(z.string().regex(/^(usr|ivt)_/)),
    recipient: personal(z.string(), 'subjectId'),
    /** What the text names besides, such as an organization's name. */
    facts: personal(z.record(z.string(), z.string()), 'subjectId').optional(),
    locale: clear(localeText),
    /** SHA-256 (hex) of the token in the link. */
    tokenHash: shownTo(NOBODY, clear(z.string().regex(/^[0-9a-f]{64}$/))).optional(),
    /**
     * What the token is good for: the HMAC of the address it proves, the password version it replaces,
     * the invitation it accepts. It is compared with the present state when the token is used.
     */
    proves: clear(z.string().max(128)).optional(),
    /** So many mails its cause makes due; one where left out. */
    ofMails: clear(z.int().positive()).optional(),
    /** The link's end; nothing is sent after it. */
    expiresAt: instant,
    at: instant,
  }),
  MailSent: event('A mail server has taken the mail.', { mailId, at: instant }),
  MailFailed: event('The mail was given up.', {
    mailId,
    reason: clear(z.enum(['rejected', 'unreachable', 'expired', 'erased'])),
    at: instant,
  }),
}
export type MailEvent = EventsOf<typeof mailEvents>
