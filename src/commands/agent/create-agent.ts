/**
 * A new agent, with its first version where one is given. The claim on the slug decides; the agent
 * follows in its own stream. What a crash leaves between the two is finished by a repeat of the request
 * or by the sweep, from what the claim says: then without the version, which nobody was told of.
 */
import { agent as agentDecider } from '../../domain/agent/agent.ts'
import type { AgentVersionInput } from '../../domain/agent/events.ts'
import { Refusal } from '../../domain/refusal.ts'
import { slugClaim, slugClaimId } from '../../domain/slug-claim/slug-claim.ts'
import { EventTooLarge } from '../../ports/event-store.ts'
import { newId, type Root, step, systemRoot } from '../context.ts'
import type { Deps } from '../deps.ts'
import { namedModel } from '../model/named-model.ts'
import { type AgentChange, type AgentDeps, changeAgentStream, toPublish } from './change.ts'

export interface NewAgent {
  /** 'platform' or an organization's id. */
  readonly owner: string
  readonly slug: string
  readonly name: string
  readonly version?: AgentVersionInput
}

/** @throws Refusal slug_taken, template_invalid, prompt_too_large, idempotency_key_reused */
export async function createAgent(
  deps: AgentDeps,
  root: Root,
  { owner, slug, name, version }: NewAgent,
): Promise<AgentChange> {
  const { streams, ids } = deps
  const agentId = newId(ids, root, 'agent')
  const publish = version && toPublish(deps, version)
  const create = {
    type: 'CreateAgent',
    agentId,
    owner,
    slug,
    name,
    ...(publish && { publish }),
  } as const
  const { state: before } = await streams.load(agentDecider, agentId)
  if (!before) {
    // A version that cannot be published must not take the slug.
    agentDecider.decide(create, undefined)
    // Clients ask for agents by their slugs where they ask for models.
    if (owner === 'platform' && (await isAliasNow(deps, slug)))
      throw new Refusal('slug_taken', { slug })
    await streams.transact(
      slugClaim,
      slugClaimId(owner, slug),
      { type: 'ClaimSlug', scope: owner, slug, holderId: agentId, holderName: name, at: root.at },
      step(ids, root, 'slug'),
    )
  }
  try {
    const created = await changeAgentStream(deps, agentId, create, step(ids, root, 'create'))
    if (created.agent.slug !== slug || created.agent.owner !== owner)
      throw new Refusal('idempotency_key_reused')
    // The sweep was quicker: it knew no version, and its agent has none yet.
    if (!publish || created.agent.versions.length > 0) return created
    const command = { type: 'PublishAgentVersion', ...publish } as const
    return await changeAgentStream(deps, agentId, command, step(ids, root, 'publish'))
  } catch (error) {
    if (error instanceof EventTooLarge) await releaseSlug(deps, root, { owner, slug, agentId })
    throw error
  }
}

const isAliasNow = async (deps: AgentDeps, name: string): Promise<boolean> =>
  (await namedModel(deps, name))?.terms.aliases?.includes(name) === true

interface Claimed {
  readonly owner: string
  readonly slug: string
  readonly agentId: string
}

async function releaseSlug(
  { streams, ids }: Pick<Deps, 'streams' | 'ids'>,
  root: Root,
  { owner, slug, agentId }: Claimed,
): Promise<void> {
  const release = { type: 'ReleaseSlug', holderId: agentId, at: root.at } as const
  const context = step(ids, root, `release:${slug}`)
  await streams.transact(slugClaim, slugClaimId(owner, slug), release, context)
}

/**
 * The second step of a claim that its request did not take. An agent that has another slug (its request
 * came again with another body) gives this one back.
 */
export async function finishAgent(
  deps: AgentDeps & Pick<Deps, 'clock'>,
  { owner, slug }: Pick<Claimed, 'owner' | 'slug'>,
): Promise<void> {
  const { streams, ids, clock } = deps
  const { state: claim } = await streams.load(slugClaim, slugClaimId(owner, slug))
  if (!claim) return
  const { holderId: agentId, holderName: name = slug } = claim
  const root = systemRoot(ids, 'finish-agents', { id: agentId }, clock.now().toISOString())
  const create = { type: 'CreateAgent', agentId, owner, slug, name } as const
  const context = step(ids, root, `create:${slug}`)
  const { state: agent } = await streams.transact(agentDecider, agentId, create, context)
  if (!agent) throw new Refusal('agent_not_found')
  if (agent.slug !== slug) await releaseSlug(deps, root, { owner, slug, agentId })
}
