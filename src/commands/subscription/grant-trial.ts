/**
 * Credit to try with: once for each person, in their personal organization, when they have shown that
 * they read mail at their address, as the plan taken by hand then says. The trial of what is paid for at
 * a provider comes with its payments.
 */
import { addDays } from '../../domain/subscription/period.ts'
import type { User } from '../../domain/user/user.ts'
import { TRIAL_GRANT } from '../../projections/untried-people.ts'
import { grantPlanCredit } from '../account/grant-plan-credit.ts'
import type { Root } from '../context.ts'
import type { Deps } from '../deps.ts'
import { planInForce } from './plan-in-force.ts'

/** Answers the position of what was written; undefined where there was nothing to give. */
export async function grantTrial(
  deps: Pick<Deps, 'streams' | 'ids'>,
  root: Root,
  person: User,
): Promise<bigint | undefined> {
  if (!person.emailVerified || !person.active) return undefined
  const { personalOrgId: orgId, userId } = person
  const inForce = await planInForce(deps, orgId, root.at, { byHand: true })
  const trial = inForce?.terms.trial
  if (!inForce || !trial) return undefined
  return grantPlanCredit(deps, root, {
    orgId,
    planId: inForce.planId,
    grantId: `${TRIAL_GRANT}${userId}`,
    kind: 'trial',
    amountNanos: trial.amountNanos,
    expiresAt: addDays(root.at, trial.days),
    reason: `trial credit of the plan ${inForce.terms.slug}`,
  })
}
