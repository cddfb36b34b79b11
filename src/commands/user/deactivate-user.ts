/**
 * The person may not sign in or act, from the next request on: every request reads the person's stream.
 * Their sessions end too, so that none comes back to life with a later reactivation.
 */
import { user } from '../../domain/user/user.ts'
import { endSessionsAfter } from '../session/end-sessions.ts'
import { type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'

/** @throws Refusal user_not_found. */
export async function deactivateUser(
  deps: Deps,
  root: Root,
  { userId, reason }: { userId: string; reason?: string },
): Promise<{ position: bigint | undefined }> {
  const { position } = await deps.streams.transact(
    user,
    userId,
    { type: 'DeactivateUser', at: root.at, ...(reason !== undefined && { reason }) },
    step(deps.ids, root, 'deactivate'),
  )
  await endSessionsAfter(deps, userId, position)
  return { position }
}
