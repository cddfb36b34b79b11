/**
 * An administrator corrects what a call was charged. A view says where the charge stands in the
 * account's stream; the charge itself is read there, and the account decides how much can be returned.
 */
import { account } from '../../domain/account/account.ts'
import type { AccountData } from '../../domain/account/events.ts'
import { sumOf } from '../../domain/account/lots.ts'
import { availableOf, balanceOf } from '../../domain/account/state.ts'
import { streamName } from '../../domain/decider.ts'
import { invocationDecider } from '../../domain/invocation/invocation.ts'
import { Refusal } from '../../domain/refusal.ts'
import { revisionOfCharge } from '../../projections/ledger.ts'
import { newId, type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'
import { assertSameWish } from '../same-wish.ts'

/** The view is waited for this long: a charge of a moment ago is found too. */
const VIEWS_MS = 2_000

export interface Correction {
  readonly invocationId: string
  /** Positive in the buyer's favour, negative against. */
  readonly amountNanos: bigint
  /** For the books, kept for ever: it must not name a person. */
  readonly reason: string
}

export interface Corrected {
  readonly adjustmentId: string
  readonly orgId: string
  /** What the call is charged now. */
  readonly chargeNanos: bigint
  readonly balanceNanos: bigint
  readonly availableNanos: bigint
  readonly position: bigint | undefined
}

/** @throws Refusal invocation_not_found, charge_not_found, adjustment_too_large, insufficient_credit */
export async function adjustCharge(
  deps: Pick<Deps, 'streams' | 'ids' | 'views' | 'counters' | 'logger' | 'clock'>,
  root: Root,
  { invocationId, amountNanos, reason }: Correction,
): Promise<Corrected> {
  const { streams, ids } = deps
  await assertSameWish(deps, root)
  const { state: call } = await streams.load(invocationDecider, invocationId)
  const orgId = call.accepted?.orgId ?? call.end?.data.orgId
  if (orgId === undefined) throw new Refusal('invocation_not_found')
  const charged = await chargeOf(deps, orgId, invocationId)
  const adjustmentId = newId(ids, root, 'adjustment')
  const of = call.end?.data.of
  const { state, position } = await streams.transact(
    account,
    orgId,
    {
      type: 'AdjustCharge',
      adjustmentId,
      invocationId,
      amountNanos,
      reason,
      newLotId: newId(ids, root, 'lot'),
      ...(charged && { charged }),
      ...(of && { of }),
      at: root.at,
    },
    step(ids, { ...root, orgId }, 'adjust'),
  )
  return {
    adjustmentId,
    orgId,
    chargeNanos: sumOf(state.adjusted.get(invocationId) ?? charged ?? []),
    balanceNanos: balanceOf(state),
    availableNanos: availableOf(state, root.at),
    position,
  }
}

async function chargeOf(
  { streams, views }: Pick<Deps, 'streams' | 'views'>,
  orgId: string,
  invocationId: string,
): Promise<AccountData<'HoldSettled'>['drawn'] | undefined> {
  await views.passed(streams.lastWritten(), VIEWS_MS)
  const revision = await revisionOfCharge(views, invocationId)
  if (revision === undefined) return undefined
  const found = await streams.readOne(streamName(account.category, orgId), revision)
  if (found?.type !== 'HoldSettled' || found.data['invocationId'] !== invocationId) return undefined
  // The log holds what the schema of HoldSettled has let through.
  return (found.data as AccountData<'HoldSettled'>).drawn
}
