/** Mails that were asked for and neither sent nor given up, oldest first. The address stays sealed. */
import { type MailKind, mailEvents } from '../domain/mail/events.ts'
import type { Sealed } from '../domain/personal.ts'
import { type ProjectedEvent, projection } from './projection.ts'
import type { Page, Views } from './views.ts'

export interface OpenMail {
  readonly open: 1
  readonly mailId: string
  readonly kind: MailKind
  readonly subjectId: string
  readonly recipient: Sealed
  readonly locale: string
  readonly requestedAt: string
  readonly expiresAt: string
}

const keys = (event: ProjectedEvent<{ readonly mailId: string }>) => event.data.mailId
const over = { keys, project: () => undefined }

export const openMails = projection<OpenMail, typeof mailEvents>(mailEvents, {
  name: 'open-mails',
  version: 1,
  indexes: { requested: { equals: ['open'], orderBy: 'requestedAt' } },
  on: {
    MailRequested: {
      keys,
      project: (_view, { data }) => ({
        open: 1,
        mailId: data.mailId,
        kind: data.kind,
        subjectId: data.subjectId,
        recipient: data.recipient,
        locale: data.locale,
        requestedAt: data.at,
        expiresAt: data.expiresAt,
      }),
    },
    MailSent: over,
    MailFailed: over,
  },
})

export const listOpenMails = (
  views: Views,
  page: { limit: number; after?: string; descending?: boolean },
): Promise<Page<OpenMail>> =>
  views.find(openMails, { index: 'requested', equals: { open: 1 }, ...page })
