/**
 * Mails and what became of them, with the links that still work: for the operator of the machine, who can
 * pass one on. A link opens somebody's account: never for an HTTP answer or a log.
 */
import { openText } from '../../projections/open.ts'
import { listMails, type MailEntry, type MailState } from '../../projections/mails.ts'
import type { Deps } from '../deps.ts'
import { mailLink } from './mail-token.ts'

export interface ListedMail extends Omit<MailEntry, 'mail' | 'subjectId' | 'recipient'> {
  /** null where it was erased. */
  readonly recipient: string | null
  /** undefined where there is none, or it has ended. */
  readonly link: string | undefined
}

/** Newest first unless asked otherwise; `from`: asked for since then. */
export async function mailsWithLinks(
  deps: Pick<Deps, 'views' | 'sealer' | 'settings' | 'clock'>,
  page: { limit: number; after?: string; descending?: boolean; from?: string; state?: MailState },
): Promise<{ items: ListedMail[]; next: string | undefined }> {
  const { items, next } = await listMails(deps.views, { descending: true, ...page })
  const now = deps.clock.now().toISOString()
  return {
    items: await Promise.all(
      items.map(async ({ mail: _mail, subjectId: _subject, recipient, ...entry }) => ({
        ...entry,
        recipient: await openText(deps.sealer, recipient),
        link: now < entry.expiresAt ? mailLink(deps, entry.kind, entry.mailId) : undefined,
      })),
    ),
    next,
  }
}
