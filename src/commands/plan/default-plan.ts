/** The plan of this slug is what everybody starts on, where the administrator has published one. */
import { plan, type PlanTerms, termsOf } from '../../domain/plan/plan.ts'
import type { Deps } from '../deps.ts'
import { planIdOf } from './plan-id.ts'

export const DEFAULT_PLAN_SLUG = 'free'

/** The terms that everybody starts on; undefined where there is no such plan or it takes nobody new. */
export async function defaultPlan({
  streams,
  ids,
}: Pick<Deps, 'streams' | 'ids'>): Promise<PlanTerms | undefined> {
  const { state } = await streams.load(plan, planIdOf(ids, DEFAULT_PLAN_SLUG))
  return state?.retired ? undefined : termsOf(state)
}
