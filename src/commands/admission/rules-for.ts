/** The rules that bind whoever acts, from streams that every process keeps folded and current. */
import { apiKey } from '../../domain/api-key/api-key.ts'
import type { Rules } from '../../domain/policy/decide.ts'
import { bookOf, policySet } from '../../domain/policy/policy-set.ts'
import type { Deps } from '../deps.ts'
import { planInForce } from '../subscription/plan-in-force.ts'

export async function rulesFor(
  deps: Pick<Deps, 'streams'>,
  { orgId, keyId }: { readonly orgId?: string | undefined; readonly keyId?: string | undefined },
  at: string,
): Promise<Rules> {
  const { streams } = deps
  const platform = streams.load(policySet('platform'), 'platform')
  if (orgId === undefined) return { platform: bookOf((await platform).state) }
  const [ofPlatform, ofOrganization, plan, key] = await Promise.all([
    platform,
    streams.load(policySet(orgId), orgId),
    planInForce(deps, orgId, at),
    keyId === undefined ? undefined : streams.load(apiKey, keyId),
  ])
  return {
    platform: bookOf(ofPlatform.state),
    organization: bookOf(ofOrganization.state),
    plan,
    key: key?.state,
  }
}
