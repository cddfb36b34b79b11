/**
 * A plan under new terms, from now on. The identical text again is no news. Who has the plan keeps the
 * version they took.
 */
import type { PlanInput } from '../../domain/plan/events.ts'
import { plan } from '../../domain/plan/plan.ts'
import { priceList } from '../../domain/price-list/price-list.ts'
import { Refusal } from '../../domain/refusal.ts'
import { same } from '../../domain/same.ts'
import { type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'
import type { Published } from '../published.ts'
import { assertSameWish } from '../same-wish.ts'
import { planIdOf } from './plan-id.ts'

/** @throws Refusal price_list_not_found: a plan without prices could sell nothing */
export async function publishPlan(
  deps: Pick<Deps, 'streams' | 'ids' | 'counters' | 'logger' | 'clock'>,
  root: Root,
  terms: PlanInput,
): Promise<Published> {
  const { streams, ids } = deps
  await assertSameWish(deps, root)
  const { priceListId } = terms.prices
  const { state: list } = await streams.load(priceList, priceListId)
  if (!list) throw new Refusal('price_list_not_found', { priceListId })
  const planId = planIdOf(ids, terms.slug)
  const command = { type: 'PublishPlan', planId, ...terms, at: root.at } as const
  const done = await streams.transact(plan, planId, command, step(ids, root, 'publish'))
  const version = (done.state?.versions.findLastIndex((one) => same(one, terms)) ?? 0) + 1
  return { id: planId, version, position: done.position }
}

/** Nobody new may take the plan; who has it keeps it. @throws Refusal plan_not_found */
export async function retirePlan(
  { streams, ids }: Pick<Deps, 'streams' | 'ids'>,
  root: Root,
  planId: string,
): Promise<{ position: bigint | undefined }> {
  const command = { type: 'RetirePlan', at: root.at } as const
  const { position } = await streams.transact(plan, planId, command, step(ids, root, 'retire'))
  return { position }
}
