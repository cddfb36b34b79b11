/**
 * An agent: a prompt with a model under a name. Versions never change; a label says which version a
 * call gets, and the choice made at admission is stored with the invocation. Decides what may be
 * published and which version answers; never who may publish (the command handler asks that) and never
 * reads a prompt's meaning.
 */
import type { Decider } from '../decider.ts'
import type { Maybe } from '../personal.ts'
import { Refusal } from '../refusal.ts'
import type { AgentEvent, AgentVersionInput } from './events.ts'
import { MAX_PROMPT_BYTES } from './events.ts'
import { bytesOf, validateTemplate } from './template.ts'

/** The label of calls that name none; it points at the first version from the start. */
export const DEFAULT_LABEL = 'production'

export interface PublishVersion {
  readonly version: AgentVersionInput
  /** Keyed digest (HMAC-SHA-256, hex) of versionText(version). */
  readonly digest: string
}

export type AgentCommand =
  | {
      readonly type: 'CreateAgent'
      readonly agentId: string
      readonly owner: string
      readonly slug: string
      readonly name: string
      /** The first version, so that an agent can be made ready in one append. */
      readonly publish?: PublishVersion
    }
  | { readonly type: 'RenameAgent'; readonly name: string }
  /** Renames and switches in one append. */
  | { readonly type: 'ChangeAgent'; readonly name?: string; readonly active?: boolean }
  | ({ readonly type: 'PublishAgentVersion' } & PublishVersion)
  | { readonly type: 'MoveAgentLabel'; readonly label: string; readonly version: number }
  | { readonly type: 'ActivateAgent' }
  | { readonly type: 'DeactivateAgent' }

/** A published version as the log has it. */
export type AgentVersion = Omit<AgentVersionInput, 'systemPrompt' | 'promptTemplate'> & {
  readonly version: number
  readonly digest: string
  readonly systemPrompt: Maybe<string>
  readonly promptTemplate: Maybe<string>
}

export interface Agent {
  readonly agentId: string
  /** 'platform' or an organization's id. */
  readonly owner: string
  readonly slug: string
  readonly name: string
  readonly active: boolean
  /** Version n stands at index n − 1. */
  readonly versions: readonly AgentVersion[]
  readonly labels: ReadonlyMap<string, number>
}
/** undefined: the agent was never created. */
export type AgentState = Agent | undefined

function decide(command: AgentCommand, agent: AgentState): readonly AgentEvent[] {
  switch (command.type) {
    case 'CreateAgent':
      return agent ? [] : create(command)
    case 'RenameAgent': {
      const { agentId, name } = existing(agent)
      if (name === command.name) return []
      return [{ type: 'AgentRenamed', data: { agentId, name: command.name } }]
    }
    case 'ChangeAgent': {
      const { name, active } = command
      return [
        ...(name === undefined ? [] : decide({ type: 'RenameAgent', name }, agent)),
        ...(active === undefined
          ? []
          : decide({ type: active ? 'ActivateAgent' : 'DeactivateAgent' }, agent)),
      ]
    }
    case 'PublishAgentVersion':
      return publish(existing(agent), command)
    case 'MoveAgentLabel': {
      const { agentId, labels, versions } = existing(agent)
      const { label, version } = command
      if (!versions[version - 1])
        throw new Refusal('version_not_found', { version, latest: versions.length })
      if (labels.get(label) === version) return []
      return [{ type: 'AgentLabelMoved', data: { agentId, label, version } }]
    }
    case 'ActivateAgent': {
      const { agentId, active } = existing(agent)
      return active ? [] : [{ type: 'AgentActivated', data: { agentId } }]
    }
    case 'DeactivateAgent': {
      const { agentId, active } = existing(agent)
      return active ? [{ type: 'AgentDeactivated', data: { agentId } }] : []
    }
  }
}

function existing(agent: AgentState): Agent {
  if (!agent) throw new Refusal('agent_not_found')
  return agent
}

function create(command: AgentCommand & { type: 'CreateAgent' }): AgentEvent[] {
  const { agentId, owner, slug, name, publish: first } = command
  const created: AgentEvent = { type: 'AgentCreated', data: { agentId, owner, slug, name } }
  return first ? [created, ...publish(evolve(undefined, created) as Agent, first)] : [created]
}

