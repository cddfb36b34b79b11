/** A plan that is sold at Paddle, and an organization that has paid there and is about to pay again. */
import { openedCheckout, requestCheckout } from '../../src/commands/payment/checkouts.ts'
import { recordPayment } from '../../src/commands/payment/record-payment.ts'
import { publishPlan } from '../../src/commands/plan/publish-plan.ts'
import { plan, termsOf } from '../../src/domain/plan/plan.ts'
import type { TestApp } from './app.ts'
import { operatorRoot } from './seed.ts'

export const PRICE_ID = 'pri_kill'
/** Its checkout is open. */
export const OPEN_PAYMENT = 'txn_kill_open'
/** Was paid, and its credit is there. */
export const DONE_PAYMENT = 'txn_kill_done'

export async function seedPayments(
  { app: { deps } }: TestApp,
  orgId: string,
  likePlanId: string,
): Promise<void> {
  const terms = termsOf((await deps.streams.load(plan, likePlanId)).state)?.terms
  if (!terms) throw new Error(`${likePlanId} is no plan`)
  const sold = {
    ...terms,
    slug: 'sold',
    free: false,
    payment: {
      prices: [{ priceId: PRICE_ID }],
      topUpPrices: [],
      creditPerMinorUnit: { USD: '10000000' },
    },
  }
  const { id: planId } = await publishPlan(deps, operatorRoot(deps), sold)
  const root = operatorRoot(deps)
  const { checkout } = await requestCheckout(deps, root, orgId, {
    purpose: 'plan',
    planId,
    planVersion: 1,
    priceId: PRICE_ID,
    quantity: 1,
  })
  const { checkoutId } = checkout
  const url = 'https://example.com/pay'
  await openedCheckout(deps, root, orgId, { checkoutId, paymentId: OPEN_PAYMENT, url })
  await recordPayment(deps, root, orgId, {
    paymentId: DONE_PAYMENT,
    purpose: 'top_up',
    planId,
    planVersion: 1,
    creditNanos: '10000000000',
    currency: 'USD',
    totalMinor: '1000',
    taxMinor: '0',
    occurredAt: '2026-01-01T00:00:00.000000000Z',
    eventId: 'evt_kill_done',
  })
}
