/** Asks for the mails of invitations whose request was cut off before it did. */
import type { Deps } from '../commands/deps.ts'
import { requestInvitationMail } from '../commands/organization/invite-member.ts'
import { invitationsToMail } from '../projections/unmailed-invitations.ts'
import type { Sweep } from './worker.ts'

export const invitationMailsSweep = (deps: Deps): Sweep => ({
  name: 'invitation-mails',
  async run(signal) {
    let found = 0
    for await (const { document } of invitationsToMail(deps.views)) {
      if (signal.aborted) return found
      await requestInvitationMail(deps, document)
      found++
    }
    return found
  },
})