/** Content equal to the latest version's is that version; equal to an older one it is a new one. */
function publish(agent: Agent, { version, digest }: PublishVersion): AgentEvent[] {
  const { agentId, owner, versions } = agent
  if (versions.at(-1)?.digest === digest) return []
  const bytes = bytesOf(version.systemPrompt) + bytesOf(version.promptTemplate)
  if (bytes > MAX_PROMPT_BYTES)
    throw new Refusal('prompt_too_large', { bytes, limitBytes: MAX_PROMPT_BYTES })
  const problems = validateTemplate(version.systemPrompt, version.promptTemplate, version.variables)
  if (problems.length > 0) throw new Refusal('template_invalid', { problems })
  const next = versions.length + 1
  const published: AgentEvent = {
    type: 'AgentVersionPublished',
    data: { agentId, owner, version: next, digest, ...version },
  }
  if (next > 1) return [published]
  return [
    published,
    { type: 'AgentLabelMoved', data: { agentId, label: DEFAULT_LABEL, version: next } },
  ]
}

function evolve(agent: AgentState, event: AgentEvent): AgentState {
  if (event.type === 'AgentCreated')
    return { ...event.data, active: true, versions: [], labels: new Map() }
  if (!agent) return agent
  switch (event.type) {
    case 'AgentRenamed':
      return { ...agent, name: event.data.name }
    case 'AgentVersionPublished': {
      const { agentId: _agentId, owner: _owner, ...version } = event.data
      return { ...agent, versions: [...agent.versions, version] }
    }
    case 'AgentLabelMoved':
      return { ...agent, labels: new Map(agent.labels).set(event.data.label, event.data.version) }
    case 'AgentActivated':
      return { ...agent, active: true }
    case 'AgentDeactivated':
      return { ...agent, active: false }
  }
}

export const agent: Decider<AgentState, AgentCommand, AgentEvent> = {
  category: 'agent',
  initial: () => undefined,
  decide,
  evolve,
}

/** Another organization's agent answers exactly as one that does not exist. */
export const mayUseAgent = (state: AgentState, orgId: string): state is Agent =>
  state !== undefined && (state.owner === 'platform' || state.owner === orgId)

/**
 * The version that a call of this label gets now.
 * @throws Refusal agent_not_found (also for another tenant's), agent_inactive, label_not_found
 */
export function versionForCall(
  state: AgentState,
  orgId: string,
  label: string = DEFAULT_LABEL,
): AgentVersion {
  if (!mayUseAgent(state, orgId)) throw new Refusal('agent_not_found')
  if (!state.active) throw new Refusal('agent_inactive')
  const version = state.versions[(state.labels.get(label) ?? 0) - 1]
  if (!version) throw new Refusal('label_not_found', { label, labels: [...state.labels.keys()] })
  return version
}

export interface ModelDefaults {
  readonly modelName: string
  readonly maxTokens: number
  readonly temperature?: number
}
export interface AppliedSettings {
  /** The model and its fallbacks, in the order in which they are tried. */
  readonly models: readonly string[]
  readonly maxTokens: number
  readonly temperature?: number
}

/** The version's own settings, the installation's where it has none. Stored with each invocation. */
export function settingsOf(
  version: Pick<AgentVersion, 'modelName' | 'maxTokens' | 'temperature' | 'fallbacks'>,
  defaults: ModelDefaults,
): AppliedSettings {
  const temperature = version.temperature ?? defaults.temperature
  return {
    models: [...new Set([version.modelName ?? defaults.modelName, ...version.fallbacks])],
    maxTokens: version.maxTokens ?? defaults.maxTokens,
    ...(temperature === undefined ? {} : { temperature }),
  }
}

/** A version as one text, the same for the same content: what its digest is taken of. */
export function versionText(version: AgentVersionInput): string {
  const { variables, fallbacks, abortPolicy, onProviderFailure, store } = version
  const { clientSystem, allowTools, allowResponseFormat } = version
  // Left out where all are: a version that was published before they existed still says the same.
  const doors = [clientSystem, allowTools, allowResponseFormat].some((one) => one !== undefined)
  return JSON.stringify([
    version.systemPrompt,
    version.promptTemplate,
    version.modelName ?? null,
    version.temperature ?? null,
    version.maxTokens ?? null,
    variables.map((one) => [one.name, one.description ?? null, one.required, one.maxLength]),
    fallbacks,
    abortPolicy,
    onProviderFailure,
    store,
    ...(doors ? [[clientSystem ?? null, allowTools ?? null, allowResponseFormat ?? null]] : []),
  ])
}
