/** The person may sign in and act again. */
import { user } from '../../domain/user/user.ts'
import { type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'

/** @throws Refusal user_not_found. */
export async function reactivateUser(
  deps: Pick<Deps, 'streams' | 'ids'>,
  root: Root,
  { userId }: { userId: string },
): Promise<{ position: bigint | undefined }> {
  const context = step(deps.ids, root, 'reactivate')
  const command = { type: 'ReactivateUser', at: root.at } as const
  const { position } = await deps.streams.transact(user, userId, command, context)
  return { position }
}
