/**
 * Whoever came by Telegram gives an address in place of the made-up one. A free and a taken address are
 * answered alike; the owner of a taken one hears of it by mail. An address that is somebody's own already
 * is changed elsewhere, with the password.
 */
import { Refusal } from '../../domain/refusal.ts'
import { emailClaim } from '../../domain/user/email-claim.ts'
import type { User } from '../../domain/user/user.ts'
import { newId, type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'
import { changeEmail } from '../user/change-email.ts'
import { emailHmacOf } from '../user/find-user.ts'

/**
 * hasAddress: nothing was done. A repeat of the same wish is `asked`, as the first was.
 * @param email normalised
 * @throws Refusal user_deactivated
 */
export async function giveAddress(
  deps: Deps,
  root: Root,
  person: User,
  email: string,
): Promise<'asked' | 'hasAddress'> {
  const emailHmac = emailHmacOf(deps, email)
  const claimId = newId(deps.ids, root, 'claim')
  if (!person.provisional && person.claimId !== claimId) return 'hasAddress'
  try {
    await changeEmail(deps, root, { userId: person.userId, email })
  } catch (error) {
    if (!(error instanceof Refusal) || !['email_taken', 'email_unchanged'].includes(error.code))
      throw error
    await deps.streams.transact(
      emailClaim,
      emailHmac,
      { type: 'NoteAttempt', claimId, at: root.at },
      step(deps.ids, root, 'attempt'),
    )
  }
  return 'asked'
}
