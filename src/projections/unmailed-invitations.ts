/** Open invitations whose mail nobody has asked for yet: empty but for what a crash has left. */
import { mailEvents } from '../domain/mail/events.ts'
import { organizationEvents } from '../domain/organization/events.ts'
import { type ProjectedEvent, projection } from './projection.ts'
import type { Views } from './views.ts'

/** Holds nothing personal: it also travels as a job. */
export interface UnmailedInvitation {
  readonly orgId: string
  readonly invitationId: string
  readonly correlationId: string
}

const events = { ...organizationEvents, ...mailEvents }
const over = {
  keys: ({ data }: ProjectedEvent<{ readonly invitationId?: string }>) => data.invitationId,
  project: () => undefined,
}

export const unmailedInvitations = projection<UnmailedInvitation, typeof events>(events, {
  name: 'unmailed-invitations',
  version: 1,
  indexes: {},
  on: {
    MemberInvited: {
      keys: ({ data }) => data.invitationId,
      project: (_view, { data: { orgId, invitationId }, metadata }) => ({
        orgId,
        invitationId,
        correlationId: metadata.$correlationId,
      }),
    },
    InvitationRevoked: over,
    MemberAdded: over,
    MailRequested: {
      keys: ({ data }) => (data.kind === 'invitation' ? data.subjectId : undefined),
      project: () => undefined,
    },
  },
})

export const invitationsToMail = (
  views: Views,
): AsyncIterable<{ key: string; document: UnmailedInvitation }> => views.all(unmailedInvitations)
