/**
 * Mails that an event has made due and that nobody has asked for yet. Which event makes which mail due
 * is said here, once, for the worker and the sweep alike.
 */
import type { MailKind } from '../domain/mail/events.ts'
import { mailEvents } from '../domain/mail/events.ts'
import { sessionEvents } from '../domain/session/events.ts'
import { emailClaimEvents, userEvents } from '../domain/user/events.ts'
import { type ProjectedEvent, projection } from './projection.ts'
import type { Views } from './views.ts'

/** Holds nothing personal: it also travels as a job. */
export interface DueMail {
  readonly kind: MailKind
  readonly userId: string
  /** The event: its id, its stream and the request at its root. */
  readonly eventId: string
  readonly stream: string
  readonly correlationId: string
}

const events = { ...emailClaimEvents, ...userEvents, ...sessionEvents, ...mailEvents }
type AnyEvent = ProjectedEvent

/** What each type of event makes due; a rehash and other ends of sessions are nobody's news. */
function kindsOf({ type, data }: Pick<AnyEvent, 'type' | 'data'>): readonly MailKind[] {
  switch (type) {
    case 'UserRegistered':
      return data['provisional'] === true ? [] : ['verify_email']
    case 'EmailChanged':
      return data['previousProvisional'] === true
        ? ['verify_email']
        : ['verify_email', 'email_changed']
    case 'PasswordChanged':
      return data['cause'] === 'rehash' ? [] : ['password_changed']
    case 'RegistrationAttempted':
      return ['registration_attempted']
    case 'SessionRevoked':
      return data['reason'] === 'replayed' ? ['session_replayed'] : []
    case 'TelegramLinked':
      // Who came by Telegram knows.
      return data['purpose'] === 'link' ? ['telegram_linked'] : []
    case 'TelegramUnlinked':
      return ['telegram_unlinked']
    default:
      return []
  }
}
export const eventsWithMail = [
  'UserRegistered',
  'EmailChanged',
  'PasswordChanged',
  'RegistrationAttempted',
  'SessionRevoked',
  'TelegramLinked',
  'TelegramUnlinked',
] as const

export const dueMailsOf = (
  event: Pick<AnyEvent, 'type' | 'data' | 'id' | 'stream' | 'metadata'>,
): readonly DueMail[] =>
  kindsOf(event).map((kind) => ({
    kind,
    userId: String(event.data['userId']),
    eventId: event.id,
    stream: event.stream,
    correlationId: event.metadata.$correlationId,
  }))

/** A link to verify is for an address, whatever event asked for it; any other mail is for its event. */
const verification = (userId: unknown, emailHmac: unknown) =>
  `verify_email/${String(userId)}/${String(emailHmac)}`
const keyOf = (due: DueMail, { data }: Pick<AnyEvent, 'data'>): string =>
  due.kind === 'verify_email'
    ? verification(due.userId, data['emailHmac'])
    : `${due.kind}/${due.eventId}`

const makesDue = {
  keys: (event: AnyEvent) => dueMailsOf(event).map((due) => keyOf(due, event)),
  project: (_view: DueMail | undefined, event: AnyEvent, key: string) =>
    dueMailsOf(event).find((due) => keyOf(due, event) === key),
}

export const dueMails = projection<DueMail, typeof events>(events, {
  name: 'due-mails',
  version: 2,
  indexes: {},
  on: {
    UserRegistered: makesDue,
    EmailChanged: {
      // Nobody needs to verify an address that is not theirs any more.
      keys: (event) => [
        ...makesDue.keys(event),
        verification(event.data.userId, event.data.previousEmailHmac),
      ],
      project: makesDue.project,
    },
    PasswordChanged: makesDue,
    RegistrationAttempted: makesDue,
    SessionRevoked: makesDue,
    TelegramLinked: makesDue,
    TelegramUnlinked: makesDue,
    EmailVerified: {
      keys: ({ data }) => verification(data.userId, data.emailHmac),
      project: () => undefined,
    },
    MailRequested: {
      keys: ({ data, metadata }) =>
        data.kind === 'verify_email'
          ? verification(data.subjectId, data.proves)
          : `${data.kind}/${metadata.$causationId}`,
      project: () => undefined,
    },
  },
})

export const mailsToRequest = (views: Views): AsyncIterable<{ key: string; document: DueMail }> =>
  views.all(dueMails)
