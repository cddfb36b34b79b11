/**
 * What a client means that knows only models: an agent by its short name or its id (`name`, `name@label`,
 * `agent/name`), by name the organization's own before the platform's; or the agent that answers for a model or
 * an alias of it. Another organization's agent answers exactly as one that does not exist.
 */
import {
  type Agent,
  agent as agentDecider,
  type AgentVersion,
  versionForCall,
} from '../../domain/agent/agent.ts'
import { agentSlug, labelName } from '../../domain/agent/events.ts'
import { idSchema } from '../../domain/ids.ts'
import { modelName } from '../../domain/model/events.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { Deps } from '../deps.ts'
import { resolveAlias } from '../model/named-model.ts'
import { findAgentBySlug } from './find-agent.ts'

const PREFIX = 'agent/'

export interface ResolvedModel {
  readonly agent: Agent
  /** The one that the name carries; undefined: none. */
  readonly label: string | undefined
  /** What a call gets at this moment. */
  readonly version: AgentVersion
}

/** @throws Refusal agent_not_found, agent_inactive, label_not_found */
export async function resolveModel(
  deps: Pick<Deps, 'streams' | 'ids'>,
  orgId: string,
  model: string,
): Promise<ResolvedModel> {
  const [name = '', label, ...more] = model.split('@')
  const slug = name.startsWith(PREFIX) ? name.slice(PREFIX.length) : name
  const readable = more.length === 0 && (label === undefined || labelName.safeParse(label).success)
  if (!readable) throw new Refusal('agent_not_found')
  const agent =
    (await byId(deps, slug)) ??
    (await bySlug(deps, orgId, slug)) ??
    (await answeringFor(deps, name))
  return { agent: found(agent), label, version: versionForCall(agent, orgId, label) }
}

function found(agent: Agent | undefined): Agent {
  if (!agent) throw new Refusal('agent_not_found')
  return agent
}

/** Whoever's it is: `versionForCall` decides who may use it. */
async function byId(
  { streams }: Pick<Deps, 'streams'>,
  agentId: string,
): Promise<Agent | undefined> {
  if (!idSchema('agent').safeParse(agentId).success) return undefined
  return (await streams.load(agentDecider, agentId)).state
}

async function bySlug(
  deps: Pick<Deps, 'streams'>,
  orgId: string,
  slug: string,
): Promise<Agent | undefined> {
  if (!agentSlug.safeParse(slug).success) return undefined
  return (
    (await findAgentBySlug(deps, orgId, slug)) ?? (await findAgentBySlug(deps, 'platform', slug))
  )
}

/** Whoever asks for a provider's model by its name gets the agent that the seller has put there. */
async function answeringFor(
  deps: Pick<Deps, 'streams' | 'ids'>,
  name: string,
): Promise<Agent | undefined> {
  if (!modelName.safeParse(name).success) return undefined
  const slug = (await resolveAlias(deps, name))?.agent
  return slug === undefined ? undefined : findAgentBySlug(deps, 'platform', slug)
}
