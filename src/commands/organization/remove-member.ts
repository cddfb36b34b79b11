/** A member is removed, or leaves by themselves (`by` = `userId`); it bites on their next request. */
import { organization } from '../../domain/organization/organization.ts'
import { type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'
import { assertBelongs } from './find-organization.ts'

/** @throws Refusal organization_not_found, forbidden, role_above_own, last_owner */
export async function removeMember(
  { streams, ids }: Pick<Deps, 'streams' | 'ids'>,
  root: Root,
  { orgId, userId, by }: { orgId: string; userId: string; by: string },
): Promise<{ position: bigint | undefined }> {
  const command = { type: 'RemoveMember', userId, by, at: root.at } as const
  const context = step(ids, { ...root, orgId }, 'remove')
  await assertBelongs({ streams }, orgId, by, context)
  const { position } = await streams.transact(organization, orgId, command, context)
  return { position }
}
