/**
 * M2: every charge recomputed from the usage and the published prices, with arithmetic of its own. Also
 * that the prices copied into a call are those of the price list version that its hold names, or its
 * costs with the mark-up of a plan.
 */
import type { AccountData, AccountEvent } from '../../domain/account/events.ts'
import type { Accepted, ChainLink, InvocationEvent } from '../../domain/invocation/events.ts'
import type { PlanEvent } from '../../domain/plan/events.ts'
import type { PriceEntry, PriceListEvent } from '../../domain/price-list/events.ts'
import type { StoredEvent } from '../../ports/event-store.ts'
import { type Checker, placed, type Say } from './checker.ts'

type Prices = ChainLink['price']
type Quantities = NonNullable<AccountData<'HoldSettled'>['quantities']>
const MILLION = 1_000_000n
const tokenClasses = ['input_uncached', 'input_cached', 'output', 'reasoning'] as const

/** Whole nano-USD of the sum, the rest rounded half up. */
export function independentPrice(quantities: Quantities, prices: Prices): bigint {
  let millionths = 0n
  for (const one of tokenClasses) millionths += BigInt(quantities[one]) * BigInt(prices[one])
  const rest = millionths % MILLION
  return (millionths - rest) / MILLION + (rest * 2n >= MILLION ? 1n : 0n)
}

const withMarkUp = (cost: Prices, basisPoints: bigint): Prices => {
  const price = { ...cost }
  for (const one of tokenClasses) {
    const tenThousandths = BigInt(cost[one]) * (10_000n + basisPoints)
    const rest = tenThousandths % 10_000n
    price[one] = ((tenThousandths - rest) / 10_000n + (rest >= 5_000n ? 1n : 0n)).toString()
  }
  return price
}
const samePrices = (a: Prices, b: Prices): boolean => tokenClasses.every((one) => a[one] === b[one])

interface OpenCall {
  hold:
    | Pick<AccountData<'HoldPlaced'>, 'amountNanos' | 'priceListId' | 'priceListVersion'>
    | undefined
  chain: Accepted['chain'] | undefined
  end:
    | Extract<
        InvocationEvent,
        { type: 'InvocationCompleted' | 'InvocationFailed' }
      >['data']['settlement']
    | undefined
}

export function pricesChecker(say: Say): Checker {
  const lists = new Map<string, Map<string, PriceEntry>>()
  const markUps = new Set<bigint>()
  const calls = new Map<string, OpenCall>()
  const callOf = (id: string): OpenCall => {
    const call = calls.get(id) ?? { hold: undefined, chain: undefined, end: undefined }
    calls.set(id, call)
    return call
  }

  function readPriceList(event: StoredEvent): void {
    const { data } = placed<PriceListEvent>(event)
    const entries = new Map(data.entries.map((entry) => [entry.model, entry]))
    lists.set(`${data.priceListId}/${data.version}`, entries)
  }

  function readPlan(event: StoredEvent): void {
    const { type, data } = placed<PlanEvent>(event)
    if (type === 'PlanPublished' && data.prices.markUpBasisPoints !== undefined)
      markUps.add(BigInt(data.prices.markUpBasisPoints))
  }

  function accepted(event: StoredEvent, data: Accepted): void {
    const { id, version } = data.priceList
    const call = callOf(data.invocationId)
    call.chain = data.chain
    if (call.hold && (call.hold.priceListId !== id || call.hold.priceListVersion !== version))
      say('M2', event, `${data.invocationId} was held by another version of the prices`)
    if (call.hold && call.hold.amountNanos !== data.holdNanos)
      say('M2', event, `${data.invocationId} names a hold of ${data.holdNanos} that is another`)
    const entries = lists.get(`${id}/${version}`)
    for (const link of data.chain) {
      const entry = entries?.get(link.model)
      if (!entry) say('M2', event, `version ${version} of ${id} has no price for ${link.model}`)
      else if (!samePrices(link.cost, entry.cost) || !isPrice(link.price, entry))
        say('M2', event, `the prices of ${link.model} are not those of version ${version} of ${id}`)
    }
  }

  const isPrice = (price: Prices, entry: PriceEntry): boolean =>
    samePrices(price, entry.price) ||
    [...markUps].some((points) => samePrices(price, withMarkUp(entry.cost, points)))

  function settled(event: StoredEvent, data: AccountData<'HoldSettled'>): void {
    const id = data.invocationId
    const { hold, chain, end } = callOf(id)
    calls.delete(id)
    const expect = (holds: boolean, sentence: string) => {
      if (!holds) say('M2', event, `${id}: ${sentence}`)
    }
    const link = chain?.find((one) => one.model === data.model)
    expect(link !== undefined, `charged for ${data.model}, which it did not call`)
    expect(data.quantities !== undefined, 'charged without known quantities')
    const charge = BigInt(data.chargeNanos)
    if (link && data.quantities) {
      const price = independentPrice(data.quantities, link.price)
      const parts = charge + BigInt(data.waivedNanos) + BigInt(data.uncollectedNanos)
      expect(parts === price, `charge, waived and uncollected are ${parts}, the price is ${price}`)
      const cost = independentPrice(data.quantities, link.cost)
      expect(BigInt(data.costNanos) === cost, `the cost is ${cost}, not ${data.costNanos}`)
    }
    expect(hold !== undefined && charge <= BigInt(hold.amountNanos), 'charged more than was held')
    const drawn = data.drawn.reduce((total, part) => total + BigInt(part.amountNanos), 0n)
    expect(drawn === charge, `charged ${charge}, drawn ${drawn}`)
    if (!end) return
    expect(
      end.kind === 'settle' && end.chargeNanos === data.chargeNanos,
      'the charge is not what the end of the call says',
    )
  }

  function readAccount(event: StoredEvent): void {
    const { type, data } = placed<AccountEvent>(event)
    if (type === 'HoldPlaced') {
      const { amountNanos, priceListId, priceListVersion } = data
      callOf(data.invocationId).hold = { amountNanos, priceListId, priceListVersion }
    } else if (type === 'HoldSettled') settled(event, data)
    else if (type === 'HoldReleased') {
      if (calls.get(data.invocationId)?.end?.kind === 'settle')
        say('M2', event, `${data.invocationId}: released, though its end names a charge`)
      calls.delete(data.invocationId)
    }
  }

  function readInvocation(event: StoredEvent): void {
    const { type, data } = placed<InvocationEvent>(event)
    if (type === 'InvocationAccepted') accepted(event, data)
    else if (
      type === 'InvocationCompleted' ||
      type === 'InvocationFailed' ||
      type === 'InvocationCanceled'
    ) {
      const call = calls.get(data.invocationId)
      if (call) call.end = data.settlement
    }
  }

  return {
    read(event) {
      if (event.stream.startsWith('account-')) readAccount(event)
      else if (event.stream.startsWith('invocation-')) readInvocation(event)
      else if (event.stream.startsWith('priceList-')) readPriceList(event)
      else if (event.stream.startsWith('plan-')) readPlan(event)
    },
  }
}
