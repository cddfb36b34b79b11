/**
 * A key for a program. The secret leaves in the answer and is kept nowhere: the log gets its SHA-256. A
 * repeat under the same Idempotency-Key therefore names the key without its secret.
 */
import { agent, mayUseAgent } from '../../domain/agent/agent.ts'
import { apiKey } from '../../domain/api-key/api-key.ts'
import type { KeyTerms } from '../../domain/api-key/events.ts'
import { secretFrom, tokenOf } from '../../domain/api-key/token.ts'
import { Refusal } from '../../domain/refusal.ts'
import { liveKeysOf } from '../../projections/api-keys.ts'
import { newId, type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'
import { namedModel } from '../model/named-model.ts'

export interface ShownOnce {
  readonly keyId: string
  /** undefined in a repeat: it was shown before. */
  readonly token: string | undefined
  readonly position: bigint | undefined
}

/**
 * Keys of an organization that are neither revoked nor expired. Counted from the list, so those that are
 * issued in the same moment may be a few more.
 */
export const MAX_LIVE_KEYS = 1_000
/** What was issued a moment ago counts; where the list is late, it is counted as far as it is known. */
const LISTED_WITHIN_MS = 1_000

type IssueDeps = Pick<Deps, 'streams' | 'ids' | 'views'>

/** @throws Refusal agent_not_found, model_not_found, expiry_in_past, too_many_api_keys */
export async function issueApiKey(
  deps: IssueDeps,
  root: Root,
  { orgId, issuedBy, terms }: { orgId: string; issuedBy: string; terms: KeyTerms },
): Promise<ShownOnce> {
  await assertKnown(deps, orgId, terms)
  const { streams, ids } = deps
  const keyId = newId(ids, root, 'apiKey')
  // A repeat makes none, so it needs no room.
  if (!(await streams.load(apiKey, keyId)).state) await assertRoom(deps, orgId, root.at)
  const secret = secretFrom(ids.secret())
  const secretDigest = ids.sha256(secret)
  const done = await streams.transact(
    apiKey,
    keyId,
    {
      type: 'IssueApiKey',
      keyId,
      orgId,
      issuedBy,
      terms,
      secretDigest,
      at: root.at,
    },
    step(ids, { ...root, orgId }, 'issue'),
  )
  return {
    keyId,
    // Only the secret whose digest is in the log opens anything.
    token: done.state?.digest === secretDigest ? tokenOf({ keyId, secret }) : undefined,
    position: done.position,
  }
}

async function assertRoom({ streams, views }: IssueDeps, orgId: string, at: string): Promise<void> {
  await views.passed(streams.lastWritten(), LISTED_WITHIN_MS)
  if ((await liveKeysOf(views, orgId, { at, most: MAX_LIVE_KEYS })) >= MAX_LIVE_KEYS)
    throw new Refusal('too_many_api_keys', { limit: MAX_LIVE_KEYS })
}

/** A name that nobody has would bind the key to nothing, and be noticed much later. */
async function assertKnown(
  deps: Pick<Deps, 'streams' | 'ids'>,
  orgId: string,
  { agents = [], models = [] }: KeyTerms,
): Promise<void> {
  for (const agentId of agents) {
    const { state } = await deps.streams.load(agent, agentId)
    if (!mayUseAgent(state, orgId)) throw new Refusal('agent_not_found', { agentId })
  }
  for (const name of models) {
    if (!(await namedModel(deps, name))) throw new Refusal('model_not_found', { model: name })
  }
}
