/**
 * Whose a message of Paddle is: by subscription, then by the payment that we opened, then by customer; a
 * view says where to look, the organization's own streams confirm it. What a browser could have put into
 * `custom_data` is never asked.
 */
import { checkoutOf, type Payments, payments } from '../../domain/payment/payments.ts'
import type { Links } from '../../domain/paddle-event/payload.ts'
import { subscription } from '../../domain/subscription/subscription.ts'
import type { Subscriptions } from '../../domain/subscription/state.ts'
import type { Position } from '../../ports/event-store.ts'
import { findLinks, type PaymentLink } from '../../projections/payment-links.ts'
import type { Deps } from '../deps.ts'

const VIEWS_WITHIN_MS = 1_000

interface Known {
  readonly paid: Payments
  readonly subscribed: Subscriptions
}

/**
 * The organization's id; undefined while nothing links it. `asOf`: where the message stands in the log.
 * What we had opened by then tells whose it is before the customer does, so while the view may lack it
 * the customer tells nothing: one customer's first payment for another organization would be taken for
 * the one that is known.
 */
export async function findOwner(
  { streams, views }: Pick<Deps, 'streams' | 'views'>,
  keys: Links,
  asOf: Position = streams.lastWritten(),
): Promise<string | undefined> {
  const isWhole = await views.passed(asOf, VIEWS_WITHIN_MS)
  const links = await findLinks(views, keys)
  for (const key of keys) {
    if (!isWhole && key.startsWith('customer:')) continue
    const orgId = onlyOne(links.get(key))
    if (orgId === undefined) continue
    const [{ state: paid }, { state: subscribed }] = await Promise.all([
      streams.load(payments, orgId),
      streams.load(subscription, orgId),
    ])
    if (confirms({ paid, subscribed }, key)) return orgId
  }
  return undefined
}

/** Whoever pays for several organizations does not say by paying for which. */
const onlyOne = (link: PaymentLink | undefined): string | undefined =>
  link?.ids.length === 1 ? link.ids[0] : undefined

function confirms({ paid, subscribed }: Known, key: string): boolean {
  const colon = key.indexOf(':')
  const [noun, id] = [key.slice(0, colon), key.slice(colon + 1)]
  const all = [...paid.payments.values()]
  switch (noun) {
    case 'payment': {
      return paid.payments.has(id) || checkoutOf(paid, id) !== undefined
    }
    case 'subscription':
      return subscribed.all.has(id) || all.some(({ subscriptionId }) => subscriptionId === id)
    case 'customer': {
      const followed = [...subscribed.all.values()].some(({ customerId }) => customerId === id)
      return followed || all.some(({ customerId }) => customerId === id)
    }
    default:
      return false
  }
}
