/**
 * A link to a new password, for whoever reads mail at the address. The answer is given before anybody
 * looks whether the address is known (workers/request-mails.ts does that), so it tells nothing.
 */
import { isErased } from '../../domain/personal.ts'
import { requestMail } from '../mail/request-mail.ts'
import { type Root, systemRoot } from '../context.ts'
import type { Deps } from '../deps.ts'
import { assertSameWish } from '../same-wish.ts'
import { emailHmacOf, findUserByEmailHmac } from './find-user.ts'

export const PASSWORD_RESETS = 'request-password-resets'
/** Asked for again within this time, the mail on its way is the answer: nobody's mailbox is flooded. */
const ONE_MAIL_MS = 5 * 60_000

export interface PasswordResetJob {
  readonly emailHmac: string
  readonly correlationId: string
  readonly at: string
}

/** Answers at once, for every address alike. */
export async function forgotPassword(deps: Deps, root: Root, email: string): Promise<void> {
  await assertSameWish(deps, root)
  const payload: PasswordResetJob = {
    emailHmac: emailHmacOf(deps, email),
    correlationId: root.correlationId,
    at: root.at,
  }
  await deps.jobs.add(PASSWORD_RESETS, [{ id: root.id, payload }])
}

/** What the job does. */
export async function requestPasswordReset(deps: Deps, asked: PasswordResetJob): Promise<void> {
  const person = await findUserByEmailHmac(deps, asked.emailHmac)
  if (!person?.active || person.provisional || isErased(person.email)) return
  const { userId, passwordVersion, email, locale } = person
  const window = Math.floor(Date.parse(asked.at) / ONE_MAIL_MS)
  const cause = { id: `${userId}/${passwordVersion}/${window}`, correlationId: asked.correlationId }
  await requestMail(deps, systemRoot(deps.ids, 'password-reset', cause, asked.at), {
    kind: 'reset_password',
    subjectId: userId,
    recipient: email,
    locale,
    proves: String(passwordVersion),
  })
}
