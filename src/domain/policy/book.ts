/**
 * The policies of one owner, put in order once so that a decision looks only at those that can concern
 * it: a thousand policies for a thousand agents cost as much as one.
 */
import type { Policy, Subject } from './decision.ts'
import type { Budget, LimitedAction, PolicyTerms, RateLimit, ResourceAccess } from './events.ts'

/** What a policy may be narrowed to. */
interface Narrowed {
  readonly agents?: readonly string[]
  readonly models?: readonly string[]
}
type NarrowedTerms = PolicyTerms & Narrowed

/** Policies of one kind, by what they are narrowed to. */
export interface Shelf<T extends NarrowedTerms> {
  readonly all: Policy<T>[]
  readonly general: Policy<T>[]
  readonly byAgent: Map<string, Policy<T>[]>
  /** Those that name models and no agents. */
  readonly byModel: Map<string, Policy<T>[]>
}

export interface PolicyBook {
  readonly limits: ReadonlyMap<LimitedAction, Shelf<RateLimit>>
  /** By resource; those that name none are under EVERYTHING. */
  readonly denies: ReadonlyMap<string, Shelf<ResourceAccess>>
  readonly allows: ReadonlyMap<string, Shelf<ResourceAccess>>
  readonly budgets: Shelf<Budget>
}

export const EVERYTHING = '*'

export function policyBook(policies: Iterable<Policy>): PolicyBook {
  const limits = new Map<LimitedAction, Shelf<RateLimit>>()
  const denies = new Map<string, Shelf<ResourceAccess>>()
  const allows = new Map<string, Shelf<ResourceAccess>>()
  const budgets = emptyShelf<Budget>()
  for (const policy of policies) {
    const { terms } = policy
    switch (terms.kind) {
      case 'rate_limit':
        put(shelfOf(limits, terms.on), { ...policy, terms })
        break
      case 'resource_access': {
        const shelves = terms.effect === 'deny' ? denies : allows
        for (const resource of new Set(terms.resources ?? [EVERYTHING]))
          put(shelfOf(shelves, resource), { ...policy, terms })
        break
      }
      case 'budget':
        put(budgets, { ...policy, terms })
    }
  }
  return { limits, denies, allows, budgets }
}

const emptyShelf = <T extends NarrowedTerms>(): Shelf<T> => ({
  all: [],
  general: [],
  byAgent: new Map(),
  byModel: new Map(),
})

export const emptyBook: PolicyBook = policyBook([])

function shelfOf<K, T extends NarrowedTerms>(shelves: Map<K, Shelf<T>>, key: K): Shelf<T> {
  let shelf = shelves.get(key)
  if (!shelf) shelves.set(key, (shelf = emptyShelf<T>()))
  return shelf
}

function put<T extends NarrowedTerms>(shelf: Shelf<T>, policy: Policy<T>): void {
  const { agents, models }: Narrowed = policy.terms
  shelf.all.push(policy)
  if (agents) for (const agent of new Set(agents)) push(shelf.byAgent, agent, policy)
  else if (models) for (const model of new Set(models)) push(shelf.byModel, model, policy)
  else shelf.general.push(policy)
}

function push<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const list = lists.get(key)
  if (list) list.push(value)
  else lists.set(key, [value])
}

/**
 * The policies that concern this subject's agent and model, each once.
 * @param model which of the subject's models is meant; none where the door does not know one
 */
export function concerning<T extends NarrowedTerms>(
  shelf: Shelf<T> | undefined,
  { agentId, aliases }: Pick<Subject, 'agentId' | 'aliases'>,
  model: string | undefined,
): readonly Policy<T>[] {
  if (!shelf) return []
  const ofAgent = agentId === undefined ? undefined : shelf.byAgent.get(agentId)
  const names = model === undefined ? [] : [model, ...(aliases?.get(model) ?? [])]
  const ofModel = names.flatMap((name) => shelf.byModel.get(name) ?? [])
  if (!ofAgent && ofModel.length === 0) return shelf.general
  return [
    ...shelf.general,
    ...(ofAgent ?? []).filter(({ terms: { models } }: Policy<T & Narrowed>) =>
      models === undefined ? true : names.some((name) => models.includes(name)),
    ),
    // One that names a model and an alias of it says so once.
    ...new Set(ofModel),
  ]
}
