/**
 * From a wish to pay to the page where it is paid: written down | made at the provider | written down |
 * answered. The provider knows no idempotency key, so at any time one process alone makes something for a
 * checkout, it looks first for what a lost answer may have left, and after an unknown outcome nobody makes
 * anything for half a minute.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { newId, type Root } from '../context.ts'
import type { Deps } from '../deps.ts'
import { payments, type Checkout, type CheckoutWish } from '../../domain/payment/payments.ts'
import { PaymentProviderFailure } from '../../ports/payment-provider.ts'
import type { Reservation } from '../../ports/counters.ts'
import { providerOf, refusalOf, takeTurn, unavailable } from './ask-provider.ts'
import { openedCheckout, requestCheckout } from './checkouts.ts'

type Needs = Pick<Deps, 'streams' | 'ids' | 'counters' | 'limits' | 'logger' | 'paymentProvider'>

export interface OpenedCheckout extends Checkout {
  readonly opened: NonNullable<Checkout['opened']>
}
export interface CheckoutToPay {
  readonly checkout: OpenedCheckout
  readonly position: bigint | undefined
}

/** Longer than one call, and than the provider takes to show what it has made. */
const ALONE_MS = 30_000
/** Whoever else asks for the same waits so long for who makes it. */
const JOIN_MS = 12_000
const LOOK_EVERY_MS = 50

/** The checkout of this root, as it was wished the first time; undefined: this is the first time. */
export async function checkoutOfRoot(
  { streams, ids }: Pick<Deps, 'streams' | 'ids'>,
  root: Root,
  orgId: string,
): Promise<Checkout | undefined> {
  const { state } = await streams.load(payments, orgId)
  return state.checkouts.get(newId(ids, { ...root, orgId }, 'checkout'))
}

/**
 * The same root again answers the same page.
 * @throws Refusal no_payment_provider, payment_provider_unavailable, payment_provider_refused
 */
export async function openCheckout(
  deps: Needs,
  root: Root,
  orgId: string,
  wish: Omit<CheckoutWish, 'checkoutId'>,
): Promise<CheckoutToPay> {
  providerOf(deps)
  const isRepeat = (await checkoutOfRoot(deps, root, orgId)) !== undefined
  if (!isRepeat) await takeTurn(deps, orgId)
  const { checkout, position } = await requestCheckout(deps, root, orgId, wish)
  if (isOpened(checkout)) return { checkout, position }
  return makeAlone(deps, root, orgId, { checkout, isRepeat })
}

const isOpened = (checkout: Checkout): checkout is OpenedCheckout => checkout.opened !== undefined

interface ToMake {
  readonly checkout: Checkout
  /** It was written down by another execution, which may have come as far as the provider. */
  readonly isRepeat: boolean
}

async function makeAlone(
  deps: Needs,
  root: Root,
  orgId: string,
  toMake: ToMake,
): Promise<CheckoutToPay> {
  const { streams, counters } = deps
  const { checkoutId } = toMake.checkout
  const alone: Reservation = {
    kind: 'lease',
    key: `checkout:${checkoutId}`,
    limit: 1,
    ttlMs: ALONE_MS,
    holder: deps.ids.random(),
  }
  for (const since = performance.now(); ;) {
    const taken = await counters.reserve([alone])
    const { state } = await streams.load(payments, orgId)
    const known = state.checkouts.get(checkoutId)
    if (known && isOpened(known)) {
      if (taken.ok) await counters.release([alone])
      return { checkout: known, position: undefined }
    }
    if (taken.ok) return make(deps, root, orgId, { ...toMake, alone })
    if (performance.now() - since > JOIN_MS) throw unavailable(taken.retryAfterMs)
    await delay(LOOK_EVERY_MS)
  }
}

async function make(
  deps: Needs,
  root: Root,
  orgId: string,
  { checkout, isRepeat, alone }: ToMake & { readonly alone: Reservation },
): Promise<CheckoutToPay> {
  const { counters, streams } = deps
  const { checkoutId } = checkout
  try {
    const made = await makeAtProvider(deps, orgId, { checkout, isRepeat, alone })
    const opened = { paymentId: made.paymentId, url: made.url }
    const position = await openedCheckout(deps, root, orgId, { checkoutId, ...opened })
    await counters.release([alone])
    const { state } = await streams.load(payments, orgId)
    // Whoever was quicker has opened it first: what is written counts.
    const written = state.checkouts.get(checkoutId)
    return { checkout: { ...checkout, opened: written?.opened ?? opened }, position }
  } catch (error) {
    if (!(error instanceof PaymentProviderFailure)) throw error
    if (!error.unknown) await counters.release([alone])
    throw refusalOf(deps, 'open checkout', error)
  }
}

async function makeAtProvider(
  deps: Needs,
  orgId: string,
  { checkout, isRepeat, alone }: ToMake & { readonly alone: Reservation },
) {
  const provider = providerOf(deps)
  const { checkoutId, requestedAt, priceId, quantity } = checkout
  const find = () => provider.findCheckout(checkoutId, requestedAt)
  const before = isRepeat ? await find() : undefined
  if (before) return before
  // Looking may have taken long: the half minute is counted from here.
  const { ok } = await deps.counters.reserve([alone])
  if (!ok) throw new PaymentProviderFailure('away', { detail: 'not alone any more' })
  try {
    // Whoever paid before is not named: the page would show their address to whoever pays now.
    return await provider.openCheckout({ checkoutId, orgId, priceId, quantity })
  } catch (error) {
    if (!(error instanceof PaymentProviderFailure) || !error.unknown) throw error
    const made = await find().catch(() => undefined)
    if (!made) throw error
    return made
  }
}
