/** Agents as OpenAI lists models: those that the organization's plan and the caller's key let answer. */
import { z } from 'zod'
import type { OrganizationActor } from '../../commands/access.ts'
import type { Deps } from '../../commands/deps.ts'
import { planInForce } from '../../commands/subscription/plan-in-force.ts'
import { DEFAULT_LABEL } from '../../domain/agent/agent.ts'
import { allowsAgent } from '../../domain/plan/plan.ts'
import { agentsOf, type ListedAgent } from '../../projections/agents.ts'
import { organizationOf } from '../actor.ts'
import { secondsOf } from './completion.ts'

const PAGE = 100
/** OpenAI's list has no pages. */
const MOST = 1_000

export const modelSchema = z
  .strictObject({
    id: z.string(),
    object: z.literal('model'),
    created: z.int(),
    owned_by: z.string().meta({ description: '`platform` or the organization.' }),
  })
  .meta({ id: 'Model' })

export const showModel = (
  { owner, createdAt }: { readonly owner: string; readonly createdAt: string | undefined },
  id: string,
): z.output<typeof modelSchema> => ({
  id,
  object: 'model',
  created: createdAt === undefined ? 0 : secondsOf(createdAt),
  owned_by: owner,
})

export async function usableAgents(deps: Deps, actor: OrganizationActor): Promise<ListedAgent[]> {
  const orgId = organizationOf(actor)
  const plan = await planInForce(deps, orgId, deps.clock.now().toISOString())
  const bound = actor.kind === 'key' ? actor.agents : undefined
  const usable: ListedAgent[] = []
  const names = new Set<string>()
  for (let after: string | undefined; ;) {
    const page = { limit: PAGE, ...(after === undefined ? {} : { after }) }
    const { items, next } = await agentsOf(deps.views, [orgId, 'platform'], page)
    for (const agent of items) {
      const { agentId, owner, slug, active, labels } = agent
      const planned = owner === orgId || (plan !== undefined && allowsAgent(plan.terms, agentId))
      const answers = active && labels[DEFAULT_LABEL] !== undefined
      if (!answers || !planned || (bound && !bound.includes(agentId)) || names.has(slug)) continue
      // The organization's own comes first and is the one that its name means.
      names.add(slug)
      usable.push(agent)
    }
    after = next
    if (after === undefined || usable.length >= MOST) return usable.slice(0, MOST)
  }
}
