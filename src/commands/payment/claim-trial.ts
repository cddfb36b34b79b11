/**
 * Credit to try with is given once for each customer of the payment provider, whatever organizations they
 * make. Which was the first is written in the claim's stream before the payment is, and what came of it
 * stands in the payment's own event: reading the log again decides nothing anew.
 */
import type { PaymentMessage } from '../../domain/payment/payments.ts'
import { trialClaim } from '../../domain/payment/trial-claim.ts'
import { type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'

/** The payment as it counts here: without credit where its customer has tried in another organization. */
export async function claimTrial(
  { streams, ids }: Pick<Deps, 'streams' | 'ids'>,
  root: Root,
  orgId: string,
  payment: PaymentMessage,
): Promise<PaymentMessage> {
  const { purpose, customerId } = payment
  if (purpose !== 'trial' || customerId === undefined) return payment
  const { state } = await streams.transact(
    trialClaim,
    // The provider's id may have any form: the stream's name must not.
    ids.sha256(customerId),
    { type: 'ClaimTrial', customerId, orgId, at: root.at },
    step(ids, { ...root, orgId }, `trial/${payment.paymentId}`),
  )
  return state.orgId === orgId ? payment : { ...payment, creditNanos: '0', trialUsed: true }
}
