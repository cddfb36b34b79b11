/** Requests of this session that name no organization act in this one from now on. */
import { session } from '../../domain/session/session.ts'
import { type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'
import { organizationFor } from './find-organization.ts'

/** @throws Refusal organization_not_found, session_ended */
export async function selectOrganization(
  deps: Pick<Deps, 'streams' | 'ids'>,
  root: Root,
  { orgId, userId, sessionId }: { orgId: string; userId: string; sessionId: string },
): Promise<{ position: bigint | undefined }> {
  await organizationFor(deps, orgId, userId)
  const { position } = await deps.streams.transact(
    session,
    sessionId,
    { type: 'SelectOrganization', orgId, at: root.at },
    step(deps.ids, { ...root, orgId }, 'select'),
  )
  return { position }
}
