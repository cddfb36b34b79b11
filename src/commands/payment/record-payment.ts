/**
 * Writes down a payment that the provider has taken, then posts the credit that follows. A repeat, from
 * whatever message and in whatever order, changes nothing that it should not; a crash between the two is
 * healed by the same call again.
 */
import { type PaymentMessage, payments } from '../../domain/payment/payments.ts'
import { type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'
import { claimTrial } from './claim-trial.ts'
import { postCredit } from './post-credit.ts'

/**
 * Answers the position of the last thing written; undefined where all of it was known.
 * @throws Refusal adjustment_too_large (more than an account can hold)
 */
export async function recordPayment(
  deps: Pick<Deps, 'streams' | 'ids'>,
  root: Root,
  orgId: string,
  payment: PaymentMessage,
): Promise<bigint | undefined> {
  const own = { ...root, orgId }
  const counted = await claimTrial(deps, root, orgId, payment)
  const { position } = await deps.streams.transact(
    payments,
    orgId,
    { type: 'ReceivePayment', ...counted, at: root.at },
    step(deps.ids, own, `payment/${payment.paymentId}`),
  )
  return (await postCredit(deps, own, orgId)) ?? position
}
