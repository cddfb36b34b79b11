/**
 * Which budgets bind an organization's calls now, whoever set them, and what was spent under each in the
 * present period: by the streams that also decide.
 */
import { account } from '../../domain/account/account.ts'
import { spenders, type Spent, spentOf } from '../../domain/account/budgets.ts'
import type { KeptBudget } from '../../domain/account/events.ts'
import { apiKey } from '../../domain/api-key/api-key.ts'
import { bookOf, policySet } from '../../domain/policy/policy-set.ts'
import { keysOf } from '../../projections/api-keys.ts'
import type { Deps } from '../deps.ts'
import { planInForce } from '../subscription/plan-in-force.ts'

/** Who set it. */
export const budgetSources = ['platform', 'organization', 'plan', 'key'] as const

export interface BudgetNow {
  readonly source: (typeof budgetSources)[number]
  /** Of the policy, the plan or the key. */
  readonly id: string
  readonly name: string
  readonly terms: Omit<KeptBudget, 'ruling'>
  /** Those who spend most first; the subject is '' for the organization. */
  readonly of: readonly { readonly subject: string; readonly spent: Spent }[]
  /** There are more than are shown. */
  readonly more: boolean
}

type Found = Omit<BudgetNow, 'of' | 'more'> & {
  /** The only one whom it binds. */
  readonly subject?: string
}

const SHOWN = 100
const PAGE = 200

/** @param member only the budgets per person, with the part of this one */
export async function budgetsOf(
  deps: Pick<Deps, 'streams' | 'views'>,
  orgId: string,
  at: string,
  member?: string,
): Promise<readonly BudgetNow[]> {
  const [{ state }, ofPolicies, ofPlan, ofKeys] = await Promise.all([
    deps.streams.load(account, orgId),
    policyBudgets(deps, orgId),
    planBudgets(deps, orgId, at),
    keyBudgets(deps, orgId),
  ])
  const all = [...ofPolicies, ...ofPlan, ...ofKeys]
  const shown = member === undefined ? all : all.filter(({ terms }) => terms.per === 'user')
  return shown.map(({ subject = member, ...found }) => {
    const { terms } = found
    const only = subject ?? (terms.per === 'organization' ? '' : undefined)
    if (only !== undefined) {
      const spent = spentOf(state.budgets, terms, only, at)
      return { ...found, of: [{ subject: only, spent }], more: false }
    }
    const everybody = spenders(state.budgets, terms, at)
      .filter((one) => !terms.agents || terms.agents.includes(one.subject))
      .toSorted((a, b) => (amountOf(a.spent) < amountOf(b.spent) ? 1 : -1))
    return { ...found, of: everybody.slice(0, SHOWN), more: everybody.length > SHOWN }
  })
}

const amountOf = ({ heldNanos, chargedNanos }: Spent): bigint => heldNanos + chargedNanos

async function policyBudgets(
  { streams }: Pick<Deps, 'streams'>,
  orgId: string,
): Promise<readonly Found[]> {
  const found: Found[] = []
  for (const owner of ['platform', orgId] as const) {
    const { state } = await streams.load(policySet(owner), owner)
    for (const { policyId: id, terms } of bookOf(state).budgets.all) {
      const { per, period, amountNanos, hard, thresholds = [], agents, name } = terms
      // What the platform may spend in all is the seller's business.
      if (per === 'platform') continue
      found.push({
        source: owner === 'platform' ? 'platform' : 'organization',
        id,
        name,
        terms: { per, period, amountNanos, hard, thresholds, ...(agents ? { agents } : {}) },
      })
    }
  }
  return found
}

async function planBudgets(
  deps: Pick<Deps, 'streams'>,
  orgId: string,
  at: string,
): Promise<readonly Found[]> {
  const inForce = await planInForce(deps, orgId, at)
  return (inForce?.terms.budgets ?? []).map(({ amountNanos, per: period, of: per }) => ({
    source: 'plan',
    id: inForce?.planId ?? '',
    name: inForce?.terms.name ?? '',
    terms: { per, period, amountNanos, hard: true, thresholds: [] },
  }))
}

/** Of keys that still let somebody in. */
async function keyBudgets(
  { streams, views }: Pick<Deps, 'streams' | 'views'>,
  orgId: string,
): Promise<readonly Found[]> {
  const found: Found[] = []
  for (let after: string | undefined; ;) {
    const page = await keysOf(views, orgId, {
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    })
    for (const { keyId } of page.items) {
      const { state } = await streams.load(apiKey, keyId)
      const budget = state?.revokedAt === undefined ? state?.terms.budget : undefined
      if (!budget) continue
      const { amountNanos, per: period } = budget
      found.push({
        source: 'key',
        id: keyId,
        name: state?.terms.name ?? '',
        terms: { per: 'key', period, amountNanos, hard: true, thresholds: [] },
        subject: keyId,
      })
    }
    after = page.next
    if (after === undefined) return found
  }
}
