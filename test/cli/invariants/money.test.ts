// Each promise about money is one that its checker can see broken: M1, M2, M4, M5.
import { describe, expect, test } from 'vitest'
import { independentPrice } from '../../../src/cli/invariants/prices.ts'
import {
  accepted,
  ACCOUNT,
  checked,
  completed,
  found,
  granted,
  held,
  idOf,
  opened,
  parts,
  prices,
  released,
  second,
  settled,
  sound,
  soundCall,
} from '../log.ts'

const report = (...written: Parameters<typeof checked>[0]) => found(checked(written))

test('a sound log breaks nothing, and its sum is the balance', () => {
  const { violations, tallies, events } = checked([...sound, ...soundCall(1), ...soundCall(2)])
  expect({ violations, events }).toEqual({ violations: [], events: 11 })
  expect(tallies.get(ACCOUNT)).toMatchObject({ balance: 994_000_000n, debt: 0n, revision: 5 })
})

describe('M1', () => {
  test('an amount that the lots do not have', () => {
    const more = { expiredBeforeNanos: '0', takenNanos: '1', debtNanos: '0', amountNanos: '2' }
    const revoked = {
      stream: ACCOUNT,
      type: 'CreditRevoked',
      data: { revocationId: 'r', lotId: idOf('lot', 1), reason: 'x', source: 'provider', ...more },
    }
    expect(report(...sound, revoked)).toEqual(['M1 4'])
  })
  test('a balance that is told wrongly', () => {
    const before = [...sound, held(1, '5000000'), accepted(1), completed(1)]
    const settledWith = (balanceNanos: string) => settled(1, '3000000', { balanceNanos })
    expect(report(...before, settledWith('997000000'))).toEqual([])
    expect(report(...before, settledWith('997000001'))).toEqual(['M1 7'])
  })
  test('the same grant twice', () => {
    expect(report(...sound, granted(2, '5', { grantId: 'g1' }))).toEqual(['M1 4'])
  })
  test('an adjustment that moves another amount than it says', () => {
    const adjusted = {
      stream: ACCOUNT,
      type: 'ChargeAdjusted',
      data: {
        adjustmentId: 'a',
        invocationId: idOf('invocation', 1),
        amountNanos: '2',
        returned: parts(1, '1'),
        drawn: [],
        remaining: parts(1, '2999999'),
        reason: 'x',
        at: second(2),
      },
    }
    expect(report(...sound, ...soundCall(1), adjusted)).toEqual(['M1 8'])
  })
})

describe('M2', () => {
  const before = [...sound, held(1, '5000000'), accepted(1)]

  test('a charge that is not the price of the usage', () => {
    const wrong = { settlement: { kind: 'settle', chargeNanos: '2999999' } }
    expect(report(...before, completed(1, wrong), settled(1, '2999999'))).toEqual(['M2 7'])
  })
  test('a charge other than the end of the call says', () => {
    const wrong = { settlement: { kind: 'settle', chargeNanos: '1' } }
    expect(report(...before, completed(1, wrong), settled(1, '3000000'))).toEqual(['M2 7'])
  })
  test('a cost that is not the cost of the usage', () => {
    expect(report(...before, completed(1), settled(1, '3000000', { costNanos: '1' }))).toEqual([
      'M2 7',
    ])
  })
  test('a charge above the hold', () => {
    const small = [...sound, held(1, '2000000'), accepted(1, { holdNanos: '2000000' })]
    expect(report(...small, completed(1), settled(1, '3000000'))).toContain('M2 7')
  })
  test('a call with prices of its own', () => {
    const free = { input_uncached: '1', input_cached: '1', output: '1', reasoning: '1' }
    const chain = [{ model: 'gpt-5-mini', price: free, cost: free }]
    expect(report(...sound, held(1, '5000000'), accepted(1, { chain }))).toEqual(['M2 5'])
  })
  test('a model without a price', () => {
    const [, ...unpriced] = sound
    expect(report(...unpriced, held(1, '5000000'), accepted(1))).toEqual(['M2 4'])
  })
  test('a hold given back though the call has a price', () => {
    expect(report(...before, completed(1), released(1))).toEqual(['M2 7'])
  })
  test('prices of a plan’s mark-up are sound, those of no plan are not', () => {
    const plan = {
      stream: `plan-${idOf('plan', 1)}`,
      type: 'PlanPublished',
      data: { prices: { priceListId: 'x', markUpBasisPoints: 1_250 } },
    }
    const usd = (figure: string) => ({
      input_uncached: figure,
      input_cached: figure,
      output: figure,
      reasoning: figure,
    })
    const chain = [{ model: 'gpt-5-mini', price: usd('2250000000'), cost: usd('2000000000') }]
    const marked = [held(1, '5000000'), accepted(1, { chain })]
    expect(report(...sound, plan, ...marked)).toEqual([])
    expect(report(...sound, ...marked)).toEqual(['M2 5'])
  })
  test.each([
    [0, '499999', 0n],
    [1, '499999', 0n],
    [1, '500000', 1n],
    [3, '500000', 2n],
    [1_000_000, '1', 1n],
  ])('%d tokens at %s make %d', (input_uncached, figure, price) => {
    const quantities = { input_uncached, input_cached: 0, output: 0, reasoning: 0 }
    const zero = { input_cached: '0', output: '0', reasoning: '0' }
    expect(independentPrice(quantities, { input_uncached: figure, ...zero })).toBe(price)
  })
})

describe('M4', () => {
  test('a hold of more than is free', () => {
    expect(report(prices, opened, granted(1, '4'), held(1, '5'))).toEqual(['M4 4', 'M5 4'])
  })
  test('a hold of credit whose day has passed', () => {
    const late = granted(1, '9000000', { expiresAt: second(0) })
    expect(report(prices, opened, late, held(1, '5'))).toEqual(['M4 4'])
  })
  test('a hold beside a debt', () => {
    const more = { takenNanos: '0', debtNanos: '7', amountNanos: '7', expiredBeforeNanos: '0' }
    const revoked = {
      stream: ACCOUNT,
      type: 'CreditRevoked',
      data: { revocationId: 'r', lotId: idOf('lot', 1), reason: 'x', source: 'provider', ...more },
    }
    expect(report(...sound, revoked, held(1, '5'))).toEqual(['M4 5'])
  })
  test('parts that are not the hold', () => {
    expect(report(...sound, held(1, '5', { parts: parts(1, '4') }))).toEqual(['M4 4'])
  })
})

describe('M5', () => {
  test('a lot that was never granted', () => {
    const expired = {
      stream: ACCOUNT,
      type: 'CreditExpired',
      data: { lotId: idOf('lot', 9), amountNanos: '5', at: second(0) },
    }
    expect(report(...sound, expired)).toEqual(['M5 4', 'M1 4'])
  })
  test('a lot that gives more than it has', () => {
    const expired = (amountNanos: string) => ({
      stream: ACCOUNT,
      type: 'CreditExpired',
      data: { lotId: idOf('lot', 1), amountNanos, at: second(0) },
    })
    expect(report(...sound, expired('999999999'), expired('2'))).toEqual(['M5 5'])
  })
  test('a lot that gets back more than was drawn', () => {
    const adjusted = {
      stream: ACCOUNT,
      type: 'ChargeAdjusted',
      data: {
        adjustmentId: 'a',
        invocationId: idOf('invocation', 1),
        amountNanos: '3000001',
        returned: parts(1, '3000001'),
        drawn: [],
        remaining: [],
        reason: 'x',
        at: second(2),
      },
    }
    expect(report(...sound, ...soundCall(1), adjusted)).toEqual(['M5 8'])
  })
})
