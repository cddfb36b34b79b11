/**
 * Whose password it is. An unknown address, a wrong password and a deactivated person cost the same work
 * and get the same answer.
 */
import { Refusal } from '../../domain/refusal.ts'
import { passwordHashOf, type User, user } from '../../domain/user/user.ts'
import { type Root, unkeyedStep } from '../context.ts'
import type { Deps } from '../deps.ts'
import { findUserByEmail } from '../user/find-user.ts'

/** @throws Refusal invalid_credentials, too_many_hashes. */
export async function provePassword(
  deps: Deps,
  root: Root,
  { email, password }: { readonly email: string; readonly password: string },
): Promise<User> {
  const person = await findUserByEmail(deps, email)
  const hash = passwordHashOf(person)
  const { ok, rehash } = await deps.passwords.verify(password, hash)
  if (!ok || hash === undefined || !person?.active) throw new Refusal('invalid_credentials')
  const { userId } = person
  if (rehash) await renewHash(deps, root, { userId, password, replaces: hash })
  return person
}

/** The same password under the parameters of today. */
async function renewHash(
  deps: Deps,
  root: Root,
  { userId, password, replaces }: { userId: string; password: string; replaces: string },
): Promise<void> {
  const passwordHash = await deps.passwords.hash(password)
  const command = { type: 'ChangePassword', cause: 'rehash', passwordHash, replaces } as const
  const context = unkeyedStep(deps.ids, root, 'rehash')
  await deps.streams.transact(user, userId, { ...command, at: root.at }, context)
}
