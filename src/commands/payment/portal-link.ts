/**
 * A link into the provider's portal. It signs in as the customer, whom the provider knows by an address
 * that whoever paid has typed. So it is given to nobody but who reads mail at that address here; anybody
 * else comes in by the provider's own mail. The address is compared, never kept, shown or logged.
 */
import { payments, type Payments } from '../../domain/payment/payments.ts'
import { Refusal } from '../../domain/refusal.ts'
import { keptAtProvider } from '../../domain/subscription/state.ts'
import { subscription } from '../../domain/subscription/subscription.ts'
import { user } from '../../domain/user/user.ts'
import type { Deps } from '../deps.ts'
import { emailHmacOf } from '../user/find-user.ts'
import { askProvider, providerOf, takeTurn } from './ask-provider.ts'

type Needs = Pick<Deps, 'streams' | 'limits' | 'logger' | 'paymentProvider' | 'sealer'>

export interface PortalWish {
  readonly orgId: string
  /** Who asks. */
  readonly userId: string
}

/**
 * @throws Refusal no_payment_provider, not_subscribed: nothing was ever paid there, portal_not_yours,
 *   payment_provider_unavailable, payment_provider_refused
 */
export async function portalLink(deps: Needs, { orgId, userId }: PortalWish): Promise<string> {
  const { streams } = deps
  providerOf(deps)
  const [{ state: paid }, { state: subscriptions }] = await Promise.all([
    streams.load(payments, orgId),
    streams.load(subscription, orgId),
  ])
  const kept = keptAtProvider(subscriptions)
  const customerId = kept?.customerId ?? customerOf(paid)
  if (customerId === undefined) throw new Refusal('not_subscribed')
  await takeTurn(deps, orgId)
  const address = await askProvider(deps, 'customer', (it) => it.customerEmail(customerId))
  const { state: person } = await streams.load(user, userId)
  const isTheirs =
    address !== undefined &&
    person?.active === true &&
    person.emailVerified &&
    person.emailHmac === emailHmacOf(deps, address)
  if (!isTheirs) throw new Refusal('portal_not_yours')
  const ids = kept ? [kept.subscriptionId] : []
  return askProvider(deps, 'portal link', (it) => it.portalLink(customerId, ids))
}

/** Whom the provider knows this organization as: who paid last. */
const customerOf = (state: Payments): string | undefined =>
  [...state.payments.values()].findLast(({ customerId }) => customerId !== undefined)?.customerId
