/** Another name, another time that texts of calls are kept: by an admin or owner. */
import { organization } from '../../domain/organization/organization.ts'
import { type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'

export interface OrganizationChange {
  readonly orgId: string
  readonly userId: string
  readonly name?: string
  /** null: the installation's setting applies again. */
  readonly contentDays?: number | null
  /** Only where the organization is at this revision. */
  readonly ifRevision?: number | undefined
}

/** @throws Refusal organization_not_found, forbidden; PreconditionFailed */
export async function changeOrganization(
  { streams, ids }: Pick<Deps, 'streams' | 'ids'>,
  root: Root,
  { orgId, userId, name, contentDays, ifRevision }: OrganizationChange,
): Promise<{ position: bigint | undefined }> {
  const own = { ...root, orgId }
  const { at } = root
  // The revision that the client named is that before its first change.
  let options = ifRevision === undefined ? {} : { ifRevision }
  let position: bigint | undefined
  if (name !== undefined) {
    const command = { type: 'RenameOrganization', name, userId, at } as const
    const context = step(ids, own, 'rename')
    position = (await streams.transact(organization, orgId, command, context, options)).position
    options = {}
  }
  if (contentDays !== undefined) {
    const days = contentDays === null ? {} : { days: contentDays }
    const command = { type: 'ChangeContentRetention', ...days, by: userId, at } as const
    const context = step(ids, own, 'retention')
    const done = await streams.transact(organization, orgId, command, context, options)
    position = done.position ?? position
  }
  return { position }
}
