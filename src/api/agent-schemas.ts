/** Agents as HTTP shows them: a prompt is there for who manages the agent, and null where it was erased. */
import { z } from 'zod'
import { type Agent, type AgentVersion, DEFAULT_LABEL } from '../domain/agent/agent.ts'
import {
  abortPolicy,
  agentOwner,
  clientSystem,
  labelName,
  onProviderFailure,
  versionNumber,
} from '../domain/agent/events.ts'
import { idSchema } from '../domain/ids.ts'
import { isErased, type Maybe } from '../domain/personal.ts'
import type { ListedAgent, ListedVersion } from '../projections/agents.ts'
import { timeSchema } from './schemas.ts'

const prompt = z
  .exactOptional(z.nullable(z.string()))
  .meta({ description: 'Only for who manages the agent; null: erased.' })

export const versionSchema = z
  .strictObject({
    version: versionNumber,
    published_at: z.exactOptional(timeSchema),
    system_prompt: prompt,
    prompt_template: prompt,
    model_name: z.nullable(z.string()).meta({
      description: "null: the installation's default at the moment of the call. So below.",
    }),
    temperature: z.nullable(z.number()),
    max_tokens: z.nullable(z.int()),
    variables: z.array(
      z.strictObject({
        name: z.string(),
        description: z.exactOptional(z.string()),
        required: z.boolean(),
        max_length: z.int(),
      }),
    ),
    fallbacks: z.array(z.string()),
    abort_policy: abortPolicy,
    on_provider_failure: onProviderFailure,
    store: z.boolean(),
    client_system: clientSystem,
    allow_tools: z.boolean(),
    allow_response_format: z.boolean(),
  })
  .meta({ id: 'AgentVersion' })

const listed = {
  id: idSchema('agent'),
  owner: agentOwner,
  slug: z.string(),
  name: z.string(),
  active: z.boolean(),
  labels: z.record(labelName, versionNumber).meta({
    description: 'Which version the calls of each label get; `production` where none is named.',
  }),
  latest_version: z.nullable(versionNumber),
}
export const listedAgentSchema = z.strictObject(listed).meta({ id: 'ListedAgent' })
export const agentSchema = z
  .strictObject({
    ...listed,
    production: z.nullable(versionSchema).meta({
      description: 'What a call without a label gets; null: nothing is published.',
    }),
  })
  .meta({ id: 'Agent' })

export const showListed = (
  agent: Omit<ListedAgent, 'createdAt'>,
): z.output<typeof listedAgentSchema> => ({
  id: agent.agentId,
  owner: agent.owner,
  slug: agent.slug,
  name: agent.name,
  active: agent.active,
  labels: agent.labels,
  latest_version: agent.latestVersion || null,
})

export function showAgent(agent: Agent, manages: boolean): z.output<typeof agentSchema> {
  const { labels, versions } = agent
  const production = versions[(labels.get(DEFAULT_LABEL) ?? 0) - 1]
  return {
    ...showListed({ ...agent, labels: Object.fromEntries(labels), latestVersion: versions.length }),
    production: production ? showVersion(production, manages) : null,
  }
}

type Settings = Omit<ListedVersion, 'agentId' | 'publishedAt' | 'systemPrompt' | 'promptTemplate'>
type Shown = z.output<typeof versionSchema>

const showSettings = (version: Settings): Shown => ({
  version: version.version,
  model_name: version.modelName ?? null,
  temperature: version.temperature ?? null,
  max_tokens: version.maxTokens ?? null,
  variables: version.variables.map(({ maxLength, ...variable }) => ({
    ...variable,
    max_length: maxLength,
  })),
  fallbacks: [...version.fallbacks],
  abort_policy: version.abortPolicy,
  on_provider_failure: version.onProviderFailure,
  store: version.store,
  client_system: version.clientSystem ?? 'refuse',
  allow_tools: version.allowTools ?? false,
  allow_response_format: version.allowResponseFormat ?? false,
})

const shownText = (text: Maybe<string>): string | null => (isErased(text) ? null : text)

/** A version of the agent's stream. */
export const showVersion = (version: AgentVersion, manages: boolean): Shown => ({
  ...showSettings(version),
  ...(manages && {
    system_prompt: shownText(version.systemPrompt),
    prompt_template: shownText(version.promptTemplate),
  }),
})

/** A version of the view; its texts are opened only for who may read them. */
export const showListedVersion = (
  version: ListedVersion,
  texts:
    | { readonly systemPrompt: string | null; readonly promptTemplate: string | null }
    | undefined,
): Shown => ({
  ...showSettings(version),
  published_at: version.publishedAt,
  ...(texts && { system_prompt: texts.systemPrompt, prompt_template: texts.promptTemplate }),
})
