/** The rules that bind whoever acts, from streams that every process keeps folded and current. */
import type { KeyTerms } from '../../domain/api-key/events.ts'
import { apiKey } from '../../domain/api-key/api-key.ts'
import type { Rules } from '../../domain/policy/decide.ts'
import type { Subject } from '../../domain/policy/decision.ts'
import { bookOf, policySet } from '../../domain/policy/policy-set.ts'
import type { Deps } from '../deps.ts'
import { namedModel } from '../model/named-model.ts'
import { planInForce } from '../subscription/plan-in-force.ts'

export async function rulesFor(
  deps: Pick<Deps, 'streams' | 'ids'>,
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
    key: key?.state && { ...key.state, terms: await boundToModels(deps, key.state.terms) },
  }
}

/** A call knows its models by their own names, a key may be bound to an alias: it means what a call means. */
async function boundToModels<T extends Pick<KeyTerms, 'models'>>(
  deps: Pick<Deps, 'streams' | 'ids'>,
  terms: T,
): Promise<T> {
  const { models } = terms
  return models ? { ...terms, models: await ownNames(deps, models) } : terms
}

/** Of models as they are called in the list; what names none stays as it is written. */
const ownNames = async (
  deps: Pick<Deps, 'streams' | 'ids'>,
  names: readonly string[],
): Promise<readonly string[]> => (await modelsNamed(deps, names)).models

/** Models by their own names, as a call has them, with all others that each has. */
export async function modelsNamed(
  deps: Pick<Deps, 'streams' | 'ids'>,
  names: readonly string[],
): Promise<Required<Pick<Subject, 'models' | 'aliases'>>> {
  const found = await Promise.all(
    names.map(async (own) => {
      const { name = own, aliases = [] } = (await namedModel(deps, own))?.terms ?? {}
      return { name, aliases }
    }),
  )
  return {
    models: found.map(({ name }) => name),
    aliases: new Map(found.map(({ name, aliases }) => [name, aliases])),
  }
}
