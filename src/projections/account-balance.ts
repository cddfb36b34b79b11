/**
 * What each account has: one document for each organization, for lists and the ledger's last line.
 * Decisions about money read the account's stream, never this.
 */
import { accountEvents } from '../domain/account/events.ts'
import { parseStreamName } from '../domain/decider.ts'
import { effectOf } from './account-effect.ts'
import { projection, type ProjectedEvent } from './projection.ts'
import { addNanos } from './usage-totals.ts'

export interface AccountBalance {
  readonly orgId: string
  /** Of the account's stream. */
  readonly revision: number
  readonly openedAt: string
  readonly changedAt: string
  /** All credit that is not charged, expired or taken back, less the debt; held credit is in it. */
  readonly balanceNanos: string
  readonly heldNanos: string
  readonly grantedNanos: string
  readonly revokedNanos: string
  readonly expiredNanos: string
  readonly chargedNanos: string
  /** Corrections: positive in the buyer's favour. */
  readonly adjustedNanos: string
  readonly openHolds: number
}

const none: Omit<AccountBalance, 'orgId' | 'revision' | 'openedAt' | 'changedAt'> = {
  balanceNanos: '0',
  heldNanos: '0',
  grantedNanos: '0',
  revokedNanos: '0',
  expiredNanos: '0',
  chargedNanos: '0',
  adjustedNanos: '0',
  openHolds: 0,
}

type Sum = 'grantedNanos' | 'revokedNanos' | 'expiredNanos' | 'chargedNanos' | 'adjustedNanos'
/** Which total an event adds to (with the sign of what the balance does), how many holds it opens. */
const changes: Readonly<Record<string, { sum?: Sum; sign?: -1n; holds?: 1 | -1 }>> = {
  CreditGranted: { sum: 'grantedNanos' },
  CreditRevoked: { sum: 'revokedNanos', sign: -1n },
  CreditExpired: { sum: 'expiredNanos', sign: -1n },
  HoldPlaced: { holds: 1 },
  HoldSettled: { sum: 'chargedNanos', sign: -1n, holds: -1 },
  HoldReleased: { holds: -1 },
  ChargeAdjusted: { sum: 'adjustedNanos' },
}

const handler = {
  keys: ({ stream }: ProjectedEvent<unknown>) => parseStreamName(stream).id,
  project(
    view: AccountBalance | undefined,
    event: ProjectedEvent<{ readonly at: string }>,
    key: string,
  ): AccountBalance {
    const { at } = event.data
    const before = view ?? { orgId: key, revision: -1, openedAt: at, changedAt: at, ...none }
    const effect = effectOf(event)
    const { sum, sign = 1n, holds = 0 } = changes[event.type] ?? {}
    return {
      ...before,
      revision: event.revision,
      changedAt: at,
      balanceNanos: addNanos(before.balanceNanos, effect.balanceNanos),
      heldNanos: addNanos(before.heldNanos, effect.heldNanos),
      ...(sum && {
        [sum]: (BigInt(before[sum]) + sign * BigInt(effect.balanceNanos)).toString(),
      }),
      openHolds: before.openHolds + holds,
    }
  },
}

export const accountBalance = projection<AccountBalance, typeof accountEvents>(accountEvents, {
  name: 'account-balance',
  version: 1,
  indexes: {},
  on: {
    BillingAccountOpened: handler,
    CreditGranted: handler,
    CreditRevoked: handler,
    CreditExpired: handler,
    HoldPlaced: handler,
    HoldSettled: handler,
    HoldReleased: handler,
    ChargeAdjusted: handler,
  },
})
