/**
 * Asks for the mails that events make due, and for links that somebody asks for. Sending is another's work;
 * until then a mail stays open, and the operator can read its link.
 */
import type { Deps } from '../commands/deps.ts'
import { requestDueMail } from '../commands/mail/request-due-mail.ts'
import {
  type MailByAddress,
  type MailWish,
  passwordReset,
  requestMailByAddress,
  verification,
} from '../commands/user/mail-by-address.ts'
import type { StoredEvent } from '../ports/event-store.ts'
import {
  type DueMail,
  dueMailsOf,
  eventsWithMail,
  mailsToRequest,
} from '../projections/due-mails.ts'
import type { NewJob, Sweep, Worker } from './worker.ts'

const NAME = 'request-mails'

function jobOf(event: StoredEvent): NewJob | undefined {
  const payload = dueMailsOf(event)
  return payload.length === 0 ? undefined : { id: event.id, payload }
}

export const requestMails = (deps: Deps): Worker => ({
  name: NAME,
  concurrency: 4,
  on: Object.fromEntries(eventsWithMail.map((type) => [type, jobOf])),
  async handle(due: readonly DueMail[]) {
    for (const one of due) await requestDueMail(deps, one)
  },
})

export const requestMailsSweep = (deps: Deps): Sweep => ({
  name: NAME,
  async run(signal) {
    let found = 0
    for await (const { document } of mailsToRequest(deps.views)) {
      if (signal.aborted) return found
      await requestDueMail(deps, document)
      found++
    }
    return found
  },
})

/** Not swept: a wish for a link that is lost in a crash is a wish the person repeats. */
const asked = (deps: Deps, mail: MailByAddress): Worker => ({
  name: mail.queue,
  concurrency: 4,
  handle: (wish: MailWish) => requestMailByAddress(deps, mail, wish),
})

export const requestPasswordResets = (deps: Deps): Worker => asked(deps, passwordReset)
export const requestVerifications = (deps: Deps): Worker => asked(deps, verification)
