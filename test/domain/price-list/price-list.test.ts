// Which prices apply depends on the list and the time alone, and no later version changes the past.
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { TokenPrices } from '../../../src/domain/money.ts'
import { priceListEvents, priceListInput } from '../../../src/domain/price-list/events.ts'
import {
  markedUp,
  type PriceList,
  priceList,
  pricesAt,
  type PublishPriceList,
  versionAt,
} from '../../../src/domain/price-list/price-list.ts'
import { idOf, minute } from '../../support/account-commands.ts'
import { given, stateOf } from '../../support/decider.ts'

const prices = (input: string): TokenPrices => ({
  input_uncached: input,
  input_cached: '25000000',
  output: '2000000000',
  reasoning: '2000000000',
})
const entry = (price: string, model = 'gpt-5-mini') => ({
  model,
  cost: prices('250000000'),
  price: prices(price),
})
const publish = (price: string, at: string, effectiveFrom?: string): PublishPriceList => ({
  type: 'PublishPriceList',
  priceListId: idOf('priceList', 1),
  name: 'Standard',
  entries: [entry(price)],
  at,
  ...(effectiveFrom !== undefined && { effectiveFrom }),
})
function after(...commands: readonly PublishPriceList[]): PriceList {
  const events = commands.reduce<Parameters<typeof priceList.evolve>[1][]>(
    (all, command) => [...all, ...given(priceList, all).when(command).events()],
    [],
  )
  for (const { type, data } of events) priceListEvents[type].schema.parse(data)
  return stateOf(priceList, events)!
}

describe('a price list', () => {
  it('applies from its day on, until a later version does', () => {
    const list = after(publish('300', minute(0)), publish('400', minute(1), minute(60)))
    const price = (at: string) => pricesAt(list, 'gpt-5-mini', at)
    expect(price(minute(59))).toMatchObject({ version: 1, price: { input_uncached: '300' } })
    expect(price(minute(60))).toMatchObject({ version: 2, price: { input_uncached: '400' } })
    expect(versionAt(list, minute(-1))).toBe(undefined)
  })

  it('says the same again without a new version', () => {
    const list = after(publish('300', minute(0)), publish('300', minute(1)))
    expect(list.versions).toHaveLength(1)
    expect(
      after(publish('300', minute(0)), publish('300', minute(1), minute(9))).versions,
    ).toHaveLength(2)
  })

  it('has no call without a price', () => {
    const list = after(publish('300', minute(0)))
    expect(() => pricesAt(list, 'other', minute(0))).toThrow('price_missing')
    expect(() => pricesAt(list, 'gpt-5-mini', minute(-1))).toThrow('price_missing')
    expect(() => pricesAt(undefined, 'gpt-5-mini', minute(0))).toThrow('price_list_not_found')
  })

  it('takes each model once and no negative price', () => {
    const valid = (...entries: object[]) => priceListInput.safeParse({ name: 'x', entries }).success
    expect(valid(entry('1'), entry('2', 'gpt-5'))).toBe(true)
    expect(valid(entry('1'), entry('2'))).toBe(false)
    expect(valid(entry('-1'))).toBe(false)
  })
})

describe('the version in force', () => {
  it('is the last published of those that took effect last, for any dates', () => {
    const dates = fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(dates, fc.integer({ min: -1, max: 7 }), (all, when) => {
        const versions = all.map((from, index) => ({
          version: index + 1,
          effectiveFrom: minute(from),
          name: 'x',
          entries: [entry('1')],
        }))
        const found = versionAt({ priceListId: 'x', versions }, minute(when))
        const latest = Math.max(-1, ...all.filter((from) => from <= when))
        expect(found?.version ?? 0).toBe(latest < 0 ? 0 : all.lastIndexOf(latest) + 1)
      }),
    )
  })
})

it('a mark-up adds to the cost, rounded half up for each class', () => {
  const list = after(publish('1', minute(0)))
  expect(pricesAt(list, 'gpt-5-mini', minute(0), 2_000).price).toEqual({
    input_uncached: '300000000',
    input_cached: '30000000',
    output: '2400000000',
    reasoning: '2400000000',
  })
  const odd = { input_uncached: '1', input_cached: '0', output: '3', reasoning: '5' }
  expect(markedUp(odd, 5_000)).toEqual({
    input_uncached: '2',
    input_cached: '0',
    output: '5',
    reasoning: '8',
  })
})
