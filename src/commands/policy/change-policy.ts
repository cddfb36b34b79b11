/**
 * A policy is made, changed or disabled. It binds the next request of this process, and within a second
 * every other one's. What it was before stays readable.
 */
import { agent, mayUseAgent } from '../../domain/agent/agent.ts'
import type { PolicyOwner, PolicyTerms } from '../../domain/policy/events.ts'
import { assertNames, type DeclaredAccess } from '../../domain/policy/names.ts'
import { mergedTerms, policySet } from '../../domain/policy/policy-set.ts'
import { Refusal } from '../../domain/refusal.ts'
import { newId, type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'

type PolicyDeps = Pick<Deps, 'streams' | 'ids'> & {
  /** What requests are decided as: what there is to name. */
  readonly declared: () => readonly DeclaredAccess[]
}
export interface PolicyWritten {
  readonly policyId: string
  readonly position: bigint | undefined
}

const rootOf = (root: Root, owner: PolicyOwner): Root =>
  owner === 'platform' ? root : { ...root, orgId: owner }

/** @throws Refusal policy_invalid, policy_widens, too_many_policies, agent_not_found */
export async function createPolicy(
  deps: PolicyDeps,
  root: Root,
  { owner, terms }: { owner: PolicyOwner; terms: PolicyTerms },
): Promise<PolicyWritten> {
  const { streams, ids } = deps
  assertNames(terms, deps.declared())
  await assertAgents(deps, owner, terms.agents)
  const policyId = newId(ids, root, 'policy')
  const command = { type: 'CreatePolicy', policyId, owner, terms, at: root.at } as const
  const context = step(ids, rootOf(root, owner), 'create')
  const { position } = await streams.transact(policySet(owner), owner, command, context)
  return { policyId, position }
}

export interface PolicyChange {
  readonly owner: PolicyOwner
  readonly policyId: string
  /** Of the terms; null takes a field away. */
  readonly changes: Readonly<Record<string, unknown>>
  readonly enabled?: boolean
  /** Only where the policy is at this version. */
  readonly ifVersion?: number | undefined
}

/**
 * @throws Refusal policy_not_found, policy_invalid, policy_widens, too_many_policies, agent_not_found,
 *   precondition_failed
 */
export async function changePolicy(
  deps: PolicyDeps,
  root: Root,
  { owner, ...change }: PolicyChange,
): Promise<PolicyWritten> {
  const { streams, ids } = deps
  const { changes } = change
  const named = new Set(['resources', 'actions'].filter((field) => changes[field] != null))
  if (named.size > 0) {
    const { state } = await streams.load(policySet(owner), owner)
    const before = state.policies.get(change.policyId)
    if (before) assertNames(mergedTerms(before.terms, changes), deps.declared(), named)
  }
  await assertAgents(deps, owner, changes['agents'])
  const command = { type: 'ChangePolicy', ...change, at: root.at } as const
  const context = step(ids, rootOf(root, owner), 'change')
  const { position } = await streams.transact(policySet(owner), owner, command, context)
  return { policyId: change.policyId, position }
}

/** @throws Refusal policy_not_found, precondition_failed */
export async function disablePolicy(
  { streams, ids }: Pick<PolicyDeps, 'streams' | 'ids'>,
  root: Root,
  { owner, policyId, ifVersion }: Pick<PolicyChange, 'owner' | 'policyId' | 'ifVersion'>,
): Promise<PolicyWritten> {
  const command = { type: 'DisablePolicy', policyId, ifVersion, at: root.at } as const
  const context = step(ids, rootOf(root, owner), 'disable')
  const { position } = await streams.transact(policySet(owner), owner, command, context)
  return { policyId, position }
}

/** An organization names its own agents and the platform's; another's is as one that does not exist. */
async function assertAgents(
  { streams }: Pick<Deps, 'streams'>,
  owner: PolicyOwner,
  agents: unknown,
): Promise<void> {
  if (!Array.isArray(agents)) return
  for (const agentId of agents.map(String)) {
    const { state } = await streams.load(agent, agentId)
    const known = owner === 'platform' ? state !== undefined : mayUseAgent(state, owner)
    if (!known) throw new Refusal('agent_not_found', { agentId })
  }
}
