/**
 * What prices of Paddle are for here, and by which version of their plan: the one that the buyer was
 * shown when they opened the checkout or wished the change, whatever was published since; without such a
 * promise the version that the subscription is on, and for what is not known here the newest.
 */
import { plan } from '../../domain/plan/plan.ts'
import type { PlanInput } from '../../domain/plan/events.ts'
import {
  type Checkout,
  checkoutOf,
  payments,
  type Payments,
} from '../../domain/payment/payments.ts'
import type { SubscriptionPayload, TransactionPayload } from '../../domain/paddle-event/payload.ts'
import {
  type PriceUse,
  type PriceUses,
  type Source,
  useOf,
} from '../../domain/paddle-event/translate.ts'
import type { Subscription } from '../../domain/subscription/state.ts'
import { subscription } from '../../domain/subscription/subscription.ts'
import { findLinks } from '../../projections/payment-links.ts'
import type { Deps } from '../deps.ts'

/** What a message says, as far as it tells which promise it keeps. */
export interface Bought {
  readonly orgId: string
  readonly priceIds: readonly string[]
  readonly subscriptionId?: string | undefined
  /** A transaction's own, or the one that a subscription was created by. */
  readonly paymentId?: string | undefined
  readonly occurredAt: string
  /** Of the subscription, where the message says it. */
  readonly startedAt?: string | undefined
}

/** Paddle's clock and ours. */
const CLOCKS_MS = 60_000

/** Of a subscription's message. */
export const boughtBySubscription = (
  orgId: string,
  data: SubscriptionPayload,
  { occurredAt }: Source,
): Bought => ({
  orgId,
  priceIds: data.items.map(({ price }) => price.id),
  subscriptionId: data.id,
  paymentId: data.transaction_id ?? undefined,
  occurredAt,
  startedAt: data.started_at ?? data.first_billed_at ?? data.created_at ?? undefined,
})

/** Of a transaction's. */
export const boughtByTransaction = (
  orgId: string,
  data: TransactionPayload,
  { occurredAt }: Source,
): Bought => ({
  orgId,
  priceIds: data.items.map(({ price }) => price.id),
  subscriptionId: data.subscription_id ?? undefined,
  paymentId: data.id,
  occurredAt,
})

export async function priceUses(
  { streams, views }: Pick<Deps, 'streams' | 'views'>,
  bought: Bought,
): Promise<PriceUses> {
  const { orgId, priceIds, subscriptionId = '' } = bought
  const links = await findLinks(
    views,
    priceIds.map((id) => `price:${id}`),
  )
  const [{ state: paid }, { state: subscribed }] = await Promise.all([
    streams.load(payments, orgId),
    streams.load(subscription, orgId),
  ])
  const known = { paid, kept: subscribed.all.get(subscriptionId) }
  const uses = new Map<string, PriceUse>()
  for (const priceId of priceIds) {
    const planId = links.get(`price:${priceId}`)?.ids[0]
    if (planId === undefined) continue
    const { state } = await streams.load(plan, planId)
    if (!state) continue
    const use = useBy(
      state.versions,
      { planId, priceId },
      promised(known, bought, { planId, priceId }),
    )
    if (use) uses.set(priceId, use)
  }
  return uses
}

interface Known {
  readonly paid: Payments
  readonly kept: Subscription | undefined
}
interface PlanPromise {
  readonly planVersion: number
  readonly at: string
}

interface Sold {
  readonly planId: string
  readonly priceId: string
}

function useBy(
  versions: readonly PlanInput[],
  { planId, priceId }: Sold,
  version: number | undefined,
): PriceUse | undefined {
  const newest = useOf(planId, versions, priceId)
  const terms = version === undefined ? undefined : versions[version - 1]
  if (!newest || !terms || version === undefined) return newest
  // What a price is for, a version says that names it; those before it keep their own terms.
  const { sells } = useOf(planId, [terms], priceId) ?? newest
  return { planId, version, terms, sells }
}

/** A change that was wished and never made promises nothing: its price does not appear. */
function promised({ paid, kept }: Known, bought: Bought, sold: Sold): number | undefined {
  const { planId, priceId } = sold
  const until = Date.parse(bought.occurredAt) + CLOCKS_MS
  const opened = openedFor(paid, sold)
  const paidBy = checkoutThatPaid(paid, bought, opened)
  const changes: readonly PlanPromise[] =
    kept?.changes.filter((one) => one.planId === planId && one.priceId === priceId) ?? []
  const promises = paidBy?.planId === planId ? [promiseOf(paidBy)] : []
  const last = newest([...promises, ...changes].filter(({ at }) => Date.parse(at) <= until))
  if (last) return last.planVersion
  if (kept?.planId === planId) return kept.planVersion
  if (bought.subscriptionId === undefined) return undefined
  // Its payment has not come: what the organization opened last before it began.
  const began = Date.parse(bought.startedAt ?? kept?.startedAt ?? bought.occurredAt) + CLOCKS_MS
  const waiting = opened.filter((one) => !paid.payments.has(one.opened?.paymentId ?? ''))
  return newest(waiting.map(promiseOf).filter(({ at }) => Date.parse(at) <= began))?.planVersion
}

const promiseOf = ({ planVersion, requestedAt: at }: Checkout): PlanPromise => ({ planVersion, at })

const newest = (all: readonly PlanPromise[]): PlanPromise | undefined =>
  all.toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at)).at(-1)

const openedFor = ({ checkouts }: Payments, { planId, priceId }: Sold): readonly Checkout[] =>
  Array.from(checkouts, ([, one]) => one).filter(
    (one) =>
      one.purpose === 'plan' && one.planId === planId && one.priceId === priceId && one.opened,
  )

/** Its own, else the one that paid for the subscription first, as far as payments have come. */
function checkoutThatPaid(
  paid: Payments,
  { paymentId, subscriptionId }: Bought,
  opened: readonly Checkout[],
): Checkout | undefined {
  const own = paymentId === undefined ? undefined : checkoutOf(paid, paymentId)
  if (own || subscriptionId === undefined) return own
  const known = [...paid.payments.values()].filter((one) => one.subscriptionId === subscriptionId)
  return opened.find((one) => known.some(({ paymentId: id }) => id === one.opened?.paymentId))
}
