/** A person ends a session: the one they are in, or one of their list. It bites on the next request. */
import { Refusal } from '../../domain/refusal.ts'
import { session } from '../../domain/session/session.ts'
import { type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'

type Needs = Pick<Deps, 'streams' | 'ids'>
interface Own {
  readonly userId: string
  readonly sessionId: string
}

export const signOut = (deps: Needs, root: Root, own: Own) => end(deps, root, own, 'logout')

/** @throws Refusal session_not_found, also for a session of somebody else. */
export const endSession = (deps: Needs, root: Root, own: Own) =>
  end(deps, root, own, 'ended_by_user')

async function end(
  { streams, ids }: Needs,
  root: Root,
  { userId, sessionId }: Own,
  reason: 'logout' | 'ended_by_user',
): Promise<{ position: bigint | undefined }> {
  const { state: found } = await streams.load(session, sessionId)
  if (found?.userId !== userId) throw new Refusal('session_not_found')
  const command = { type: 'RevokeSession', reason, at: root.at } as const
  const { position } = await streams.transact(session, sessionId, command, step(ids, root, 'end'))
  return { position }
}
