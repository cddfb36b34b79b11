/** Writes down what has expired by now: nothing of it could be drawn before, either. */
import { account } from '../../domain/account/account.ts'
import { type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'

export async function expireCredit(
  { streams, ids }: Pick<Deps, 'streams' | 'ids'>,
  root: Root,
  orgId: string,
): Promise<{ position: bigint | undefined }> {
  const command = { type: 'ExpireCredit', at: root.at } as const
  const context = step(ids, { ...root, orgId }, 'expire')
  const { position } = await streams.transact(account, orgId, command, context)
  return { position }
}
