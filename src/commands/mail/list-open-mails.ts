/**
 * Mails that wait to be sent, with the links in them: for the operator of the machine, who passes them on
 * where no mail server is connected. A link opens somebody's account: never for an HTTP answer or a log.
 */
import type { MailKind } from '../../domain/mail/events.ts'
import { listOpenMails } from '../../projections/open-mails.ts'
import { openText } from '../../projections/open.ts'
import type { Deps } from '../deps.ts'
import { mailLink } from './mail-token.ts'

export interface WaitingMail {
  readonly mailId: string
  readonly kind: MailKind
  /** null where it was erased. */
  readonly recipient: string | null
  readonly locale: string
  readonly link: string | undefined
  readonly requestedAt: string
  readonly expiresAt: string
}

/** Newest first unless asked otherwise; also those that have expired. */
export async function waitingMails(
  deps: Pick<Deps, 'views' | 'sealer' | 'settings'>,
  page: { limit: number; after?: string; descending?: boolean },
): Promise<{ items: WaitingMail[]; next: string | undefined }> {
  const { items, next } = await listOpenMails(deps.views, { descending: true, ...page })
  return {
    items: await Promise.all(
      items.map(async ({ mailId, kind, recipient, locale, requestedAt, expiresAt }) => ({
        mailId,
        kind,
        locale,
        recipient: await openText(deps.sealer, recipient),
        link: mailLink(deps, kind, mailId),
        requestedAt,
        expiresAt,
      })),
    ),
    next,
  }
}
