/**
 * Checkouts: written down before the provider is asked for one, and again when it has answered, so that
 * a payment is only ever this organization's when we opened it.
 */
import { type Checkout, type CheckoutWish, payments } from '../../domain/payment/payments.ts'
import { newId, type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'

type Needs = Pick<Deps, 'streams' | 'ids'>

export interface RequestedCheckout {
  /** Follows from the root: a repeat finds its own, opened or not. */
  readonly checkout: Checkout
  readonly position: bigint | undefined
}

export async function requestCheckout(
  { streams, ids }: Needs,
  root: Root,
  orgId: string,
  wish: Omit<CheckoutWish, 'checkoutId'>,
): Promise<RequestedCheckout> {
  const own = { ...root, orgId }
  const checkoutId = newId(ids, own, 'checkout')
  const { state, position } = await streams.transact(
    payments,
    orgId,
    { type: 'RequestCheckout', checkoutId, ...wish, at: root.at },
    step(ids, own, 'request-checkout'),
  )
  const checkout = state.checkouts.get(checkoutId)
  if (!checkout) throw new Error(`checkout ${checkoutId} was written and is not there`)
  return { checkout, position }
}

/** The provider's answer to `requestCheckout`. */
export async function openedCheckout(
  { streams, ids }: Needs,
  root: Root,
  orgId: string,
  opened: { readonly checkoutId: string; readonly paymentId: string; readonly url: string },
): Promise<bigint | undefined> {
  const { position } = await streams.transact(
    payments,
    orgId,
    { type: 'OpenCheckout', ...opened, at: root.at },
    step(ids, { ...root, orgId }, 'open-checkout'),
  )
  return position
}
