/** What an organization can do about its subscription and its payments at the provider. */
import { payments } from '../../domain/payment/payments.ts'
import { Refusal } from '../../domain/refusal.ts'
import { isManual, type Subscription, type Subscriptions } from '../../domain/subscription/state.ts'
import { subscription } from '../../domain/subscription/subscription.ts'
import type { CancelTime } from '../../ports/payment-provider.ts'
import { findLinks } from '../../projections/payment-links.ts'
import type { Deps } from '../deps.ts'
import { askProvider, providerOf, takeTurn } from './ask-provider.ts'
import { customerOf } from './open-checkout.ts'

type Needs = Pick<Deps, 'streams' | 'limits' | 'logger' | 'paymentProvider'>

/** The newest that the provider keeps and that has not ended, whatever was taken by hand beside it. */
export const keptAtProvider = (state: Subscriptions): Subscription | undefined =>
  [...state.all.values()]
    .filter(({ status, subscriptionId }) => status !== 'canceled' && !isManual(subscriptionId))
    .sort((a, b) => (a.startedAt < b.startedAt ? 1 : -1))[0]

/**
 * Asks the provider to end the subscription; that it has ended, or will, the provider's message says.
 * Answers false where the provider keeps none.
 * @throws Refusal no_payment_provider, payment_provider_unavailable, payment_provider_refused
 */
export async function cancelAtProvider(
  deps: Needs,
  orgId: string,
  when: CancelTime,
): Promise<boolean> {
  const { state } = await deps.streams.load(subscription, orgId)
  const live = keptAtProvider(state)
  if (!live) return false
  if (when === 'period_end' && live.scheduled?.change === 'cancel') return true
  await takeTurn(deps, orgId)
  await askProvider(deps, 'cancel subscription', (it) =>
    it.cancelSubscription(live.subscriptionId, when),
  )
  return true
}

/**
 * The link signs in as the customer, whom the provider knows by an address that whoever paid has typed.
 * So where a customer has paid for other organizations too nobody is let in from here: whoever reads that
 * address comes in by the provider's own mail.
 * @throws Refusal no_payment_provider, not_subscribed: nothing was ever paid there, forbidden, and as above
 */
export async function portalLink(
  deps: Needs & Pick<Deps, 'views'>,
  orgId: string,
): Promise<string> {
  providerOf(deps)
  const { state } = await deps.streams.load(payments, orgId)
  const { state: subscriptions } = await deps.streams.load(subscription, orgId)
  const kept = keptAtProvider(subscriptions)
  const customerId = kept?.customerId ?? customerOf(state)
  if (customerId === undefined) throw new Refusal('not_subscribed')
  const link = (await findLinks(deps.views, [`customer:${customerId}`])).get(
    `customer:${customerId}`,
  )
  if (link?.ids.some((id) => id !== orgId))
    throw new Refusal('forbidden', { needed: 'administrator' })
  const ids = kept ? [kept.subscriptionId] : []
  await takeTurn(deps, orgId)
  return askProvider(deps, 'portal link', (it) => it.portalLink(customerId, ids))
}

/**
 * The provider's document for a payment of the organization.
 * @throws Refusal payment_not_found (also another organization's), invoice_not_found, and as above
 */
export async function invoiceLink(deps: Needs, orgId: string, paymentId: string): Promise<string> {
  const { state } = await deps.streams.load(payments, orgId)
  if (!state.payments.has(paymentId)) throw new Refusal('payment_not_found', { paymentId })
  await takeTurn(deps, orgId)
  const url = await askProvider(deps, 'invoice link', (it) => it.invoiceLink(paymentId))
  if (url === undefined) throw new Refusal('invoice_not_found')
  return url
}
