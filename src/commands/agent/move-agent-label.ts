/** Says which version the calls of a label get from now on. Running calls keep theirs. */
import { type Root, step } from '../context.ts'
import {
  type AgentChange,
  type AgentDeps,
  changeAgentStream,
  type ChangeOptions,
} from './change.ts'

/** @throws Refusal agent_not_found, version_not_found */
export const moveAgentLabel = (
  deps: Pick<AgentDeps, 'streams' | 'ids'>,
  root: Root,
  {
    agentId,
    label,
    version,
    ...options
  }: { readonly agentId: string; readonly label: string; readonly version: number } & ChangeOptions,
): Promise<AgentChange> =>
  changeAgentStream(
    deps,
    agentId,
    { type: 'MoveAgentLabel', label, version },
    step(deps.ids, root, 'label'),
    options,
  )
