/** Somebody may administer the whole installation, or may no longer. Only an operator decides that. */
import type { PlatformRole } from '../../domain/user/events.ts'
import { user } from '../../domain/user/user.ts'
import { type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'

type Needs = Pick<Deps, 'streams' | 'ids'>
interface Asked {
  readonly userId: string
  readonly role: PlatformRole
}

/** @throws Refusal user_not_found. */
export async function grantPlatformRole(
  deps: Needs,
  root: Root,
  { userId, role }: Asked,
): Promise<{ position: bigint | undefined }> {
  const context = step(deps.ids, root, `grant:${role}`)
  const command = { type: 'GrantPlatformRole', role, at: root.at } as const
  const { position } = await deps.streams.transact(user, userId, command, context)
  return { position }
}

/** @throws Refusal user_not_found. */
export async function revokePlatformRole(
  deps: Needs,
  root: Root,
  { userId, role }: Asked,
): Promise<{ position: bigint | undefined }> {
  const context = step(deps.ids, root, `revoke:${role}`)
  const command = { type: 'RevokePlatformRole', role, at: root.at } as const
  const { position } = await deps.streams.transact(user, userId, command, context)
  return { position }
}
