/**
 * The operator of the machine gives somebody a new password (there is no other way in where no mail is
 * sent). All sessions of the person end, and the person is told by mail.
 */
import { Refusal } from '../../domain/refusal.ts'
import { isErased } from '../../domain/personal.ts'
import { assertAcceptablePassword } from '../../domain/user/password-policy.ts'
import { user } from '../../domain/user/user.ts'
import { endSessionsAfter } from '../session/end-sessions.ts'
import { type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'

/** @throws Refusal user_not_found, password_unacceptable, too_many_hashes. */
export async function setPassword(
  deps: Deps,
  root: Root,
  { userId, password }: { userId: string; password: string },
): Promise<{ position: bigint | undefined }> {
  const { state: person } = await deps.streams.load(user, userId)
  if (!person) throw new Refusal('user_not_found')
  assertAcceptablePassword(password, isErased(person.email) ? {} : { email: person.email })
  const passwordHash = await deps.passwords.hash(password)
  const { position } = await deps.streams.transact(
    user,
    userId,
    { type: 'ChangePassword', cause: 'operator', passwordHash, at: root.at },
    step(deps.ids, root, 'password'),
  )
  await endSessionsAfter(deps, userId, position)
  return { position }
}
