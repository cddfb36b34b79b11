/**
 * A new password by the link of a mail. The link is good for the password and the address it was made
 * for: using it, or any change of either since, ends it. All sessions of the person end. Where nobody had
 * verified the address, it is verified now, and what somebody else may have prepared (an account in another's
 * name) ends with it: API keys and members of its own organization here, sessions and Telegram by what is
 * written (domain/user/user.ts).
 */
import { Refusal } from '../../domain/refusal.ts'
import { isErased } from '../../domain/personal.ts'
import { assertAcceptablePassword } from '../../domain/user/password-policy.ts'
import { type User, user } from '../../domain/user/user.ts'
import { readMailToken } from '../mail/mail-token.ts'
import { revokeKeysOf } from '../api-key/revoke-keys-of.ts'
import { clearPersonalOrganization } from '../organization/clear-personal.ts'
import { endSessionsAfter } from '../session/end-sessions.ts'
import { emailHmacOf } from './find-user.ts'
import { type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'

/** @throws Refusal token_unusable, password_unacceptable, user_deactivated, too_many_hashes. */
export async function resetPassword(
  deps: Deps,
  root: Root,
  asked: { token: string; password: string },
): Promise<{ position: bigint | undefined }> {
  const proven = await readMailToken(deps, 'reset_password', asked.token, root.at)
  const userId = proven.subjectId
  const { state: person, keyed } = await deps.streams.load(user, userId)
  if (!person) throw new Refusal('token_unusable')
  const context = step(deps.ids, root, 'password')
  // A repeat finds its first effect without hashing again; the lane compares the bodies.
  const repeated = root.digest !== undefined && keyed.has(context.commandId)
  const passwordVersion = Number(proven.proves)
  if (!repeated && person.passwordVersion !== passwordVersion) throw new Refusal('token_unusable')
  // Whoever reads an address that the person has left must not get in by it.
  const { recipient } = proven
  const readsMail = !isErased(recipient) && emailHmacOf(deps, recipient) === person.emailHmac
  if (!repeated && !readsMail) throw new Refusal('token_unusable')
  assertAcceptablePassword(asked.password, isErased(person.email) ? {} : { email: person.email })
  const isTakeOver = !repeated && !person.emailVerified
  // Before the link is used up: killed in between, it is opened again.
  if (isTakeOver) await endStrangers(deps, root, person)
  const passwordHash = repeated ? '' : await deps.passwords.hash(asked.password)
  const { position } = await deps.streams.transact(
    user,
    userId,
    { type: 'ChangePassword', cause: 'reset', passwordHash, passwordVersion, at: root.at },
    context,
  )
  await endSessionsAfter(deps, userId, position)
  // Whoever else was signed in until now may have let somebody in meanwhile.
  if (isTakeOver) await clearPersonalOrganization(deps, root, person)
  return { position }
}

async function endStrangers(deps: Deps, root: Root, person: User): Promise<void> {
  await revokeKeysOf(deps, root, person.userId)
  await clearPersonalOrganization(deps, root, person)
}
