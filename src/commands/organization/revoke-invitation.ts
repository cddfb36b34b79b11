/** An invitation that was not accepted yet is good for nothing any more. */
import { organization } from '../../domain/organization/organization.ts'
import { type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'

/** @throws Refusal organization_not_found, forbidden, invitation_unusable */
export async function revokeInvitation(
  { streams, ids }: Pick<Deps, 'streams' | 'ids'>,
  root: Root,
  { orgId, invitationId, by }: { orgId: string; invitationId: string; by: string },
): Promise<{ position: bigint | undefined }> {
  const command = { type: 'RevokeInvitation', invitationId, by, at: root.at } as const
  const context = step(ids, { ...root, orgId }, 'revoke')
  const { position } = await streams.transact(organization, orgId, command, context)
  return { position }
}
