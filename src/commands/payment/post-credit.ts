/**
 * The credit that an organization's payments stand for, posted to its account. Posting says what each
 * payment stands for now, so a repeat writes nothing; and whoever has posted looks once more whether the
 * payments have moved meanwhile, so that of several at once the last leaves what the newest set says.
 */
import { account } from '../../domain/account/account.ts'
import { postedOf } from '../../domain/account/state.ts'
import { streamName } from '../../domain/decider.ts'
import { idFromUuid } from '../../domain/ids.ts'
import { creditOf, type PaymentCredit } from '../../domain/payment/credit.ts'
import { type Payments, payments } from '../../domain/payment/payments.ts'
import { openAccount } from '../account/open-account.ts'
import { type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'

type Needs = Pick<Deps, 'streams' | 'ids'>
interface Known {
  readonly state: Payments
  readonly revision: number
}

/**
 * Answers the position of the last thing written; undefined where the account had it all.
 * @throws Refusal adjustment_too_large: more than an account can hold
 */
export async function postCredit(
  deps: Needs,
  root: Root,
  orgId: string,
): Promise<bigint | undefined> {
  const { streams } = deps
  const stream = streamName(payments.category, orgId)
  const opened = await openAccount(deps, root, orgId)
  let position = opened.position
  for (let known: Known = await streams.load(payments, orgId); ;) {
    for (const credit of creditOf(known.state))
      position = (await postOne(deps, root, orgId, { credit, asOf: known.revision })) ?? position
    if (((await streams.revision(stream)) ?? -1) === known.revision) return position
    // What this process keeps may be behind what another has written.
    known = await streams.loadCurrent(payments, orgId)
  }
}

async function postOne(
  { streams, ids }: Needs,
  root: Root,
  orgId: string,
  { credit, asOf }: { readonly credit: PaymentCredit; readonly asOf: number },
): Promise<bigint | undefined> {
  const { paymentId, kind, nanos: targetNanos, expiresAt } = credit
  const { state } = await streams.load(account, orgId)
  const posted = postedOf(state, paymentId)
  if (posted === targetNanos) return undefined
  const context = step(ids, { ...root, orgId }, `post/${paymentId}/${asOf}`)
  const { position } = await streams.transact(
    account,
    orgId,
    {
      type: 'PostCredit',
      paymentId,
      targetNanos,
      postId: context.commandId,
      lotId: idFromUuid('lot', ids.derive(context.commandId, 'lot')),
      lastingLotId: idFromUuid('lot', ids.derive(context.commandId, 'lasting lot')),
      kind,
      ...(expiresAt !== undefined && { expiresAt }),
      reason: targetNanos > posted ? `payment ${paymentId}` : `less of payment ${paymentId}`,
      at: root.at,
    },
    context,
  )
  return position
}
