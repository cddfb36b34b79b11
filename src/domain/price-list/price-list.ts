/**
 * A dated list of prices. Which version applies at a time depends on nothing but the list and the time:
 * the one that took effect last, and of those of one moment the last published. A call keeps the version
 * of its hold, so no later version, also a back-dated one, changes what a past call cost.
 */
import type { Decider } from '../decider.ts'
import { type TokenPrices, tokenClasses } from '../money.ts'
import { Refusal } from '../refusal.ts'
import { same } from '../same.ts'
import type { PriceListEvent, PriceListInput } from './events.ts'

export interface PriceListVersion extends PriceListInput {
  readonly version: number
  readonly effectiveFrom: string
}
export interface PriceList {
  readonly priceListId: string
  /** In order of publishing: version n stands at n − 1. */
  readonly versions: readonly PriceListVersion[]
}
/** undefined: nothing was ever published under this id. */
export type PriceListState = PriceList | undefined

export type PublishPriceList = {
  readonly type: 'PublishPriceList'
  readonly priceListId: string
  /** At once where left out. */
  readonly effectiveFrom?: string
  readonly at: string
} & PriceListInput
export type PriceListCommand = PublishPriceList

/** What one model costs at one time. */
export interface Prices {
  readonly priceListId: string
  readonly version: number
  readonly cost: TokenPrices
  readonly price: TokenPrices
}

export function versionAt(list: PriceList, at: string): PriceListVersion | undefined {
  let found: PriceListVersion | undefined
  for (const version of list.versions)
    if (version.effectiveFrom <= at && (!found || version.effectiveFrom >= found.effectiveFrom))
      found = version
  return found
}

/**
 * What a call to `model` costs when it is held at `at`. With a mark-up the customer's price is the cost
 * and so many hundredths of a percent more, each class rounded half up.
 * @throws Refusal price_list_not_found, price_missing: no price, no call
 */
export function pricesAt(
  list: PriceListState,
  model: string,
  at: string,
  markUpBasisPoints?: number,
): Prices {
  if (!list) throw new Refusal('price_list_not_found')
  const { priceListId } = list
  const version = versionAt(list, at)
  const entry = version?.entries.find((one) => one.model === model)
  if (!version || !entry) throw new Refusal('price_missing', { model, priceListId })
  const { cost } = entry
  const price = markUpBasisPoints === undefined ? entry.price : markedUp(cost, markUpBasisPoints)
  return { priceListId, version: version.version, cost, price }
}

const WHOLE = 10_000n

export function markedUp(cost: TokenPrices, basisPoints: number): TokenPrices {
  const price = { ...cost }
  for (const tokenClass of tokenClasses) {
    const more = BigInt(cost[tokenClass]) * (WHOLE + BigInt(basisPoints))
    price[tokenClass] = ((more + WHOLE / 2n) / WHOLE).toString()
  }
  return price
}

function decide(command: PriceListCommand, state: PriceListState): readonly PriceListEvent[] {
  const { type: _type, priceListId, effectiveFrom, at, ...content } = command
  const last = state?.versions.at(-1)
  if (last) {
    const { version: _version, effectiveFrom: since, ...published } = last
    if (same(published, content) && (effectiveFrom ?? since) === since) return []
  }
  const version = (last?.version ?? 0) + 1
  const data = { priceListId, version, effectiveFrom: effectiveFrom ?? at, ...content, at }
  return [{ type: 'PriceListPublished', data }]
}

function evolve(state: PriceListState, { data }: PriceListEvent): PriceListState {
  const { priceListId, at: _at, ...version } = data
  return { priceListId, versions: [...(state?.versions ?? []), version] }
}

export const priceList: Decider<PriceListState, PriceListCommand, PriceListEvent> = {
  category: 'priceList',
  initial: () => undefined,
  decide,
  evolve,
}
