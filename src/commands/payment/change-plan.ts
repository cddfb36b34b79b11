/**
 * An organization changes the plan that it pays for at the provider: a dearer one now, for the difference;
 * a cheaper one at the end of what is paid for. The provider changes either at once, so what was wished is
 * written down before it is asked (domain/subscription/plan-at.ts). Whatever is changed starts from the
 * price that is paid for, and one process alone does it: nobody pays a difference twice.
 */
import { Refusal } from '../../domain/refusal.ts'
import { endsOfPeriod, planAt } from '../../domain/subscription/plan-at.ts'
import type { PlanChange, Subscription } from '../../domain/subscription/state.ts'
import { subscription } from '../../domain/subscription/subscription.ts'
import type { Reservation } from '../../ports/counters.ts'
import type { Cycle, SubscriptionNow } from '../../ports/payment-provider.ts'
import { type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'
import { askProvider, takeTurn, unavailable } from './ask-provider.ts'
import { askToEnd } from './at-provider.ts'

type Needs = Pick<Deps, 'streams' | 'ids' | 'counters' | 'limits' | 'logger' | 'paymentProvider'>

/** Another plan and version of it, at any of these prices. */
export interface PlanWished {
  readonly planId: string
  readonly planVersion: number
  readonly prices: readonly [string, ...string[]]
  /** The price was named; else that of the plan it has stays. */
  readonly isNamed: boolean
}
export type PlanChanged =
  /** The provider was told, and will say when it is so. */
  | { readonly kind: 'changing'; readonly charged: 'now' | 'next_period' }
  /** It has this plan, and keeps it: nobody was asked. */
  | { readonly kind: 'same' }

/** Longer than one call, and than the provider takes to show what it has done. */
const ALONE_MS = 30_000

/**
 * @throws Refusal billing_cycle_differs, price_not_offered, no_payment_provider,
 *   payment_provider_unavailable, payment_provider_refused
 */
export async function changePlan(
  deps: Needs,
  root: Root,
  orgId: string,
  live: Subscription,
  wish: PlanWished,
): Promise<PlanChanged> {
  if (isAsWished(live, wish, root.at)) return { kind: 'same' }
  await takeTurn(deps, orgId)
  const alone: Reservation = {
    kind: 'lease',
    key: `plan-change:${live.subscriptionId}`,
    limit: 1,
    ttlMs: ALONE_MS,
    holder: deps.ids.random(),
  }
  const taken = await deps.counters.reserve([alone])
  if (!taken.ok) throw unavailable(taken.retryAfterMs)
  const flow = { deps, root, orgId, live, alone, asked: undefined, wasCanceled: false }
  try {
    const changed = await change(flow, wish)
    await deps.counters.release([alone])
    return changed
  } catch (error) {
    // It may be carried out yet: until then nobody starts from what was there before.
    const isUnknown = error instanceof Refusal && error.code === 'payment_provider_unavailable'
    const mayBeCharged = flow.asked === 'difference' && isUnknown
    if (flow.wasCanceled && !mayBeCharged) await endAgain(flow)
    if (!flow.asked || !isUnknown) await deps.counters.release([alone])
    throw error
  }
}

/** As far as the provider has answered what it was asked last. */
function isAsWished(live: Subscription, { planId, isNamed }: PlanWished, at: string): boolean {
  const { messages, asked, scheduled } = live
  const heard = Date.parse(messages.at(-1)?.occurredAt ?? live.startedAt)
  if (isNamed || (asked && Date.parse(asked.at) >= heard)) return false
  const { planId: present, next } = planAt(live, at)
  return present === planId && !next && (scheduled?.change ?? 'resume') === 'resume'
}

interface Flow {
  readonly deps: Needs
  readonly root: Root
  readonly orgId: string
  readonly live: Subscription
  readonly alone: Reservation
  /** The provider was asked to change the price, and has not answered. */
  asked: Charge | undefined
  /** Its end was still to come, until it was asked to go on for the change. */
  wasCanceled: boolean
}
type Charge = 'difference' | 'nothing'
type Price = Pick<PlanChange, 'planId' | 'planVersion' | 'priceId'>

async function change(flow: Flow, wish: PlanWished): Promise<PlanChanged> {
  const { deps, live } = flow
  const { subscriptionId } = live
  const now = await askProvider(deps, 'read subscription', (it) =>
    it.subscriptionNow(subscriptionId),
  )
  const { paid, present } = pricesNow(flow, now)
  const keeps = !wish.isNamed && wish.planId === paid.planId
  const { priceId, isLonger } = keeps
    ? { ...paid, isLonger: false }
    : await choosePrice(deps, wish, now)
  flow.wasCanceled = now.leaving === 'cancel'
  if (now.leaving) await goOn(flow)
  const isPaidFor = priceId === paid.priceId
  // The smaller plan that is still to come is wished again: it comes.
  if (!isPaidFor && priceId === now.priceId) return { kind: 'changing', charged: 'next_period' }
  if (now.priceId !== paid.priceId) {
    await ask(flow, { to: paid, from: present, name: 'restore' }, { effective: 'now' })
  }
  if (isPaidFor) return { kind: 'changing', charged: 'next_period' }
  const { planId, planVersion } = wish
  const to = { planId, planVersion, priceId }
  const move = { to, from: paid, name: 'change' }
  // Nothing is paid for on trial, so nothing is charged and nothing has to stay.
  if (now.onTrial) {
    await ask(flow, move, { effective: 'now' })
    return { kind: 'changing', charged: 'next_period' }
  }
  const dearer = await askProvider(deps, 'preview change', (it) =>
    it.isDearer({ subscriptionId, priceId, quantity: 1 }),
  )
  if (isLonger && !dearer) throw otherCycle(now.cycle, [])
  if (!dearer) {
    const at = now.periodEnd === undefined ? {} : { effectiveAt: now.periodEnd }
    await ask(flow, move, { effective: 'period_end', ...at })
    return { kind: 'changing', charged: 'next_period' }
  }
  await ask(flow, move, { effective: 'now' }, 'difference')
  return { kind: 'changing', charged: 'now' }
}

/** What the running period is paid for at, and what the provider has by now: a smaller plan to come. */
function pricesNow({ live, root }: Flow, { priceId, periodEnd = '' }: SubscriptionNow) {
  const heard = endsOfPeriod(live.messages)
  const ends = heard.includes(periodEnd) ? heard : [periodEnd]
  const to = live.changes.findLast(
    (one) =>
      one.effective === 'period_end' &&
      one.priceId === priceId &&
      ends.includes(one.effectiveAt ?? 'never'),
  )
  if (!to) {
    const present = planAt(live, root.at)
    // The message about a change that was just made may be on its way: the wish knows the price's plan.
    const wished = live.changes.findLast((one) => one.priceId === priceId)
    const isUnheard = wished !== undefined && wished.planId !== present.planId
    const { planId, planVersion } = isUnheard ? wished : present
    const paid: Price = { planId, planVersion, priceId }
    return { paid, present: paid }
  }
  const { planId, planVersion, fromPlanId, fromPlanVersion, fromPriceId } = to
  const paid = { planId: fromPlanId, planVersion: fromPlanVersion, priceId: fromPriceId }
  return { paid, present: { planId, planVersion, priceId } }
}

/**
 * Another cycle begins a period of its own at once. A longer one, that is named, buys it with what is left
 * of the present one; a shorter one would have to wait for its end, which the provider cannot.
 */
async function choosePrice(deps: Needs, wish: PlanWished, { cycle, onTrial }: SubscriptionNow) {
  const [first] = wish.prices
  if (onTrial) return { priceId: first, isLonger: false }
  const offered: Cycle[] = []
  for (const priceId of wish.prices) {
    const price = await askProvider(deps, 'read price', (it) => it.price(priceId))
    if (price?.cycle?.text === cycle.text) return { priceId, isLonger: false }
    if (price?.cycle) offered.push(price.cycle)
  }
  const [named] = wish.isNamed ? offered : []
  if (!named || named.days <= cycle.days) throw otherCycle(cycle, offered)
  return { priceId: first, isLonger: true }
}

const otherCycle = (cycle: Cycle, offered: readonly Cycle[]): Refusal =>
  new Refusal('billing_cycle_differs', {
    cycle: cycle.text,
    offered: offered.map(({ text }) => text),
  })

interface Move {
  readonly to: Price
  readonly from: Price
  readonly name: string
}

async function ask(
  flow: Flow,
  { to, from, name }: Move,
  when: Pick<PlanChange, 'effective' | 'effectiveAt'>,
  charge: Charge = 'nothing',
): Promise<void> {
  const { deps, root, orgId, live, alone } = flow
  const { subscriptionId } = live
  // What came before may have taken long: nobody else may have begun meanwhile.
  const { ok } = await deps.counters.reserve([alone])
  if (!ok) throw unavailable(ALONE_MS)
  const { planId: fromPlanId, planVersion: fromPlanVersion, priceId: fromPriceId } = from
  const before = { fromPlanId, fromPlanVersion, fromPriceId }
  await deps.streams.transact(
    subscription,
    orgId,
    { type: 'RequestPlanChange', subscriptionId, ...to, ...before, ...when, at: root.at },
    step(deps.ids, { ...root, orgId }, `request-${name}`),
  )
  const wish = { subscriptionId, priceId: to.priceId, quantity: 1 }
  flow.asked = charge
  await askProvider(deps, `${name} plan`, (it) => it.changePrice(wish, charge))
  flow.asked = undefined
}

async function goOn({ deps, root, orgId, live: { subscriptionId } }: Flow): Promise<void> {
  await deps.streams.transact(
    subscription,
    orgId,
    { type: 'RequestContinuation', subscriptionId, at: root.at },
    step(deps.ids, { ...root, orgId }, 'request-continuation'),
  )
  await askProvider(deps, 'keep subscription', (it) => it.keepSubscription(subscriptionId))
}

/** Whoever had canceled, and does not get the other plan, is not to be charged for the one before. */
async function endAgain({ deps, root, orgId, live: { subscriptionId } }: Flow): Promise<void> {
  const end = { subscriptionId, when: 'period_end', name: 'request-end-again' } as const
  // What has failed before is what is told; whether it ends, the provider's messages say.
  await askToEnd(deps, root, orgId, end).catch((error: unknown) => {
    if (!(error instanceof Refusal)) throw error
  })
}
