/**
 * Whether a person may register where registration is by invitation only: the token of the mail that
 * invited them, while the invitation stands, for the address that was invited.
 */
import { isUsable, organization } from '../../domain/organization/organization.ts'
import { Refusal } from '../../domain/refusal.ts'
import { readMailToken } from '../mail/mail-token.ts'
import type { Deps } from '../deps.ts'
import { emailHmacOf } from './find-user.ts'

/** What an invitation's mail proves: which invitation of which organization. */
export const provesInvitation = (orgId: string, invitationId: string): string =>
  `${orgId}/${invitationId}`

/** @throws Refusal token_unusable, invitation_unusable; registration_closed without a token. */
export async function assertInvited(
  deps: Deps,
  { email, invitationToken }: { email: string; invitationToken?: string },
  at: string,
): Promise<void> {
  if (invitationToken === undefined) throw new Refusal('registration_closed')
  const { proves } = await readMailToken(deps, 'invitation', invitationToken, at)
  const [orgId = '', invitationId = ''] = proves.split('/')
  const { state } = await deps.streams.load(organization, orgId)
  const invitation = state?.invitations.get(invitationId)
  const usable = state && invitation && isUsable(invitation, state, at)
  if (!usable || invitation.emailHmac !== emailHmacOf(deps, email))
    throw new Refusal('invitation_unusable')
}
