/**
 * An organization takes a plan that the payment provider sells: the first one through a checkout, another
 * one by a change of its subscription there. Nothing here says that it has the plan; the provider's
 * messages do.
 */
import { offeredTerms, plan, type PlanTerms } from '../../domain/plan/plan.ts'
import { Refusal } from '../../domain/refusal.ts'
import { keptAtProvider } from '../../domain/subscription/state.ts'
import { subscription } from '../../domain/subscription/subscription.ts'
import type { Root } from '../context.ts'
import type { Deps } from '../deps.ts'
import { changePlan, type PlanChanged } from './change-plan.ts'
import { checkoutOfRoot, type CheckoutToPay, openCheckout } from './open-checkout.ts'

type Needs = Pick<Deps, 'streams' | 'ids' | 'counters' | 'limits' | 'logger' | 'paymentProvider'>

export interface PlanWish {
  readonly orgId: string
  readonly planId: string
  /** One of the plan's; the first where left out. */
  readonly priceId?: string | undefined
}
export type PlanBought = ({ readonly kind: 'checkout' } & CheckoutToPay) | PlanChanged

/**
 * @throws Refusal plan_not_found, plan_retired, forbidden, price_not_offered, billing_cycle_differs,
 *   no_payment_provider, payment_provider_unavailable, payment_provider_refused
 */
export async function buyPlan(deps: Needs, root: Root, wish: PlanWish): Promise<PlanBought> {
  const { orgId, planId } = wish
  const begun = await checkoutOfRoot(deps, root, orgId)
  if (begun) return { kind: 'checkout', ...(await openCheckout(deps, root, orgId, begun)) }
  const { state: published } = await deps.streams.load(plan, planId)
  const offered = offeredTerms(published)
  if (!offered.terms.selfSubscribe) throw new Refusal('forbidden', { needed: 'administrator' })
  const { state } = await deps.streams.load(subscription, orgId)
  const live = keptAtProvider(state)
  const { version: planVersion } = offered
  const prices = pricesOf(offered, wish.priceId)
  if (live) {
    const isNamed = wish.priceId !== undefined
    return changePlan(deps, root, orgId, live, { planId, planVersion, prices, isNamed })
  }
  const [priceId] = prices
  const checkout = { purpose: 'plan', planId, planVersion, priceId, quantity: 1 } as const
  return { kind: 'checkout', ...(await openCheckout(deps, root, orgId, checkout)) }
}

/** Those that it may be taken at: the one that is wished, or any. */
function pricesOf({ planId, terms }: PlanTerms, wished: string | undefined): [string, ...string[]] {
  const prices = (terms.payment?.prices ?? []).map((one) => one.priceId)
  const [first, ...others] = prices.filter((one) => wished === undefined || one === wished)
  if (first === undefined) throw new Refusal('price_not_offered', { planId, prices })
  return [first, ...others]
}
