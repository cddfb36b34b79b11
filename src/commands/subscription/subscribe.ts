/**
 * An organization takes a plan, at once, without a payment provider. The same plan again changes
 * nothing; another one ends the present one at that moment.
 */
import { offeredTerms, plan, type PlanTerms, termsOf } from '../../domain/plan/plan.ts'
import { Refusal } from '../../domain/refusal.ts'
import { subscription } from '../../domain/subscription/subscription.ts'
import { keptAtProvider, type Subscriptions } from '../../domain/subscription/state.ts'
import { type CommandContext, type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'
import { startPeriod } from './start-period.ts'

export interface Subscribed {
  readonly state: Subscriptions
  readonly revision: number
  /** Of the last thing written; undefined: the organization had this plan. */
  readonly position: bigint | undefined
}

type Needs = Pick<Deps, 'streams' | 'ids' | 'settings'>

/**
 * @param byAdministrator also a plan that organizations do not take by themselves
 * @throws Refusal plan_not_found, plan_retired, forbidden, billing_by_provider, payment_provider_not_set
 */
export async function subscribe(
  deps: Needs,
  root: Root,
  wish: { readonly orgId: string; readonly planId: string; readonly byAdministrator?: boolean },
): Promise<Subscribed> {
  const { streams, ids, settings } = deps
  const { orgId, planId } = wish
  const own = { ...root, orgId }
  const context = step(ids, own, 'subscribe')
  const { state: published } = await streams.load(plan, planId)
  const { keyed, state: present } = await streams.load(subscription, orgId)
  if (settings.billing === 'manual' && keptAtProvider(present))
    throw new Refusal('payment_provider_not_set')
  // A repeat is answered as the first time, whatever has become of the plan.
  const repeated = root.digest !== undefined && keyed.has(context.commandId)
  const offered = repeated ? termsOf(published) : offeredTerms(published)
  if (!offered) throw new Refusal('plan_not_found')
  if (!repeated && !wish.byAdministrator) assertSelfService(settings, offered)
  const done = await takePlan(deps, orgId, offered, context)
  const started = await startPeriod(deps, own, orgId)
  return { ...done, position: started ?? done.position }
}

function assertSelfService({ billing }: Deps['settings'], { terms }: PlanTerms): void {
  if (!terms.selfSubscribe) throw new Refusal('forbidden', { needed: 'administrator' })
  // Nobody takes by a word here what is paid for there.
  if (billing !== 'manual' && !terms.free) throw new Refusal('billing_by_provider')
}

/** Writes that the organization has the plan under these terms. */
export async function takePlan(
  { streams }: Pick<Deps, 'streams'>,
  orgId: string,
  { planId, version: planVersion, terms: { graceDays } }: PlanTerms,
  context: CommandContext,
): Promise<Subscribed> {
  const { commandId: eventId, at } = context
  const subscriptionId = `manual:${eventId}`
  const facts = { subscriptionId, planId, planVersion, graceDays, eventId, at }
  const { state, revision, position } = await streams.transact(
    subscription,
    orgId,
    { type: 'Subscribe', ...facts },
    context,
  )
  return { state, revision, position }
}
