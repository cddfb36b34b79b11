/** Another secret for a key; the one before works until the end of the overlap. */
import { apiKey } from '../../domain/api-key/api-key.ts'
import { secretFrom, tokenOf } from '../../domain/api-key/token.ts'
import { type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'
import { apiKeyFor } from './find-api-key.ts'
import type { ShownOnce } from './issue-api-key.ts'

/** @throws Refusal api_key_not_found, api_key_ended; PreconditionFailed */
export async function rotateApiKey(
  deps: Pick<Deps, 'streams' | 'ids'>,
  root: Root,
  {
    orgId,
    keyId,
    overlapSeconds,
    ifRevision,
  }: {
    orgId: string
    keyId: string
    overlapSeconds: number
    ifRevision?: number | undefined
  },
): Promise<ShownOnce> {
  await apiKeyFor(deps, orgId, keyId)
  const { streams, ids } = deps
  const secret = secretFrom(ids.secret())
  const secretDigest = ids.sha256(secret)
  const done = await streams.transact(
    apiKey,
    keyId,
    {
      type: 'RotateApiKey',
      secretDigest,
      overlapUntil: new Date(Date.parse(root.at) + overlapSeconds * 1_000).toISOString(),
      at: root.at,
    },
    step(ids, { ...root, orgId }, 'rotate'),
    ifRevision === undefined ? {} : { ifRevision },
  )
  return {
    keyId,
    token: done.state?.digest === secretDigest ? tokenOf({ keyId, secret }) : undefined,
    position: done.position,
  }
}
