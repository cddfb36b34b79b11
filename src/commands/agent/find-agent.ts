/**
 * Which agent is meant, and what somebody may do with it. Another organization's agent answers exactly
 * as one that does not exist. Prompts are the owner's: only who manages an agent reads them.
 */
import { type Agent, agent as agentDecider, mayUseAgent } from '../../domain/agent/agent.ts'
import type { AgentVersionInput } from '../../domain/agent/events.ts'
import { Refusal } from '../../domain/refusal.ts'
import { slugClaim, slugClaimId } from '../../domain/slug-claim/slug-claim.ts'
import { type Actor, atLeast } from '../access.ts'
import type { Deps } from '../deps.ts'

export interface FoundAgent {
  readonly agent: Agent
  readonly revision: number
  /** Publishes, renames, switches off, and reads the prompts. */
  readonly manages: boolean
}

/** Admins of the owner's, administrators of the platform. */
export const managesAgentsOf = (actor: Actor, owner: string): boolean =>
  actor.kind === 'user' &&
  (actor.administrator || (actor.orgId === owner && atLeast(actor.role, 'admin')))

/** @throws Refusal forbidden */
export function assertManagesAgentsOf(actor: Actor, owner: string): void {
  if (!managesAgentsOf(actor, owner))
    throw new Refusal('forbidden', { needed: owner === 'platform' ? 'administrator' : 'admin' })
}

/**
 * What is given free is the seller's to give: an organization whose own agent has `cancel_free` would
 * read whole answers, cancel at the last word and never pay. The operator's command line does not ask.
 * @throws Refusal forbidden
 */
export function assertGivesNothingAway(
  actor: Actor,
  { abortPolicy }: Pick<AgentVersionInput, 'abortPolicy'>,
): void {
  const bySeller = actor.kind === 'user' && actor.administrator
  if (abortPolicy === 'cancel_free' && !bySeller)
    throw new Refusal('forbidden', { needed: 'administrator', abortPolicy })
}

/** An agent that the organization of the request, or its key, may use. @throws Refusal agent_not_found */
export async function agentForUse(
  { streams }: Pick<Deps, 'streams'>,
  actor: Actor,
  agentId: string,
): Promise<FoundAgent> {
  const { state: agent, revision } = await streams.load(agentDecider, agentId)
  if (!agent) throw new Refusal('agent_not_found')
  const manages = managesAgentsOf(actor, agent.owner)
  const orgId = actor.kind === 'anonymous' ? '' : (actor.orgId ?? '')
  const elsewhere = actor.kind === 'key' && actor.agents?.includes(agentId) === false
  if (elsewhere) throw new Refusal('agent_not_found')
  if (!manages && !mayUseAgent(agent, orgId)) throw new Refusal('agent_not_found')
  return { agent, revision, manages }
}

/** @throws Refusal agent_not_found, forbidden (for an agent that one may use and not change) */
export async function agentForManagement(
  deps: Pick<Deps, 'streams'>,
  actor: Actor,
  agentId: string,
): Promise<FoundAgent> {
  const found = await agentForUse(deps, actor, agentId)
  assertManagesAgentsOf(actor, found.agent.owner)
  return found
}

/** By the claim's stream, so the answer is of this moment. undefined: nobody has the slug. */
export async function findAgentBySlug(
  { streams }: Pick<Deps, 'streams'>,
  owner: string,
  slug: string,
): Promise<Agent | undefined> {
  const { state: claim } = await streams.load(slugClaim, slugClaimId(owner, slug))
  if (!claim) return undefined
  const { state: agent } = await streams.load(agentDecider, claim.holderId)
  return agent?.slug === slug ? agent : undefined
}
