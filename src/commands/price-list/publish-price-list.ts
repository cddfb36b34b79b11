/** New prices, from a day on. No past call changes: each names the version of its hold. */
import type { PriceListInput } from '../../domain/price-list/events.ts'
import { priceList } from '../../domain/price-list/price-list.ts'
import { same } from '../../domain/same.ts'
import { type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'
import type { Published } from '../published.ts'
import { assertSameWish } from '../same-wish.ts'
import { priceListIdOf } from './price-list-id.ts'

export async function publishPriceList(
  deps: Pick<Deps, 'streams' | 'ids' | 'counters' | 'logger' | 'clock'>,
  root: Root,
  input: PriceListInput & { readonly effectiveFrom?: string },
): Promise<Published> {
  const { streams, ids } = deps
  await assertSameWish(deps, root)
  const priceListId = priceListIdOf(ids, input.name)
  const command = { type: 'PublishPriceList', priceListId, ...input, at: root.at } as const
  const context = step(ids, root, 'publish')
  const done = await streams.transact(priceList, priceListId, command, context)
  const { effectiveFrom, ...content } = input
  const found = done.state?.versions.findLast(
    ({ version: _version, effectiveFrom: from, ...published }) =>
      same(published, content) && (effectiveFrom ?? from) === from,
  )
  return { id: priceListId, version: found?.version ?? 1, position: done.position }
}
