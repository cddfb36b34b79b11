/**
 * The checkout that a simulated payment pays for: the one that is named, else the organization's newest
 * that waits to be paid, else one that is opened here without asking anybody. Only a checkout that was
 * opened here makes a payment the organization's, simulated or not.
 */
import { type Checkout, payments } from '../../domain/payment/payments.ts'
import { type PlanTerms, plan, termsOf } from '../../domain/plan/plan.ts'
import { Refusal } from '../../domain/refusal.ts'
import { listCatalogue } from '../../projections/catalogue.ts'
import { newId, type Root } from '../context.ts'
import type { Deps } from '../deps.ts'
import { openedCheckout, requestCheckout } from '../payment/checkouts.ts'
import { findOwner } from './find-owner.ts'

type Needs = Pick<Deps, 'streams' | 'views' | 'ids'>

export interface SimulationWish {
  readonly purpose: Checkout['purpose']
  readonly orgId?: string | undefined
  readonly paymentId?: string | undefined
  /** Slug of the plan; the first that is sold where left out. */
  readonly plan?: string | undefined
}
export interface SimulatedCheckout {
  readonly orgId: string
  readonly paymentId: string
  readonly priceId: string
  readonly quantity: number
  readonly checkoutId: string
}

const VIEWS_WITHIN_MS = 1_000

/** @throws Refusal payment_not_found, price_not_offered */
export async function simulatedCheckout(
  deps: Needs,
  root: Root,
  wish: SimulationWish,
): Promise<SimulatedCheckout> {
  const { streams } = deps
  const { paymentId } = wish
  // A checkout that was opened a moment ago is looked up in a view.
  await deps.views.passed(streams.lastWritten(), VIEWS_WITHIN_MS)
  const orgId =
    paymentId === undefined ? wish.orgId : await findOwner(deps, [`payment:${paymentId}`])
  if (orgId === undefined) throw new Refusal('payment_not_found', { paymentId })
  const { state } = await streams.load(payments, orgId)
  const waiting = Array.from(state.checkouts, ([, one]) => one)
    .filter(({ opened, purpose }) =>
      paymentId === undefined
        ? opened !== undefined && purpose === wish.purpose && !state.payments.has(opened.paymentId)
        : opened?.paymentId === paymentId,
    )
    .sort((a, b) => Date.parse(a.requestedAt) - Date.parse(b.requestedAt))
  const found = wish.plan === undefined ? waiting.at(-1) : undefined
  if (found?.opened) return shown(orgId, found, found.opened.paymentId)
  if (paymentId !== undefined) throw new Refusal('payment_not_found', { paymentId })
  return open(deps, root, orgId, wish)
}

const shown = (orgId: string, one: Checkout, paymentId: string): SimulatedCheckout => ({
  orgId,
  paymentId,
  priceId: one.priceId,
  quantity: one.quantity,
  checkoutId: one.checkoutId,
})

async function open(
  deps: Needs,
  root: Root,
  orgId: string,
  { purpose, plan: slug }: SimulationWish,
): Promise<SimulatedCheckout> {
  const sold = (await soldPlans(deps)).find(
    (one) => (slug === undefined || one.terms.slug === slug) && priceOf(one, purpose) !== undefined,
  )
  const priceId = sold && priceOf(sold, purpose)
  if (!sold || priceId === undefined) throw new Refusal('price_not_offered')
  const { planId, version: planVersion } = sold
  const wish = { purpose, planId, planVersion, priceId, quantity: 1 }
  const { checkout } = await requestCheckout(deps, root, orgId, wish)
  const { checkoutId } = checkout
  const paymentId = newId(deps.ids, root, 'checkout', 'simulated').replace(/^chk_/, 'txn_')
  const url = `https://checkout.invalid/simulated?_ptxn=${paymentId}`
  await openedCheckout(deps, root, orgId, { checkoutId, paymentId, url })
  return shown(orgId, checkout, paymentId)
}

const priceOf = ({ terms: { payment } }: PlanTerms, purpose: Checkout['purpose']) =>
  purpose === 'plan' ? payment?.prices[0]?.priceId : payment?.topUpPrices[0]

/** Every plan that is offered and sold at the provider, in order of slug. */
export async function soldPlans({
  streams,
  views,
}: Pick<Deps, 'streams' | 'views'>): Promise<readonly PlanTerms[]> {
  // One that was published a moment ago is looked up in a view.
  await views.passed(streams.lastWritten(), VIEWS_WITHIN_MS)
  const sold: PlanTerms[] = []
  for (let after: string | undefined; ;) {
    const page = await listCatalogue(views, 'plan', {
      limit: 100,
      ...(after === undefined ? {} : { after }),
    })
    for (const { id } of page.items) {
      const { state } = await streams.load(plan, id)
      const terms = state?.retired === false ? termsOf(state) : undefined
      if (terms?.terms.payment) sold.push(terms)
    }
    after = page.next
    if (after === undefined) return sold
  }
}
