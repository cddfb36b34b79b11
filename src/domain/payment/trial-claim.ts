/**
 * Whose the free trial of a customer of the payment provider is: one organization's for each customer,
 * the first that comes. Written before any credit is, so that whoever looks again,
 * whenever, finds the same.
 */
import type { Decider } from '../decider.ts'
import type { TrialClaimEvent } from './events.ts'

export interface TrialClaim {
  /** Whose the customer's trial is; undefined: nobody has tried yet. */
  readonly orgId: string | undefined
}

export interface ClaimTrial {
  readonly type: 'ClaimTrial'
  readonly customerId: string
  readonly orgId: string
  readonly at: string
}

export const trialClaim: Decider<TrialClaim, ClaimTrial, TrialClaimEvent> = {
  category: 'trialClaim',
  initial: () => ({ orgId: undefined }),
  decide({ type: _type, ...data }, { orgId }) {
    return orgId === undefined ? [{ type: 'TrialClaimed', data }] : []
  },
  evolve: (_state, { data: { orgId } }) => ({ orgId }),
}
