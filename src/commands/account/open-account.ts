/** An organization's billing account, opened by whoever first needs it: always the same one event. */
import { account } from '../../domain/account/account.ts'
import type { Account } from '../../domain/account/state.ts'
import type { Loaded } from '../streams.ts'
import { namedRoot, type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'

export type OpenedAccount = Pick<Loaded<Account>, 'state' | 'revision'> & {
  /** undefined: it was open. */
  readonly position: bigint | undefined
}

export async function openAccount(
  { streams, ids }: Pick<Deps, 'streams' | 'ids'>,
  root: Root,
  orgId: string,
): Promise<OpenedAccount> {
  const known = await streams.load(account, orgId)
  if (known.state.opened) return { ...known, position: undefined }
  const own = namedRoot(ids, { ...root, orgId }, `account/${orgId}`)
  const command = { type: 'OpenAccount', orgId, at: root.at } as const
  return streams.transact(account, orgId, command, step(ids, own, 'open'))
}
