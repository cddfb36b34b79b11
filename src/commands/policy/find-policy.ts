/**
 * Which policies somebody may see: an organization its own and those of the platform that bind it. What
 * the platform may spend in all, and rules about other organizations' agents, are nobody else's business.
 */
import { agent, mayUseAgent } from '../../domain/agent/agent.ts'
import { streamName } from '../../domain/decider.ts'
import type { PolicyEvent, PolicyOwner, PolicyTerms } from '../../domain/policy/events.ts'
import {
  policiesOf,
  type PolicyRecord,
  policySet,
  type PolicyVersion,
  versionsOf,
} from '../../domain/policy/policy-set.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { Deps } from '../deps.ts'

type FindDeps = Pick<Deps, 'streams'>

/** Of this owner alone, in order of creation. */
export async function ownPolicies(
  { streams }: FindDeps,
  owner: PolicyOwner,
): Promise<readonly PolicyRecord[]> {
  return policiesOf((await streams.load(policySet(owner), owner)).state)
}

/** Own ones, then those of the platform. */
export async function visiblePolicies(
  deps: FindDeps,
  orgId: string,
): Promise<readonly PolicyRecord[]> {
  const own = await ownPolicies(deps, orgId)
  const shown: PolicyRecord[] = [...own]
  for (const policy of await ownPolicies(deps, 'platform')) {
    const one = await shownTo(deps, orgId, policy)
    if (one) shown.push(one)
  }
  return shown
}

/** @throws Refusal policy_not_found */
export async function policyFor(
  deps: FindDeps,
  orgId: PolicyOwner,
  policyId: string,
): Promise<PolicyRecord> {
  const { streams } = deps
  const { state: own } = await streams.load(policySet(orgId), orgId)
  const found = own.policies.get(policyId)
  if (found) return found
  const { state: platform } = await streams.load(policySet('platform'), 'platform')
  const policy = platform.policies.get(policyId)
  const shown = policy && orgId !== 'platform' ? await shownTo(deps, orgId, policy) : undefined
  if (!shown) throw new Refusal('policy_not_found')
  return shown
}

/** The platform's policy as an organization sees it; undefined where it does not bind it. */
async function shownTo(
  deps: FindDeps,
  orgId: string,
  policy: PolicyRecord,
): Promise<PolicyRecord | undefined> {
  if (!policy.enabled) return undefined
  const terms = await termsShownTo(deps, orgId, policy.terms)
  return terms && { ...policy, terms }
}

async function termsShownTo(
  { streams }: FindDeps,
  orgId: string,
  terms: PolicyTerms,
): Promise<PolicyTerms | undefined> {
  if (terms.kind === 'budget' && terms.per === 'platform') return undefined
  if (!terms.agents) return terms
  const usable: string[] = []
  for (const agentId of terms.agents)
    if (mayUseAgent((await streams.load(agent, agentId)).state, orgId)) usable.push(agentId)
  return usable.length > 0 ? { ...terms, agents: usable } : undefined
}

/** Every version, oldest first, as whoever may see the policy may see them. */
export async function policyVersions(
  deps: FindDeps,
  reader: PolicyOwner,
  { owner, policyId }: PolicyRecord,
): Promise<readonly PolicyVersion[]> {
  const { category } = policySet(owner)
  // The catalogue guarantees that a category's stream holds that category's events only.
  const events = (await deps.streams.read(streamName(category, owner))) as unknown as PolicyEvent[]
  const versions = versionsOf(owner, policyId, events)
  if (reader === owner) return versions
  const shown: PolicyVersion[] = []
  for (const version of versions) {
    const terms = await termsShownTo(deps, reader, version.terms)
    if (terms) shown.push({ ...version, terms })
  }
  return shown
}
