/**
 * The calendar period of the plan in force: its included credit, then the note that it has begun. The
 * note comes last, so a crash in between is found again (projections/subscriptions.ts) and the credit,
 * whose id is the period's, comes once.
 */
import { organization } from '../../domain/organization/organization.ts'
import type { Period } from '../../domain/subscription/period.ts'
import { isManual, periodOf } from '../../domain/subscription/state.ts'
import { subscription } from '../../domain/subscription/subscription.ts'
import { user } from '../../domain/user/user.ts'
import { grantPlanCredit } from '../account/grant-plan-credit.ts'
import { namedRoot, type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'
import { planInForce, type PlanInForce } from './plan-in-force.ts'

type Needs = Pick<Deps, 'streams' | 'ids'>

/** Answers the position of the last thing written; undefined where the period had begun before. */
export async function startPeriod(
  deps: Needs,
  root: Root,
  orgId: string,
): Promise<bigint | undefined> {
  const { streams, ids } = deps
  const inForce = await planInForce(deps, orgId, root.at)
  const period = inForce && periodOf(inForce.subscriptions, root.at)
  if (!period) return undefined
  const { planId, subscriptions } = inForce
  if ((subscriptions.periods.get(planId) ?? '') >= period.start) return undefined
  const granted = await grantIncluded(deps, root, orgId, { inForce, period })
  const name = `period/${orgId}/${planId}/${period.start}`
  const { position } = await streams.transact(
    subscription,
    orgId,
    { type: 'StartPeriod', at: root.at },
    step(ids, namedRoot(ids, { ...root, orgId }, name), 'start'),
  )
  return position ?? granted
}

/**
 * Free credit comes once for each person and period, in their personal organization only: the grant is
 * named by the period, whichever free plans were taken in it. What is paid for, the administrator or the
 * payment provider grants.
 */
async function grantIncluded(
  deps: Needs,
  root: Root,
  orgId: string,
  { inForce, period }: { inForce: PlanInForce; period: Period },
): Promise<bigint | undefined> {
  const { planId, terms, access } = inForce
  const { includedCredit } = terms
  if (!includedCredit || !terms.free || !isManual(access.subscriptionId)) return undefined
  const { state: owned } = await deps.streams.load(organization, orgId)
  if (owned?.kind !== 'personal') return undefined
  const { state: person } = await deps.streams.load(user, owned.creatorId)
  if (!person?.active) return undefined
  return grantPlanCredit(deps, root, {
    orgId,
    planId,
    grantId: `free/${period.start}`,
    kind: includedCredit.kind,
    amountNanos: includedCredit.amountNanos,
    period: period.start,
    expiresAt: period.end,
    reason: `credit of the plan ${terms.slug} for its period`,
  })
}
