/** Publishes what an agent says from now on, where it differs from its latest version. */
import type { AgentVersion } from '../../domain/agent/agent.ts'
import type { AgentVersionInput } from '../../domain/agent/events.ts'
import { Refusal } from '../../domain/refusal.ts'
import { type Root, step } from '../context.ts'
import {
  type AgentChange,
  type AgentDeps,
  changeAgentStream,
  type ChangeOptions,
  toPublish,
} from './change.ts'

export interface PublishedVersion extends AgentChange {
  /** The new version, or the latest one where that says the same. */
  readonly version: AgentVersion
}

/** @throws Refusal agent_not_found, template_invalid, prompt_too_large */
export async function publishAgentVersion(
  deps: AgentDeps,
  root: Root,
  asked: { readonly agentId: string; readonly version: AgentVersionInput } & ChangeOptions,
): Promise<PublishedVersion> {
  const command = { type: 'PublishAgentVersion', ...toPublish(deps, asked.version) } as const
  const context = step(deps.ids, root, 'publish')
  const changed = await changeAgentStream(deps, asked.agentId, command, context, asked)
  const version = changed.published ?? changed.agent.versions.at(-1)
  if (!version) throw new Refusal('version_not_found', { latest: 0 })
  return { ...changed, version }
}
