/**
 * Slugs that were claimed for an agent that has not come, or that has come under another slug. Empty but
 * for the moments in between, and for what a crash has left.
 */
import { agentEvents } from '../domain/agent/events.ts'
import { slugClaimEvents } from '../domain/slug-claim/events.ts'
import { type ProjectedEvent, projection } from './projection.ts'
import type { Views } from './views.ts'

export interface UnfinishedAgent {
  readonly owner: string
  readonly slug: string
  readonly claimedAt: string
}

const events = { ...slugClaimEvents, ...agentEvents }
/** Plans claim slugs too. */
const ofAgent = /^agt_/

const keyOfClaim = ({
  data,
}: ProjectedEvent<{ readonly scope: string; readonly slug: string; readonly holderId: string }>) =>
  ofAgent.test(data.holderId) ? `${data.scope}.${data.slug}` : undefined

export const unfinishedAgents = projection<UnfinishedAgent, typeof events>(events, {
  name: 'unfinished-agents',
  version: 1,
  indexes: {},
  on: {
    SlugClaimed: {
      keys: keyOfClaim,
      project: (_view, { data }) => ({ owner: data.scope, slug: data.slug, claimedAt: data.at }),
    },
    AgentCreated: { keys: ({ data }) => `${data.owner}.${data.slug}`, project: () => undefined },
    SlugReleased: { keys: keyOfClaim, project: () => undefined },
  },
})

export const agentsToFinish = (
  views: Views,
): AsyncIterable<{ key: string; document: UnfinishedAgent }> => views.all(unfinishedAgents)
