/**
 * Asks the payment provider and turns its failures into our words: what was wrong in the seller's account
 * is for the operator's log, by status and code; who asked hears whether to try again.
 */
import { Refusal } from '../../domain/refusal.ts'
import { PaymentProviderFailure, type PaymentProvider } from '../../ports/payment-provider.ts'
import type { Deps } from '../deps.ts'

type Needs = Pick<Deps, 'paymentProvider' | 'logger'>

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
