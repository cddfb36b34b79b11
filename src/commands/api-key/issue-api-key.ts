/**
 * A key for a program. The secret leaves in the answer and is kept nowhere: the log gets its SHA-256. A
 * repeat under the same Idempotency-Key therefore names the key without its secret.
 */
import { agent, mayUseAgent } from '../../domain/agent/agent.ts'
import { apiKey } from '../../domain/api-key/api-key.ts'
import type { KeyTerms } from '../../domain/api-key/events.ts'
import { secretFrom, tokenOf } from '../../domain/api-key/token.ts'
import { Refusal } from '../../domain/refusal.ts'
import { newId, type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'
import { namedModel } from '../model/named-model.ts'

export interface ShownOnce {
  readonly keyId: string
  /** undefined in a repeat: it was shown before. */
  readonly token: string | undefined
  readonly position: bigint | undefined
}

/** @throws Refusal agent_not_found, model_not_found, expiry_in_past */
export async function issueApiKey(
  deps: Pick<Deps, 'streams' | 'ids'>,
  root: Root,
  { orgId, issuedBy, terms }: { orgId: string; issuedBy: string; terms: KeyTerms },
): Promise<ShownOnce> {
  await assertKnown(deps, orgId, terms)
  const { streams, ids } = deps
  const keyId = newId(ids, root, 'apiKey')
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
