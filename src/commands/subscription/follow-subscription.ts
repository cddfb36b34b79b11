/**
 * A payment provider's word on a subscription becomes ours. What the organization then has is a function
 * of the set of messages in the provider's order, so a repeat or a late one changes nothing it should not.
 */
import { subscription, type SubscriptionMessage } from '../../domain/subscription/subscription.ts'
import { type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'

/** Answers the position of what was written; undefined where the message was known. */
export async function followSubscription(
  { streams, ids }: Pick<Deps, 'streams' | 'ids'>,
  root: Root,
  orgId: string,
  message: SubscriptionMessage,
): Promise<bigint | undefined> {
  const { position } = await streams.transact(
    subscription,
    orgId,
    { type: 'FollowSubscription', ...message, at: root.at },
    step(ids, { ...root, orgId }, `follow/${message.subscriptionId}`),
  )
  return position
}
