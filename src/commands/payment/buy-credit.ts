/** Credit that is bought once, at a price of the plan in force; it comes when the provider says paid. */
import { plan, type PlanTerms, termsOf } from '../../domain/plan/plan.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { Root } from '../context.ts'
import type { Deps } from '../deps.ts'
import { planInForce } from '../subscription/plan-in-force.ts'
import { providerOf } from './ask-provider.ts'
import { checkoutOfRoot, type CheckoutToPay, openCheckout } from './open-checkout.ts'

type Needs = Pick<Deps, 'streams' | 'ids' | 'counters' | 'limits' | 'logger' | 'paymentProvider'>

export interface CreditWish {
  readonly orgId: string
  /** One of the plan's; the first where left out. */
  readonly priceId?: string | undefined
  readonly quantity: number
}

/**
 * @throws Refusal not_subscribed, price_not_offered, no_payment_provider, payment_provider_unavailable,
 *   payment_provider_refused
 */
export async function buyCredit(
  deps: Needs,
  root: Root,
  { orgId, priceId: wished, quantity }: CreditWish,
): Promise<CheckoutToPay> {
  providerOf(deps)
  const begun = await checkoutOfRoot(deps, root, orgId)
  if (begun) return openCheckout(deps, root, orgId, begun)
  const selling = await planSelling(deps, root, orgId)
  const { planId, version: planVersion, terms } = selling
  const prices = terms.payment?.topUpPrices ?? []
  const [first] = prices
  const priceId = wished ?? first
  if (priceId === undefined || !prices.includes(priceId))
    throw new Refusal('price_not_offered', { planId, prices })
  const checkout = { purpose: 'top_up', planId, planVersion, priceId, quantity } as const
  return openCheckout(deps, root, orgId, checkout)
}

/** The terms that were agreed; where they sell no credit, those that the plan has now. */
async function planSelling(deps: Needs, root: Root, orgId: string): Promise<PlanTerms> {
  const inForce = await planInForce(deps, orgId, root.at)
  if (!inForce) throw new Refusal('not_subscribed')
  if (inForce.terms.payment?.topUpPrices.length) return inForce
  const { state } = await deps.streams.load(plan, inForce.planId)
  return termsOf(state) ?? inForce
}
