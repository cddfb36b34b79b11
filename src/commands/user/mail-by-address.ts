/**
 * Mails that anybody may ask for by naming an address: a link to a new password, another link that verifies
 * the address. The answer is given before anybody looks whether the address is known (workers/request-mails.ts
 * does that), so it tells nothing.
 */
import type { MailKind } from '../../domain/mail/events.ts'
import { isErased } from '../../domain/personal.ts'
import type { User } from '../../domain/user/user.ts'
import { requestMail } from '../mail/request-mail.ts'
import { type Root, systemRoot } from '../context.ts'
import type { Deps } from '../deps.ts'
import { assertSameWish } from '../same-wish.ts'
import { emailHmacOf, findUserByEmailHmac } from './find-user.ts'

/** Asked for again within this time, the mail on its way is the answer: nobody's mailbox is flooded. */
const ONE_MAIL_MS = 5 * 60_000

export interface MailWish {
  readonly emailHmac: string
  readonly correlationId: string
  readonly at: string
}

export interface MailByAddress {
  /** Of its jobs. */
  readonly queue: string
  /** Whose step its mail is. */
  readonly name: string
  readonly kind: MailKind
  /** What its link proves; undefined: this person needs none. */
  readonly proves: (person: User) => string | undefined
}

export const passwordReset: MailByAddress = {
  queue: 'request-password-resets',
  name: 'password-reset',
  kind: 'reset_password',
  proves: ({ passwordVersion }) => String(passwordVersion),
}
/** For whoever let the first one go by. */
export const verification: MailByAddress = {
  queue: 'request-verifications',
  name: 'verification',
  kind: 'verify_email',
  proves: ({ emailVerified, emailHmac }) => (emailVerified ? undefined : emailHmac),
}

/** Answers at once, for every address alike. */
export async function askForMail(
  deps: Deps,
  root: Root,
  { queue }: MailByAddress,
  email: string,
): Promise<void> {
  await assertSameWish(deps, root)
  const { id, correlationId, at } = root
  const payload: MailWish = { emailHmac: emailHmacOf(deps, email), correlationId, at }
  await deps.jobs.add(queue, [{ id, payload }])
}

/** What the job does. */
export async function requestMailByAddress(
  deps: Deps,
  { name, kind, proves: provenBy }: MailByAddress,
  { emailHmac, correlationId, at }: MailWish,
): Promise<void> {
  const person = await findUserByEmailHmac(deps, emailHmac)
  if (!person?.active || person.provisional || isErased(person.email)) return
  const { userId: subjectId, email: recipient, locale } = person
  const proves = provenBy(person)
  if (proves === undefined) return
  const window = Math.floor(Date.parse(at) / ONE_MAIL_MS)
  const cause = { id: `${subjectId}/${proves}/${window}`, correlationId }
  const root = systemRoot(deps.ids, name, cause, at)
  await requestMail(deps, root, { kind, subjectId, recipient, locale, proves })
}
