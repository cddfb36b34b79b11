/**
 * What a call would send to the model, without one: nothing is written, reserved or counted. Shows the
 * settings as they would apply now. A call's own checks of credit and plan are not made here.
 */
import {
  type AgentVersion,
  type AppliedSettings,
  DEFAULT_LABEL,
  settingsOf,
  versionForCall,
} from '../../domain/agent/agent.ts'
import { type PromptMessage, render } from '../../domain/agent/template.ts'
import { promptBound } from '../../domain/invocation/bound.ts'

import { Refusal } from '../../domain/refusal.ts'
import { namedModel } from '../model/named-model.ts'
import type { Deps } from '../deps.ts'
import type { FoundAgent } from './find-agent.ts'

export interface RenderRequest {
  readonly input?: unknown
  readonly variables?: Readonly<Record<string, unknown>>
  /** A version by its number; otherwise the label's. */
  readonly version?: number
  readonly label?: string
}

export interface Rendered {
  readonly version: AgentVersion
  readonly messages: readonly PromptMessage[]
  readonly settings: AppliedSettings
  /** The most prompt tokens that the first model can report; undefined where it is not known here. */
  readonly promptTokens: number | undefined
}

type RenderDeps = Pick<Deps, 'streams' | 'ids' | 'settings' | 'tokenCounter'>

/**
 * @throws Refusal agent_inactive (for who does not manage it), label_not_found, version_not_found,
 *   input_required, variables_invalid, prompt_too_large, content_erased
 */
export async function renderAgent(
  deps: RenderDeps,
  found: FoundAgent,
  request: RenderRequest,
): Promise<Rendered> {
  const version = versionWanted(found, request)
  const { messages } = render(version, {
    input: request.input,
    ...(request.variables && { variables: request.variables }),
  })
  const { name, temperature, maxTokens } = deps.settings.model
  const settings = settingsOf(version, {
    modelName: name,
    maxTokens,
    ...(temperature === undefined ? {} : { temperature }),
  })
  return { version, messages, settings, promptTokens: await promptTokens(deps, settings, messages) }
}

function versionWanted(
  { agent, manages }: FoundAgent,
  { version: number, label = DEFAULT_LABEL }: RenderRequest,
): AgentVersion {
  // Whoever manages an agent tries it before it is switched on.
  const tried = manages ? { ...agent, active: true } : agent
  if (number === undefined) return versionForCall(tried, agent.owner, label)
  if (!tried.active) throw new Refusal('agent_inactive')
  const version = agent.versions[number - 1]
  if (!version)
    throw new Refusal('version_not_found', { version: number, latest: agent.versions.length })
  return version
}

/** Counted as a call's hold is: over the serialised messages. */
async function promptTokens(
  { streams, ids, tokenCounter }: RenderDeps,
  { models: [first = ''] }: AppliedSettings,
  messages: readonly PromptMessage[],
): Promise<number | undefined> {
  const known = await namedModel({ streams, ids }, first)
  if (!known) return undefined
  const { encoding, framing } = known.terms
  await tokenCounter.load(encoding)
  return promptBound({
    promptTokens: tokenCounter.count(encoding, JSON.stringify(messages)),
    messages: messages.length,
    framing,
  })
}
