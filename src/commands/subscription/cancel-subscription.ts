/** Ends the organization's plan with its calendar period, until which it stays in force; or at once. */
import { subscription } from '../../domain/subscription/subscription.ts'
import { type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'
import type { Subscribed } from './subscribe.ts'

/** @throws Refusal not_subscribed, billing_by_provider */
export async function cancelSubscription(
  { streams, ids }: Pick<Deps, 'streams' | 'ids'>,
  root: Root,
  orgId: string,
  { now = false }: { readonly now?: boolean } = {},
): Promise<Subscribed> {
  const context = step(ids, { ...root, orgId }, 'cancel')
  const { state, revision, position } = await streams.transact(
    subscription,
    orgId,
    { type: 'CancelSubscription', now, eventId: context.commandId, at: root.at },
    context,
  )
  return { state, revision, position }
}
