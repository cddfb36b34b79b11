/** Asks for the mails of invitations whose request was cut off before it did. */
import type { Deps } from '../commands/deps.ts'
import { requestInvitationMail } from '../commands/organization/invite-member.ts'
import { invitationsToMail } from '../projections/unmailed-invitations.ts'
import { takeUp } from './take-up.ts'
import type { Sweep } from './worker.ts'

const NAME = 'invitation-mails'

export const invitationMailsSweep = (deps: Deps): Sweep => ({
  name: NAME,
  run: (signal) =>
    takeUp(deps, NAME, invitationsToMail(deps.views), signal, ({ document }) =>
      requestInvitationMail(deps, document),
    ),
})
