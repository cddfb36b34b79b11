/** The agents that somebody can ask here, and the choice of one. */
import type { AccessRule } from '../../commands/access.ts'
import { findAgentBySlug } from '../../commands/agent/find-agent.ts'
import { changeChat } from '../../commands/telegram/chat-state.ts'
import { type Agent, agent, DEFAULT_LABEL, mayUseAgent } from '../../domain/agent/agent.ts'
import type { UpdateOutcome } from '../../domain/telegram-update/events.ts'
import type { User } from '../../domain/user/user.ts'
import { name } from '../../messages/format.ts'
import { agentsOf, type ListedAgent } from '../../projections/agents.ts'
import type { Deps } from '../../commands/deps.ts'
import { admitted, type Turn } from './turn.ts'

const RULE: AccessRule = {
  actor: 'user',
  role: 'auditor',
  resource: 'agent',
  action: 'list',
  limits: ['request'],
}
/** A keyboard that still fits on a telephone. */
const SHOWN = 20
const PAGE = 100
export const CHOOSE_AGENT = 'agent:'

/** The organization's own first; only those that answer. */
export async function usableAgents(
  { views }: Pick<Deps, 'views'>,
  orgId: string,
  limit: number,
): Promise<readonly ListedAgent[]> {
  const found: ListedAgent[] = []
  for (let after: string | undefined; ;) {
    const page = await agentsOf(views, [orgId, 'platform'], {
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    })
    found.push(...page.items.filter((one) => one.active && one.labels[DEFAULT_LABEL] !== undefined))
    after = page.next
    if (found.length >= limit || after === undefined) return found.slice(0, limit)
  }
}

/** By short name, or a list to choose from. */
export async function agents(turn: Turn, person: User, slug: string): Promise<UpdateOutcome> {
  if (slug === '') return listAgents(turn, person)
  const { deps, texts } = turn
  const { orgId } = await admitted(turn, person, RULE)
  const wanted = slug.toLowerCase()
  const found =
    (await findAgentBySlug(deps, orgId, wanted)) ??
    (await findAgentBySlug(deps, 'platform', wanted))
  return found?.active ? choose(turn, found) : turn.say(texts.agents.unknown)
}

export async function listAgents(turn: Turn, person: User): Promise<UpdateOutcome> {
  const { deps, texts } = turn
  const { orgId } = await admitted(turn, person, RULE)
  const found = await usableAgents(deps, orgId, SHOWN + 1)
  if (found.length === 0) return turn.say(texts.agents.none)
  const shown = found.slice(0, SHOWN)
  const buttons = shown.map((one) => [
    { label: name(one.name) ?? one.slug, data: `${CHOOSE_AGENT}${one.agentId}` },
  ])
  const more = found.length > SHOWN ? [texts.agents.more] : []
  const lines = shown.map((one) => `${one.slug} – ${name(one.name) ?? one.slug}`)
  return turn.say([texts.agents.choose, ...lines, ...more].join('\n'), { buttons })
}

/** A pressed button names an agent; whether it may be used is asked again. */
export async function chooseAgent(
  turn: Turn,
  person: User,
  agentId: string,
): Promise<UpdateOutcome> {
  const { deps, texts } = turn
  const { orgId } = await admitted(turn, person, RULE)
  const { state } = await deps.streams.load(agent, agentId)
  if (!mayUseAgent(state, orgId) || !state.active) return turn.say(texts.agents.unknown)
  return choose(turn, state)
}

async function choose(turn: Turn, found: Agent): Promise<UpdateOutcome> {
  const { deps, root, place, senderKey, texts } = turn
  const { agentId } = found
  await changeChat(deps, root, place, { type: 'SelectAgent', senderKey, agentId })
  return turn.say(texts.agents.chosen(name(found.name) ?? found.slug))
}
