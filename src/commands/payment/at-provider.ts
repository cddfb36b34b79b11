/** What an organization can do about its subscription and its payments at the provider. */
import { payments } from '../../domain/payment/payments.ts'
import { Refusal } from '../../domain/refusal.ts'
import { keptAtProvider } from '../../domain/subscription/state.ts'
import { subscription } from '../../domain/subscription/subscription.ts'
import type { CancelTime } from '../../ports/payment-provider.ts'
import { type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'
import { askProvider, takeTurn } from './ask-provider.ts'

type Needs = Pick<Deps, 'streams' | 'limits' | 'logger' | 'paymentProvider'>

/**
 * Writes down that its end is wished, and asks the provider for it; that it has ended, or will, the
 * provider's message says. Answers false where the provider keeps none.
 * @throws Refusal payment_provider_not_set, payment_provider_unavailable, payment_provider_refused
 */
export async function cancelAtProvider(
  deps: Needs & Pick<Deps, 'ids'>,
  root: Root,
  orgId: string,
  when: CancelTime,
): Promise<boolean> {
  const { state } = await deps.streams.load(subscription, orgId)
  const live = keptAtProvider(state)
  if (!live) return false
  // Nothing is promised where nobody can be asked.
  if (!deps.paymentProvider) throw new Refusal('payment_provider_not_set')
  // One that was asked to go on since may go on by now, whatever its last message says.
  const isAgreed =
    live.scheduled?.change === 'cancel' && (live.asked?.what ?? 'cancel') === 'cancel'
  if (when === 'period_end' && isAgreed) return true
  await takeTurn(deps, orgId)
  const { subscriptionId } = live
  await askToEnd(deps, root, orgId, { subscriptionId, when, name: 'request-cancellation' })
  return true
}

/** The wish is written down first. `name`: of the step that it is. */
export async function askToEnd(
  deps: Needs & Pick<Deps, 'ids'>,
  root: Root,
  orgId: string,
  { name, ...end }: { subscriptionId: string; when: CancelTime; name: string },
): Promise<void> {
  await deps.streams.transact(
    subscription,
    orgId,
    { type: 'RequestCancellation', ...end, at: root.at },
    step(deps.ids, { ...root, orgId }, name),
  )
  await askProvider(deps, 'cancel subscription', (it) =>
    it.cancelSubscription(end.subscriptionId, end.when),
  )
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
