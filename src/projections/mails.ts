/** Every mail that was asked for and what became of it, by when it was asked for. The address stays sealed. */
import { type MailKind, mailEvents } from '../domain/mail/events.ts'
import type { Sealed } from '../domain/personal.ts'
import { projection } from './projection.ts'
import type { Page, Views } from './views.ts'

export const mailStates = ['waiting', 'sent', 'failed'] as const
export type MailState = (typeof mailStates)[number]

export interface MailEntry {
  /** The same in all: what all are listed by. */
  readonly mail: 1
  readonly state: MailState
  readonly mailId: string
  readonly kind: MailKind
  readonly subjectId: string
  readonly recipient: Sealed
  readonly locale: string
  readonly requestedAt: string
  readonly expiresAt: string
  /** When it was sent or given up. */
  readonly endedAt?: string
  /** Why it was given up. */
  readonly reason?: string
}

export const mails = projection<MailEntry, typeof mailEvents>(mailEvents, {
  name: 'mails',
  version: 1,
  indexes: {
    all: { equals: ['mail'], orderBy: 'requestedAt' },
    byState: { equals: ['state'], orderBy: 'requestedAt' },
  },
  on: {
    MailRequested: {
      keys: ({ data }) => data.mailId,
      project: (_view, { data }) => ({
        mail: 1,
        state: 'waiting',
        mailId: data.mailId,
        kind: data.kind,
        subjectId: data.subjectId,
        recipient: data.recipient,
        locale: data.locale,
        requestedAt: data.at,
        expiresAt: data.expiresAt,
      }),
    },
    MailSent: {
      keys: ({ data }) => data.mailId,
      project(view, { data }) {
        if (!view) return undefined
        // It may have been given up before: what a server has taken was sent.
        const { reason: _, ...rest } = view
        return { ...rest, state: 'sent', endedAt: data.at }
      },
    },
    MailFailed: {
      keys: ({ data }) => data.mailId,
      project: (view, { data }) =>
        view && { ...view, state: 'failed', endedAt: data.at, reason: data.reason },
    },
  },
})

export const listMails = (
  views: Views,
  {
    state,
    ...page
  }: { limit: number; after?: string; descending?: boolean; from?: string; state?: MailState },
): Promise<Page<MailEntry>> =>
  views.find(
    mails,
    state === undefined
      ? { index: 'all', equals: { mail: 1 }, ...page }
      : { index: 'byState', equals: { state }, ...page },
  )
