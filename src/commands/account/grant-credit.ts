/** Credit that an administrator gives, as one lot. The same key gives it once. */
import { account } from '../../domain/account/account.ts'
import type { CreditKind } from '../../domain/account/events.ts'
import { availableOf, balanceOf } from '../../domain/account/state.ts'
import { organization } from '../../domain/organization/organization.ts'
import { Refusal } from '../../domain/refusal.ts'
import { newId, type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'
import { assertSameWish } from '../same-wish.ts'
import { openAccount } from './open-account.ts'

export interface CreditGrant {
  readonly orgId: string
  readonly amountNanos: bigint
  readonly kind: CreditKind
  /** For the books, kept for ever: it must not name a person. */
  readonly reason: string
  /** ISO time; unlimited where left out. */
  readonly expiresAt?: string
}

export interface GrantedCredit {
  readonly lotId: string
  readonly balanceNanos: bigint
  readonly availableNanos: bigint
  readonly position: bigint | undefined
}

/** @throws Refusal organization_not_found, adjustment_too_large (more than an account can hold) */
export async function grantCredit(
  deps: Pick<Deps, 'streams' | 'ids' | 'counters' | 'logger' | 'clock'>,
  root: Root,
  { orgId, ...credit }: CreditGrant,
): Promise<GrantedCredit> {
  const { streams, ids } = deps
  await assertSameWish(deps, root)
  const { state: known } = await streams.load(organization, orgId)
  if (!known) throw new Refusal('organization_not_found')
  const own = { ...root, orgId }
  await openAccount(deps, own, orgId)
  const lotId = newId(ids, root, 'lot')
  const { state, position } = await streams.transact(
    account,
    orgId,
    {
      type: 'GrantCredit',
      grantId: lotId,
      lotId,
      ...credit,
      source: 'administrator',
      at: root.at,
    },
    step(ids, own, 'grant'),
  )
  const availableNanos = availableOf(state, root.at)
  return { lotId, balanceNanos: balanceOf(state), availableNanos, position }
}
