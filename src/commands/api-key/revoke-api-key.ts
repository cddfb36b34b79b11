/** Nobody acts with the key any more, from the next request on. */
import { apiKey } from '../../domain/api-key/api-key.ts'
import { type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'
import { apiKeyFor } from './find-api-key.ts'

/** @throws Refusal api_key_not_found; PreconditionFailed */
export async function revokeApiKey(
  deps: Pick<Deps, 'streams' | 'ids'>,
  root: Root,
  {
    orgId,
    keyId,
    by,
    ifRevision,
  }: { orgId: string; keyId: string; by: string; ifRevision?: number | undefined },
): Promise<{ position: bigint | undefined }> {
  await apiKeyFor(deps, orgId, keyId)
  const { streams, ids } = deps
  const command = { type: 'RevokeApiKey', by, at: root.at } as const
  const context = step(ids, { ...root, orgId }, 'revoke')
  const options = ifRevision === undefined ? {} : { ifRevision }
  const { position } = await streams.transact(apiKey, keyId, command, context, options)
  return { position }
}
