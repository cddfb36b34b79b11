// Nobody pays more than the hold, nor for what a policy gives free, and no nano of the price is lost.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { TokenPrices, TokenQuantities } from '../../../src/domain/money.ts'
import {
  type Ending,
  readSettlement,
  settle,
  storedSettlement,
  type Terms,
} from '../../../src/domain/invocation/settlement.ts'
import { accepted, reported, unknown } from './call.ts'

const [link] = accepted.chain
if (!link) throw new Error('the call has a model')
/** 1100 nanos its price, 450 its cost. */
const terms: Terms = {
  link,
  holdNanos: 2_000n,
  abortPolicy: 'drain',
  onProviderFailure: 'free',
}
const settled = (charge: bigint, waived: bigint, uncollected: bigint) => ({
  kind: 'settle',
  priceNanos: 1_100n,
  chargeNanos: charge,
  waivedNanos: waived,
  uncollectedNanos: uncollected,
  costNanos: 450n,
})

describe('an end with known quantities', () => {
  test.each<[string, Ending, Partial<Terms>, bigint, bigint, bigint]>([
    ['completed', { kind: 'completed', usage: reported }, {}, 1_100n, 0n, 0n],
    [
      'completed, at the hold exactly',
      { kind: 'completed', usage: reported },
      { holdNanos: 1_100n },
      1_100n,
      0n,
      0n,
    ],
    [
      'completed above the hold',
      { kind: 'completed', usage: reported },
      { holdNanos: 1_000n },
      1_000n,
      0n,
      100n,
    ],
    ['canceled, drain', { kind: 'canceled', usage: reported }, {}, 1_100n, 0n, 0n],
    [
      'canceled, estimate, above the hold',
      { kind: 'canceled', usage: reported },
      { abortPolicy: 'cancel_estimate', holdNanos: 300n },
      300n,
      0n,
      800n,
    ],
    [
      'canceled, free',
      { kind: 'canceled', usage: reported },
      { abortPolicy: 'cancel_free', holdNanos: 300n },
      0n,
      1_100n,
      0n,
    ],
    ['failed, free', { kind: 'failed', reason: 'cut_off', usage: reported }, {}, 0n, 1_100n, 0n],
    [
      'failed, delivered is charged',
      { kind: 'failed', reason: 'cut_off', usage: reported },
      { onProviderFailure: 'charge_delivered' },
      1_100n,
      0n,
      0n,
    ],
    [
      'completed: policies of other ends give nothing',
      { kind: 'completed', usage: reported },
      { abortPolicy: 'cancel_free', onProviderFailure: 'free' },
      1_100n,
      0n,
      0n,
    ],
  ])('%s', (_what, end, change, charge, waived, uncollected) => {
    expect(settle(end, { ...terms, ...change })).toEqual(settled(charge, waived, uncollected))
  })
})

describe('an end that charges nothing', () => {
  test.each<[Ending, string]>([
    [{ kind: 'completed', usage: unknown }, 'usage_unknown'],
    [{ kind: 'completed', usage: undefined }, 'usage_unknown'],
    [{ kind: 'canceled', usage: unknown }, 'usage_unknown'],
    [{ kind: 'canceled', usage: undefined }, 'canceled'],
    [{ kind: 'failed', reason: 'timeout', usage: unknown }, 'usage_unknown'],
    [{ kind: 'failed', reason: 'unreachable', usage: undefined }, 'failed'],
    [{ kind: 'failed', reason: 'content_erased', usage: undefined }, 'failed'],
    [{ kind: 'failed', reason: 'expired', usage: undefined }, 'expired'],
    [{ kind: 'failed', reason: 'interrupted', usage: unknown }, 'interrupted'],
    [{ kind: 'failed', reason: 'interrupted', usage: reported }, 'interrupted'],
  ])('%j releases the hold: %s', (end, reason) => {
    expect(settle(end, terms)).toEqual({ kind: 'release', reason })
  })
})

describe('for any price, hold and policy', () => {
  const tokens = fc.nat(10_000_000)
  const quantities: fc.Arbitrary<TokenQuantities> = fc.record({
    input_uncached: tokens,
    input_cached: tokens,
    output: tokens,
    reasoning: tokens,
  })
  const price = fc.bigInt({ min: 0n, max: 10n ** 12n }).map(String)
  const prices: fc.Arbitrary<TokenPrices> = fc.record({
    input_uncached: price,
    input_cached: price,
    output: price,
    reasoning: price,
  })
  const anyTerms: fc.Arbitrary<Terms> = fc.record({
    link: fc.record({ model: fc.constant('m'), price: prices, cost: prices }),
    holdNanos: fc.bigInt({ min: 0n, max: 10n ** 13n }),
    abortPolicy: fc.constantFrom('drain', 'cancel_estimate', 'cancel_free'),
    onProviderFailure: fc.constantFrom('free', 'charge_delivered'),
  })
  const kind = fc.constantFrom('completed', 'failed', 'canceled')

  /** Half up, by counting in halves of a millionth: nothing of the implementation is used. */
  const priced = (used: TokenQuantities, at: TokenPrices) => {
    const millionths =
      BigInt(used.input_uncached) * BigInt(at.input_uncached) +
      BigInt(used.input_cached) * BigInt(at.input_cached) +
      BigInt(used.output) * BigInt(at.output) +
      BigInt(used.reasoning) * BigInt(at.reasoning)
    const whole = millionths / 1_000_000n
    return (millionths - whole * 1_000_000n) * 2n >= 1_000_000n ? whole + 1n : whole
  }

  test('charge + waived + uncollected is the price, and the hold covers the charge', () => {
    fc.assert(
      fc.property(kind, quantities, anyTerms, (of, used, any) => {
        const usage = { basis: 'reported', quantities: used } as const
        const result = settle({ kind: of, usage }, any)
        if (result.kind !== 'settle') throw new Error('known quantities are settled')
        const { chargeNanos, waivedNanos, uncollectedNanos } = result
        expect(chargeNanos + waivedNanos + uncollectedNanos).toBe(priced(used, any.link.price))
        expect(result.priceNanos).toBe(priced(used, any.link.price))
        expect(result.costNanos).toBe(priced(used, any.link.cost))
        expect(chargeNanos <= any.holdNanos).toBe(true)
        for (const part of [chargeNanos, waivedNanos, uncollectedNanos])
          expect(part >= 0n).toBe(true)
      }),
    )
  })
  test('is stored and read back to the nano', () => {
    fc.assert(
      fc.property(kind, quantities, anyTerms, (of, used, any) => {
        const result = settle({ kind: of, usage: { basis: 'counted', quantities: used } }, any)
        const json = JSON.parse(JSON.stringify(storedSettlement(result))) as never
        expect(readSettlement(json)).toEqual(result)
      }),
    )
  })
})
