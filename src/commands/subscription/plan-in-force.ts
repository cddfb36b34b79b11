/** The plan that an organization has at a time, under the terms it was taken. From the streams. */
import { plan, type PlanTerms, termsOf } from '../../domain/plan/plan.ts'
import { type Access, accessOf, type Subscriptions } from '../../domain/subscription/state.ts'
import { subscription } from '../../domain/subscription/subscription.ts'
import type { Deps } from '../deps.ts'

export interface PlanInForce extends PlanTerms {
  readonly access: Access
  readonly subscriptions: Subscriptions
}

/** undefined: no subscription gives access at `at`. */
export async function planInForce(
  { streams }: Pick<Deps, 'streams'>,
  orgId: string,
  at: string,
  options: { readonly byHand?: boolean } = {},
): Promise<PlanInForce | undefined> {
  const { state: subscriptions } = await streams.load(subscription, orgId)
  const access = accessOf(subscriptions, at, options)
  if (!access) return undefined
  const { state: published } = await streams.load(plan, access.planId)
  const terms = termsOf(published, access.planVersion)
  return terms && { ...terms, access, subscriptions }
}
