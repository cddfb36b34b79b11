/**
 * Writes what became of a mail, once: whoever finds the same end writes the same event. It belongs to the
 * request that made the mail due.
 */
import { streamName } from '../../domain/decider.ts'
import type { Id } from '../../domain/ids.ts'
import { mail, type MailCommand } from '../../domain/mail/mail.ts'
import { step, systemRoot } from '../context.ts'
import type { Deps } from '../deps.ts'

export type FailureOfMail = Extract<MailCommand, { type: 'RecordMailFailed' }>['reason']

export async function endMail(
  { streams, ids, clock }: Pick<Deps, 'streams' | 'ids' | 'clock'>,
  mailId: Id<'mail'>,
  end: 'sent' | FailureOfMail,
): Promise<void> {
  const requested = await streams.readOne(streamName(mail.category, mailId), 0)
  if (!requested) throw new Error(`there is no mail ${mailId}`)
  const { id, metadata } = requested.stored
  const cause = {
    id,
    correlationId: metadata.$correlationId,
    ...(metadata.orgId !== undefined && { orgId: metadata.orgId }),
  }
  const at = clock.now().toISOString()
  await streams.transact(
    mail,
    mailId,
    end === 'sent' ? { type: 'RecordMailSent', at } : { type: 'RecordMailFailed', reason: end, at },
    step(ids, systemRoot(ids, 'send-mails', cause, at), end),
  )
}
