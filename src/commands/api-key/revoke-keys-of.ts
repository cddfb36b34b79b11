/**
 * Every key that a person has issued, in whatever organization, ends. For lists and whoever reads them: that
 * nobody acts with a key from before an account was taken over is decided at each request (key-actor.ts).
 */
import { liveKeysBy } from '../../projections/api-keys.ts'
import type { Root } from '../context.ts'
import type { Deps } from '../deps.ts'
import { revokeApiKey } from './revoke-api-key.ts'

const VIEWS_WITHIN_MS = 2_000

export async function revokeKeysOf(
  deps: Pick<Deps, 'streams' | 'ids' | 'views'>,
  root: Root,
  userId: string,
): Promise<void> {
  // Without the digest of the request: that is of the wish that all of them are steps of.
  const { digest: _digest, ...wish } = root
  await deps.views.passed(deps.streams.lastWritten(), VIEWS_WITHIN_MS)
  for (const { keyId, orgId } of await liveKeysBy(deps.views, userId)) {
    const own = { ...wish, id: deps.ids.derive(root.id, keyId) }
    await revokeApiKey(deps, own, { orgId, keyId, by: userId })
  }
}
