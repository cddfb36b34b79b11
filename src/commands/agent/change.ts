/**
 * One append to an agent and its answer. A command repeated under its key is answered as it was the
 * first time, from the events up to then: what came after does not change the answer.
 */
import {
  type Agent,
  type AgentCommand,
  agent as agentDecider,
  type AgentState,
  type AgentVersion,
  type PublishVersion,
  versionText,
} from '../../domain/agent/agent.ts'
import type { AgentEvent, AgentVersionInput } from '../../domain/agent/events.ts'
import { streamName } from '../../domain/decider.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { CommandContext } from '../context.ts'
import type { Deps } from '../deps.ts'

export type AgentDeps = Pick<Deps, 'streams' | 'ids' | 'sealer'>

export interface AgentChange {
  readonly agent: Agent
  readonly revision: number
  /** undefined: the wish was already true. */
  readonly position: bigint | undefined
  /** The version that this command published. */
  readonly published: AgentVersion | undefined
}

export interface ChangeOptions {
  /** Only where the agent is at this revision. */
  readonly ifRevision?: number | undefined
}

export async function changeAgentStream(
  { streams }: Pick<Deps, 'streams'>,
  agentId: string,
  command: AgentCommand,
  context: CommandContext,
  { ifRevision }: ChangeOptions = {},
): Promise<AgentChange> {
  const done = await streams.transact(
    agentDecider,
    agentId,
    command,
    context,
    ifRevision === undefined ? {} : { ifRevision },
  )
  const { position } = done
  if (done.duplicate) return { ...(await asOf(streams, agentId, context.commandId)), position }
  const agent = existing(done.state)
  const { revision } = done
  return { agent, revision, position, published: publishedIn(agent, done.events) }
}

/** The agent right after the command that came with this id. */
async function asOf(
  streams: Deps['streams'],
  agentId: string,
  commandId: string,
): Promise<Omit<AgentChange, 'position'>> {
  const events = await streams.read(streamName(agentDecider.category, agentId))
  const own = events.filter(({ stored }) => stored.metadata.commandId === commandId)
  const revision = own.at(-1)?.stored.revision ?? -1
  let state: AgentState
  // The catalogue guarantees that an agent's stream holds agents' events only.
  for (const event of events.slice(0, revision + 1))
    state = agentDecider.evolve(state, event as unknown as AgentEvent)
  const agent = existing(state)
  return { agent, revision, published: publishedIn(agent, own as unknown as AgentEvent[]) }
}

function publishedIn(agent: Agent, events: readonly AgentEvent[]): AgentVersion | undefined {
  const event = events.find(({ type }) => type === 'AgentVersionPublished')
  return event?.type === 'AgentVersionPublished'
    ? agent.versions[event.data.version - 1]
    : undefined
}

export function existing(agent: AgentState): Agent {
  if (!agent) throw new Refusal('agent_not_found')
  return agent
}

/** The version with the digest that tells it apart, also when its texts are erased. */
export const toPublish = (
  { sealer }: Pick<Deps, 'sealer'>,
  version: AgentVersionInput,
): PublishVersion => ({ version, digest: sealer.hmac('agentVersion', versionText(version)) })
