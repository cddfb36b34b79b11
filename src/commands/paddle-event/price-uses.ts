/**
 * What prices of Paddle are for here: by the newest version of a published plan that names them. A
 * subscription keeps the version that it began with, whatever was published since.
 */
import { plan, termsOf } from '../../domain/plan/plan.ts'
import { type PriceUse, type PriceUses, useOf } from '../../domain/paddle-event/translate.ts'
import { subscription } from '../../domain/subscription/subscription.ts'
import { findLinks } from '../../projections/payment-links.ts'
import type { Deps } from '../deps.ts'

export async function priceUses(
  { streams, views }: Pick<Deps, 'streams' | 'views'>,
  priceIds: readonly string[],
  { orgId, subscriptionId = '' }: { orgId: string; subscriptionId?: string | undefined },
): Promise<PriceUses> {
  const links = await findLinks(
    views,
    priceIds.map((id) => `price:${id}`),
  )
  const { all } = (await streams.load(subscription, orgId)).state
  const agreed = all.get(subscriptionId)
  const uses = new Map<string, PriceUse>()
  for (const priceId of priceIds) {
    const planId = links.get(`price:${priceId}`)?.ids[0]
    if (planId === undefined) continue
    const { state } = await streams.load(plan, planId)
    const use = state && useOf(planId, state.versions, priceId)
    if (!use) continue
    const kept = agreed?.planId === planId ? termsOf(state, agreed.planVersion) : undefined
    uses.set(priceId, kept ? { ...use, version: kept.version, terms: kept.terms } : use)
  }
  return uses
}
