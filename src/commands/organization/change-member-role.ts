/** A member may do more or less, from their next request on. */
import type { OrganizationRole } from '../../domain/organization/events.ts'
import { organization } from '../../domain/organization/organization.ts'
import { type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'
import { assertBelongs } from './find-organization.ts'

/** @throws Refusal organization_not_found, member_not_found, forbidden, role_above_own, last_owner */
export async function changeMemberRole(
  { streams, ids }: Pick<Deps, 'streams' | 'ids'>,
  root: Root,
  { orgId, ...change }: { orgId: string; userId: string; role: OrganizationRole; by: string },
): Promise<{ position: bigint | undefined }> {
  const command = { type: 'ChangeMemberRole', ...change, at: root.at } as const
  const context = step(ids, { ...root, orgId }, 'role')
  await assertBelongs({ streams }, orgId, change.by, context)
  const { position } = await streams.transact(organization, orgId, command, context)
  return { position }
}
