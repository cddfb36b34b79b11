/**
 * Every read model that is filled from the log. Each batch goes through them in this order: the ledger
 * has an event before the balance that its lines are counted from.
 */
import { accountBalance } from './account-balance.ts'
import { invocationHistory } from './invocation-history.ts'
import { ledger } from './ledger.ts'
import { memberships } from './memberships.ts'
import { openHolds } from './open-holds.ts'
import { platformSummary } from './platform-summary.ts'
import type { AnyProjection } from './projection.ts'
import { usageRecords } from './usage-records.ts'
import { usageSummary } from './usage-summary.ts'

export const projections: readonly AnyProjection[] = [
  memberships,
  ledger,
  accountBalance,
  openHolds,
  invocationHistory,
  usageRecords,
  usageSummary,
  platformSummary,
]
