/**
 * An invitation that was opened in the bot. Its token was mailed to one address, so whoever shows it reads
 * mail there: a newcomer without an address of their own gets that one. Whoever has another address is
 * refused, as everywhere.
 */
import { isErased } from '../../domain/personal.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { User } from '../../domain/user/user.ts'
import type { Root } from '../context.ts'
import type { Deps } from '../deps.ts'
import { readMailToken } from '../mail/mail-token.ts'
import { acceptInvitation } from '../organization/accept-invitation.ts'
import { changeEmail } from '../user/change-email.ts'
import { assertInvited } from '../user/invited.ts'

/** @throws Refusal token_unusable, invitation_unusable: nobody may register by it. */
export async function assertGoodInvitation(
  deps: Deps,
  root: Root,
  token: string,
): Promise<{ readonly email: string }> {
  const { recipient: email } = await readMailToken(deps, 'invitation', token, root.at)
  if (isErased(email)) throw new Refusal('invitation_unusable')
  await assertInvited(deps, { email, invitationToken: token }, root.at)
  return { email }
}

/** @throws Refusal token_unusable, invitation_unusable, already_member, email_taken */
export async function acceptByLink(
  deps: Deps,
  root: Root,
  person: User,
  token: string,
): Promise<{ readonly orgId: string }> {
  const { userId } = person
  if (person.provisional) {
    const { email } = await assertGoodInvitation(deps, root, token)
    await changeEmail(deps, root, { userId, email })
  }
  return acceptInvitation(deps, root, { token, userId })
}
