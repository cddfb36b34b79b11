/**
 * Everybody else leaves a personal organization, and nobody is invited any more: for an account that is
 * taken over by mail, whose organization a stranger may have opened to themselves. Repeats nothing.
 */
import { organization } from '../../domain/organization/organization.ts'
import type { User } from '../../domain/user/user.ts'
import type { Root } from '../context.ts'
import type { Deps } from '../deps.ts'
import { removeMember } from './remove-member.ts'
import { revokeInvitation } from './revoke-invitation.ts'

export async function clearPersonalOrganization(
  deps: Pick<Deps, 'streams' | 'ids'>,
  root: Root,
  { userId: by, personalOrgId: orgId }: Pick<User, 'userId' | 'personalOrgId'>,
): Promise<void> {
  // Without the digest of the request: that is of the wish that all of them are steps of.
  const { digest: _digest, ...wish } = root
  const stepFor = (id: string): Root => ({ ...wish, id: deps.ids.derive(root.id, id) })
  const { state } = await deps.streams.load(organization, orgId)
  // Registration may not have come so far: then nobody else has, either.
  if (!state) return
  for (const { invitationId, open } of state.invitations.values())
    if (open) await revokeInvitation(deps, stepFor(invitationId), { orgId, invitationId, by })
  for (const userId of state.members.keys())
    if (userId !== by) await removeMember(deps, stepFor(userId), { orgId, userId, by })
}
