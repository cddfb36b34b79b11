/**
 * An organization takes a plan that the payment provider sells: the first one through a checkout, another
 * one by a change of its subscription there. Nothing here says that it has the plan; the provider's
 * messages do.
 */
import { offeredTerms, plan, type PlanTerms } from '../../domain/plan/plan.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { Subscription } from '../../domain/subscription/state.ts'
import { subscription } from '../../domain/subscription/subscription.ts'
import type { Root } from '../context.ts'
import type { Deps } from '../deps.ts'
import { askProvider, takeTurn } from './ask-provider.ts'
import { keptAtProvider } from './at-provider.ts'
import { checkoutOfRoot, type CheckoutToPay, openCheckout } from './open-checkout.ts'

type Needs = Pick<Deps, 'streams' | 'ids' | 'counters' | 'limits' | 'logger' | 'paymentProvider'>

export interface PlanWish {
  readonly orgId: string
  readonly planId: string
  /** One of the plan's; the first where left out. */
  readonly priceId?: string | undefined
}
export type PlanBought =
  | ({ readonly kind: 'checkout' } & CheckoutToPay)
  /** The provider was told, and will say when it is so. */
  | { readonly kind: 'changing'; readonly charged: 'now' | 'next_period' }
  /** It has this plan, or keeps it: nothing more was asked of anybody. */
  | { readonly kind: 'same' }

/**
 * @throws Refusal plan_not_found, plan_retired, forbidden, price_not_offered, no_payment_provider,
 *   payment_provider_unavailable, payment_provider_refused
 */
export async function buyPlan(deps: Needs, root: Root, wish: PlanWish): Promise<PlanBought> {
  const { orgId, planId } = wish
  const begun = await checkoutOfRoot(deps, root, orgId)
  if (begun) return { kind: 'checkout', ...(await openCheckout(deps, root, orgId, begun)) }
  const { state: published } = await deps.streams.load(plan, planId)
  const offered = offeredTerms(published)
  if (!offered.terms.selfSubscribe) throw new Refusal('forbidden', { needed: 'administrator' })
  const priceId = priceOf(offered, wish.priceId)
  const { state } = await deps.streams.load(subscription, orgId)
  const live = keptAtProvider(state)
  if (live)
    return changePlan(deps, orgId, live, {
      planId,
      priceId,
      priceGiven: wish.priceId !== undefined,
    })
  const { version: planVersion } = offered
  const checkout = { purpose: 'plan', planId, planVersion, priceId, quantity: 1 } as const
  return { kind: 'checkout', ...(await openCheckout(deps, root, orgId, checkout)) }
}

function priceOf({ planId, terms }: PlanTerms, wished: string | undefined): string {
  const prices = (terms.payment?.prices ?? []).map((one) => one.priceId)
  const [first] = prices
  const priceId = wished ?? first
  if (priceId === undefined || !prices.includes(priceId))
    throw new Refusal('price_not_offered', { planId, prices })
  return priceId
}

async function changePlan(
  deps: Needs,
  orgId: string,
  live: Subscription,
  to: { readonly planId: string; readonly priceId: string; readonly priceGiven: boolean },
): Promise<PlanBought> {
  const { subscriptionId } = live
  const asItIs = live.planId === to.planId && !to.priceGiven
  const leaving = live.scheduled !== undefined && live.scheduled.change !== 'resume'
  if (asItIs && !leaving) return { kind: 'same' }
  await takeTurn(deps, orgId)
  if (leaving)
    await askProvider(deps, 'keep subscription', (it) => it.keepSubscription(subscriptionId))
  if (asItIs) return { kind: 'changing', charged: 'next_period' }
  const { charged } = await askProvider(deps, 'change subscription', (it) =>
    it.changePrice({ subscriptionId, priceId: to.priceId, quantity: 1 }),
  )
  return { kind: 'changing', charged }
}
