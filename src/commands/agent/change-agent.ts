/** Renames an agent, switches it off and on again: both at once in one append. Its slug and id stay. */
import { type Root, step } from '../context.ts'
import {
  type AgentChange,
  type AgentDeps,
  changeAgentStream,
  type ChangeOptions,
} from './change.ts'

type Asked<What> = { readonly agentId: string } & What & ChangeOptions
type ChangeDeps = Pick<AgentDeps, 'streams' | 'ids'>

/** @throws Refusal agent_not_found */
export function changeAgent(
  deps: ChangeDeps,
  root: Root,
  {
    agentId,
    name,
    active,
    ifRevision,
  }: Asked<{ readonly name?: string; readonly active?: boolean }>,
): Promise<AgentChange> {
  const command = {
    type: 'ChangeAgent',
    ...(name === undefined ? {} : { name }),
    ...(active === undefined ? {} : { active }),
  } as const
  return changeAgentStream(deps, agentId, command, step(deps.ids, root, 'change'), { ifRevision })
}
