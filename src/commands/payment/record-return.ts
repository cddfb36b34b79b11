/**
 * Writes down that money of a payment goes back (or no longer does), then posts the credit that follows.
 * As with payments a repeat changes nothing, and the same call again heals a crash.
 */
import { payments, type ReturnMessage } from '../../domain/payment/payments.ts'
import { type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'
import { postCredit } from './post-credit.ts'

/**
 * Answers the position of the last thing written; undefined where all of it was known.
 * @throws Refusal payment_not_found: it has not arrived yet, or was made in another currency
 */
export async function recordReturn(
  deps: Pick<Deps, 'streams' | 'ids'>,
  root: Root,
  orgId: string,
  message: ReturnMessage,
): Promise<bigint | undefined> {
  const own = { ...root, orgId }
  const { position } = await deps.streams.transact(
    payments,
    orgId,
    { type: 'RecordReturn', ...message, at: root.at },
    step(deps.ids, own, `return/${message.returnId}`),
  )
  return (await postCredit(deps, own, orgId)) ?? position
}
