/**
 * One intent to write to somebody. The mail's id follows from the root and the kind: the same cause
 * never makes a second mail. Sending is a worker's business; until then the mail stays open.
 */
import type { Id } from '../../domain/ids.ts'
import type { MailKind } from '../../domain/mail/events.ts'
import { mail } from '../../domain/mail/mail.ts'
import { newId, type Root, unkeyedStep } from '../context.ts'
import type { Deps } from '../deps.ts'
import { mailTokenHash } from './mail-token.ts'

export interface MailRequest {
  readonly kind: MailKind
  /** Whose key seals the address: a user's or an invitation's id. */
  readonly subjectId: string
  readonly recipient: string
  readonly facts?: Readonly<Record<string, string>>
  readonly locale: string
  /** What the link's token is good for; without it there is no token. */
  readonly proves?: string
  /** So many are asked for because of one cause. */
  readonly ofMails?: number
}

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS
/** How long a link works, and how long it is worth sending. */
const VALID_MS: Readonly<Record<MailKind, number>> = {
  verify_email: 7 * DAY_MS,
  // NIST SP 800-63B-4 and ASVS 6.5.5: a code that opens an account lives ten minutes.
  reset_password: 10 * MINUTE_MS,
  invitation: 7 * DAY_MS,
  registration_attempted: DAY_MS,
  email_changed: 7 * DAY_MS,
  password_changed: 7 * DAY_MS,
  session_replayed: 7 * DAY_MS,
  budget_threshold: DAY_MS,
  payment_failed: DAY_MS,
  payment_returned: DAY_MS,
  telegram_linked: 7 * DAY_MS,
  telegram_unlinked: 7 * DAY_MS,
}

export const mailIdOf = (deps: Pick<Deps, 'ids'>, root: Root, kind: MailKind): Id<'mail'> =>
  newId(deps.ids, root, 'mail', `mail:${kind}`)

export async function requestMail(
  deps: Pick<Deps, 'streams' | 'ids' | 'sealer'>,
  root: Root,
  request: MailRequest,
): Promise<Id<'mail'>> {
  const mailId = mailIdOf(deps, root, request.kind)
  await deps.streams.transact(
    mail,
    mailId,
    {
      type: 'RequestMail',
      mailId,
      ...request,
      ...(request.proves !== undefined && { tokenHash: mailTokenHash(deps, mailId) }),
      expiresAt: new Date(Date.parse(root.at) + VALID_MS[request.kind]).toISOString(),
      at: root.at,
    },
    unkeyedStep(deps.ids, root, `mail:${request.kind}`),
  )
  return mailId
}
