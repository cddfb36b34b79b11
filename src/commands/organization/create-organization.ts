/** A team's organization; who makes it is its first owner. It has no plan and no credit of its own yet. */
import { organization } from '../../domain/organization/organization.ts'
import { newId, type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'

export async function createOrganization(
  { streams, ids }: Pick<Deps, 'streams' | 'ids'>,
  root: Root,
  { ownerId, name }: { readonly ownerId: string; readonly name: string },
): Promise<{ orgId: string; position: bigint | undefined }> {
  const orgId = newId(ids, root, 'organization')
  const { position } = await streams.transact(
    organization,
    orgId,
    { type: 'CreateOrganization', kind: 'team', orgId, ownerId, name, at: root.at },
    step(ids, { ...root, orgId }, 'organization'),
  )
  return { orgId, position }
}
