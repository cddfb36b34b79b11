/**
 * Subscriptions that a payment provider keeps while nobody here asks it: nobody can change or end them, and
 * where its messages are not heard either they stay for ever. Whoever starts or watches the server is told.
 */
import { countKept } from '../../projections/subscriptions.ts'
import type { Deps } from '../deps.ts'

/** So far is counted. */
const MANY = 1_000

type Needs = Pick<Deps, 'views' | 'paymentProvider'>

export const hasUnheard = async (deps: Needs): Promise<boolean> =>
  !deps.paymentProvider && (await countKept(deps.views, 1)) > 0

/** A line for whoever starts the server; none where all is well. */
export async function sayUnheard(deps: Needs & Pick<Deps, 'logger'>): Promise<string[]> {
  if (deps.paymentProvider) return []
  const organizations = await countKept(deps.views, MANY)
  if (organizations === 0) return []
  deps.logger.warn({ organizations }, 'subscriptions are kept by a provider that nobody asks')
  const count = organizations === MANY ? `${MANY} or more` : String(organizations)
  return [
    `organizations with a subscription at a payment provider that BILLING=manual cannot ask: ${count}; ` +
      'they are still charged there; set the provider again and end them',
  ]
}
