/**
 * Asks for a mail that an event has made due (projections/due-mails.ts): once, however often the event
 * is seen, since the mail's id follows from it. The person's address and language are those of now.
 */
import { isErased } from '../../domain/personal.ts'
import { type User, user } from '../../domain/user/user.ts'
import type { DueMail } from '../../projections/due-mails.ts'
import { type Root, systemRoot } from '../context.ts'
import type { Deps } from '../deps.ts'
import { requestMail } from './request-mail.ts'

/** Asks for the mail, unless there is nobody to write to or nothing to say any more. */
export async function requestDueMail(deps: Deps, due: DueMail): Promise<void> {
  const { state: person } = await deps.streams.load(user, due.userId)
  if (!person || person.provisional) return
  // An address that was verified meanwhile needs no link.
  if (due.kind === 'verify_email' && person.emailVerified) return
  const recipient = await recipientOf(deps, due, person)
  if (recipient === undefined) return
  const at = deps.clock.now().toISOString()
  const root: Root = systemRoot(
    deps.ids,
    'request-mails',
    { id: due.eventId, correlationId: due.correlationId },
    at,
  )
  await requestMail(deps, root, {
    kind: due.kind,
    subjectId: due.userId,
    recipient,
    locale: person.locale,
    ...(due.kind === 'verify_email' && { proves: person.emailHmac }),
  })
}

/** The old address hears of a change; all else goes to the present one. */
async function recipientOf(deps: Deps, due: DueMail, person: User): Promise<string | undefined> {
  if (due.kind !== 'email_changed') return isErased(person.email) ? undefined : person.email
  const events = await deps.streams.read(due.stream)
  const previous = events.find((event) => event.stored.id === due.eventId)?.data['previousEmail']
  return typeof previous === 'string' ? previous : undefined
}
