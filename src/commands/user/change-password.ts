/**
 * Another password in place of the one that `replaces` was verified for. Every session but the one that
 * asks ends. Judging and hashing is the caller's (change-profile.ts), so that it all precedes any write.
 */
import { user } from '../../domain/user/user.ts'
import { endSessionsAfter } from '../session/end-sessions.ts'
import { type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'

/** @throws Refusal invalid_credentials where the password was changed meanwhile, user_deactivated. */
export async function changePassword(
  deps: Deps,
  root: Root,
  { userId, passwordHash, replaces }: { userId: string; passwordHash: string; replaces: string },
): Promise<{ position: bigint | undefined }> {
  const { position } = await deps.streams.transact(
    user,
    userId,
    { type: 'ChangePassword', cause: 'user', passwordHash, replaces, at: root.at },
    step(deps.ids, root, 'password'),
  )
  await endSessionsAfter(deps, userId, position)
  return { position }
}
