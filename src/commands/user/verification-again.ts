/**
 * Another link that verifies an address, for whoever let the first one go by. The answer is given before
 * anybody looks whether the address is known (workers/request-mails.ts does that), so it tells nothing.
 */
import { isErased } from '../../domain/personal.ts'
import { requestMail } from '../mail/request-mail.ts'
import { type Root, systemRoot } from '../context.ts'
import type { Deps } from '../deps.ts'
import { assertSameWish } from '../same-wish.ts'
import { emailHmacOf, findUserByEmailHmac } from './find-user.ts'

export const VERIFICATIONS = 'request-verifications'
/** Asked for again within this time, the mail on its way is the answer: nobody's mailbox is flooded. */
const ONE_MAIL_MS = 5 * 60_000

export interface VerificationJob {
  readonly emailHmac: string
  readonly correlationId: string
  readonly at: string
}

/** Answers at once, for every address alike. */
export async function askForVerification(deps: Deps, root: Root, email: string): Promise<void> {
  await assertSameWish(deps, root)
  const payload: VerificationJob = {
    emailHmac: emailHmacOf(deps, email),
    correlationId: root.correlationId,
    at: root.at,
  }
  await deps.jobs.add(VERIFICATIONS, [{ id: root.id, payload }])
}

/** What the job does. */
export async function requestVerification(deps: Deps, asked: VerificationJob): Promise<void> {
  const person = await findUserByEmailHmac(deps, asked.emailHmac)
  if (!person?.active || person.provisional || person.emailVerified) return
  const { userId, email, emailHmac, locale } = person
  if (isErased(email)) return
  const window = Math.floor(Date.parse(asked.at) / ONE_MAIL_MS)
  const cause = { id: `${userId}/${emailHmac}/${window}`, correlationId: asked.correlationId }
  await requestMail(deps, systemRoot(deps.ids, 'verification', cause, asked.at), {
    kind: 'verify_email',
    subjectId: userId,
    recipient: email,
    locale,
    proves: emailHmac,
  })
}
