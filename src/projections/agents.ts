/**
 * Agents by owner, and their versions. Lists are shown from here; which version a call gets is read from
 * the agent's stream. Prompts stay sealed with the owner's key.
 */
import { agentEvents } from '../domain/agent/events.ts'
import type { Sealed } from '../domain/personal.ts'
import { type ProjectedEvent, projection } from './projection.ts'
import type { Page, Views } from './views.ts'

export interface ListedAgent {
  readonly agentId: string
  /** 'platform' or an organization's id. */
  readonly owner: string
  readonly slug: string
  readonly name: string
  readonly active: boolean
  readonly labels: Readonly<Record<string, number>>
  readonly latestVersion: number
  readonly createdAt: string
}

const keys = (event: ProjectedEvent<{ readonly agentId: string }>) => event.data.agentId

export const agents = projection<ListedAgent, typeof agentEvents>(agentEvents, {
  name: 'agents',
  version: 2,
  indexes: { owner: { equals: ['owner'], orderBy: 'slug' } },
  on: {
    AgentCreated: {
      keys,
      project: (_view, { data: { agentId, owner, slug, name }, metadata }) => ({
        agentId,
        owner,
        slug,
        name,
        active: true,
        labels: {},
        latestVersion: 0,
        createdAt: metadata.recordedAt,
      }),
    },
    AgentRenamed: { keys, project: (view, { data }) => view && { ...view, name: data.name } },
    AgentVersionPublished: {
      keys,
      project: (view, { data }) => view && { ...view, latestVersion: data.version },
    },
    AgentLabelMoved: {
      keys,
      project: (view, { data }) =>
        view && { ...view, labels: { ...view.labels, [data.label]: data.version } },
    },
    AgentActivated: { keys, project: (view) => view && { ...view, active: true } },
    AgentDeactivated: { keys, project: (view) => view && { ...view, active: false } },
  },
})

export interface ListedVersion {
  readonly agentId: string
  readonly version: number
  readonly publishedAt: string
  readonly systemPrompt: Sealed
  readonly promptTemplate: Sealed
  readonly modelName?: string
  readonly temperature?: number
  readonly maxTokens?: number
  readonly variables: readonly {
    readonly name: string
    readonly description?: string
    readonly required: boolean
    readonly maxLength: number
  }[]
  readonly fallbacks: readonly string[]
  readonly abortPolicy: 'drain' | 'cancel_estimate' | 'cancel_free'
  readonly onProviderFailure: 'free' | 'charge_delivered'
  readonly store: boolean
  readonly clientSystem?: 'refuse' | 'ignore' | 'append'
  readonly allowTools?: boolean
  readonly allowResponseFormat?: boolean
}

export const agentVersions = projection<ListedVersion, typeof agentEvents>(agentEvents, {
  name: 'agent-versions',
  version: 1,
  indexes: { agent: { equals: ['agentId'], orderBy: 'version' } },
  on: {
    AgentVersionPublished: {
      keys: ({ data }) => `${data.agentId}/${data.version}`,
      project(_view, { data, metadata }) {
        const { owner: _owner, digest: _digest, ...version } = data
        return { ...version, publishedAt: metadata.recordedAt }
      },
    },
  },
})

/** Newest first. */
export const versionsOf = (
  views: Views,
  agentId: string,
  page: { readonly limit: number; readonly after?: string },
): Promise<Page<ListedVersion>> =>
  views.find(agentVersions, { index: 'agent', equals: { agentId }, descending: true, ...page })

/**
 * Agents of several owners as one list: all of the first, then all of the next, each in order of slug.
 * The cursor says in whose part the page before has ended.
 */
export async function agentsOf(
  views: Views,
  owners: readonly string[],
  { limit, after }: { readonly limit: number; readonly after?: string },
): Promise<Page<ListedAgent>> {
  const [, part = '0', cursor = ''] = /^(\d+)\/(.*)$/s.exec(after ?? '') ?? []
  const items: ListedAgent[] = []
  let within = cursor
  for (let index = Number(part); index < owners.length; index++) {
    const page = await views.find(agents, {
      index: 'owner',
      equals: { owner: owners[index] ?? '' },
      limit: limit - items.length,
      ...(within === '' ? {} : { after: within }),
    })
    items.push(...page.items)
    if (page.next !== undefined) return { items, next: `${index}/${page.next}` }
    within = ''
    if (items.length === limit && index + 1 < owners.length) return { items, next: `${index + 1}/` }
  }
  return { items, next: undefined }
}
