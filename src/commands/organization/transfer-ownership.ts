/** An owner hands the organization to another member and stays as an admin: both or neither. */
import { organization } from '../../domain/organization/organization.ts'
import { type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'
import { assertBelongs } from './find-organization.ts'

/** @throws Refusal organization_not_found, member_not_found, forbidden, last_owner */
export async function transferOwnership(
  { streams, ids }: Pick<Deps, 'streams' | 'ids'>,
  root: Root,
  { orgId, userId, by }: { orgId: string; userId: string; by: string },
): Promise<{ position: bigint | undefined }> {
  const command = { type: 'TransferOwnership', userId, by, at: root.at } as const
  const context = step(ids, { ...root, orgId }, 'transfer')
  await assertBelongs({ streams }, orgId, by, context)
  const { position } = await streams.transact(organization, orgId, command, context)
  return { position }
}
