/**
 * Asks the payment provider and turns its failures into our words: what was wrong in the seller's account
 * is for the operator's log, by status and code; who asked hears whether to try again.
 */
import { Refusal } from '../../domain/refusal.ts'
import { PaymentProviderFailure, type PaymentProvider } from '../../ports/payment-provider.ts'
import type { Deps } from '../deps.ts'

type Needs = Pick<Deps, 'paymentProvider' | 'logger'>

/** The provider allows an installation 240 calls a minute: no organization takes them from the others. */
const TURNS = { limit: 30, windowMs: 60_000 } as const

/** Before anything is asked for an organization. @throws Refusal rate_limited */
export async function takeTurn({ limits }: Pick<Deps, 'limits'>, orgId: string): Promise<void> {
  const key = `payment-provider:${orgId}`
  const taken = await limits.reserve([{ kind: 'window', key, ...TURNS, units: 1 }])
  if (taken.ok) return
  throw new Refusal('rate_limited', {
    policyId: 'payment-provider',
    dimension: 'organization',
    measure: 'requests',
    limit: TURNS.limit,
    windowSeconds: TURNS.windowMs / 1_000,
    retryAfterMs: Math.max(1, Math.ceil(taken.retryAfterMs)),
  })
}

/** @throws Refusal no_payment_provider: nobody takes money for this installation */
export function providerOf({ paymentProvider }: Pick<Deps, 'paymentProvider'>): PaymentProvider {
  if (!paymentProvider) throw new Refusal('no_payment_provider')
  return paymentProvider
}

/** @throws Refusal no_payment_provider, payment_provider_unavailable, payment_provider_refused */
export async function askProvider<T>(
  deps: Needs,
  what: string,
  ask: (provider: PaymentProvider) => Promise<T>,
): Promise<T> {
  const provider = providerOf(deps)
  try {
    return await ask(provider)
  } catch (error) {
    if (!(error instanceof PaymentProviderFailure)) throw error
    throw refusalOf(deps, what, error)
  }
}

export function refusalOf(
  { logger }: Pick<Deps, 'logger'>,
  what: string,
  { reason, detail, retryAfterMs, unknown }: PaymentProviderFailure,
): Refusal {
  logger.warn({ what, reason, detail, unknown }, 'the payment provider did not do it')
  if (reason === 'refused' || reason === 'denied') return new Refusal('payment_provider_refused')
  return unavailable(retryAfterMs)
}

export const unavailable = (retryAfterMs: number): Refusal =>
  new Refusal('payment_provider_unavailable', {
    retryAfterSeconds: Math.ceil(retryAfterMs / 1_000),
  })
