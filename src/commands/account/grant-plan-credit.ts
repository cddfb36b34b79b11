/**
 * Credit that comes with a plan: once for each `grantId`, whoever asks for it and however often. The
 * ids follow from the organization and the grant, so the request, the worker and the sweep write one lot.
 */
import { account } from '../../domain/account/account.ts'
import type { CreditKind } from '../../domain/account/events.ts'
import { idFromUuid } from '../../domain/ids.ts'
import { namedRoot, type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'
import { openAccount } from './open-account.ts'

export interface PlanCredit {
  readonly orgId: string
  readonly grantId: string
  readonly kind: CreditKind
  /** nano-USD, as plans store it. */
  readonly amountNanos: string
  readonly expiresAt: string
  readonly reason: string
  readonly planId: string
  /** Start of the calendar period. */
  readonly period?: string
}

/** Answers the position of what was written; undefined where the credit had come before. */
export async function grantPlanCredit(
  deps: Pick<Deps, 'streams' | 'ids'>,
  root: Root,
  { orgId, planId, ...credit }: PlanCredit,
): Promise<bigint | undefined> {
  const { streams, ids } = deps
  const { state } = await openAccount(deps, root, orgId)
  if (state.facts.has(`grant:${credit.grantId}`)) return undefined
  const own = namedRoot(ids, { ...root, orgId }, `grant/${orgId}/${credit.grantId}`)
  const { position } = await streams.transact(
    account,
    orgId,
    {
      type: 'GrantCredit',
      lotId: idFromUuid('lot', own.id),
      ...credit,
      amountNanos: BigInt(credit.amountNanos),
      source: 'plan',
      sourceId: planId,
      at: root.at,
    },
    step(ids, own, 'grant'),
  )
  return position
}
