// The credit of a payment is a function of the set of messages: no order and no repeat changes it.
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { creditOf } from '../../../src/domain/payment/credit.ts'
import type { PaymentCommand, ReturnMessage } from '../../../src/domain/payment/payments.ts'
import { checked } from '../../cli/log.ts'
import { after, grant, idOf } from '../../support/account-commands.ts'
import {
  giveBack,
  paid,
  PERIOD_END,
  receive,
  returned,
  second,
  told,
  topUp,
} from '../../support/payment-messages.ts'

const ORG = idOf('organization', 1)
const creditAfter = (...commands: readonly PaymentCommand[]) =>
  Object.fromEntries(creditOf(told(commands).state).map((one) => [one.paymentId, one.nanos]))

const usd = (units: number) => BigInt(units) * 1_000_000_000n

describe('the credit of a period', () => {
  it('is its plan’s, and lapses with it', () => {
    expect(creditOf(told([receive(paid(1))]).state)).toEqual([
      {
        paymentId: 'txn_1',
        kind: 'included',
        nanos: usd(20),
        expiresAt: '2027-04-01T00:00:00.000Z',
      },
    ])
  })

  it('comes once, however many payments there are for the same plan', () => {
    expect(creditAfter(receive(paid(1)), receive(paid(2)))).toEqual({ txn_1: usd(20), txn_2: 0n })
  })

  it('grows by the share of the rest of the period where a larger plan is taken', () => {
    const larger = paid(2, { creditNanos: '50000000000', shareMillionths: 333_333 })
    expect(creditAfter(receive(larger), receive(paid(1)))).toEqual({
      txn_1: usd(20),
      txn_2: 9_999_990_000n,
    })
  })

  it('does not grow for a smaller plan, nor for the larger one taken again', () => {
    const at = (n: number, units: number) =>
      receive(paid(n, { creditNanos: `${usd(units)}`, ...(n > 1 && { shareMillionths: 500_000 }) }))
    expect(creditAfter(at(1, 20), at(2, 10), at(3, 50), at(4, 20), at(5, 50))).toEqual({
      txn_1: usd(20),
      txn_2: 0n,
      txn_3: usd(15),
      txn_4: 0n,
      txn_5: 0n,
    })
  })

  it('is a share where nothing but the rest of the period was paid for', () => {
    const rest = { shareMillionths: 500_000 }
    const { periodEnd: _end, ...endless } = paid(2, rest)
    expect(creditAfter(receive(paid(1, rest)), receive(endless))).toEqual({
      txn_1: usd(10),
      txn_2: usd(10),
    })
  })

  it('is another one for the next period and for another subscription', () => {
    const next = paid(2, { periodEnd: '2027-05-01T00:00:00.000Z' })
    const other = paid(3, { subscriptionId: 'sub_2' })
    expect(creditAfter(receive(paid(1)), receive(next), receive(other))).toEqual({
      txn_1: usd(20),
      txn_2: usd(20),
      txn_3: usd(20),
    })
  })
})

describe('a change to another period before the end of one', () => {
  const year = (n: number) => ({
    periodStart: '2027-03-16T12:00:00.000Z',
    periodEnd: '2028-03-16T12:00:00.000Z',
    creditNanos: '240000000000',
    totalMinor: '28800',
    taxMinor: '4800',
    occurredAt: second(n),
  })
  const unused = (n: number, of: string, exchangedMinor: string) =>
    giveBack(returned(n, of, { kind: 'credit', totalMinor: '0', taxMinor: '0', exchangedMinor }))

  it('takes along the credit of the time that was paid back', () => {
    const [first, later] = [receive(paid(1)), receive(paid(3, year(3)))]
    const half = unused(2, 'txn_1', '1200')
    expect(creditAfter(first, half)).toEqual({ txn_1: usd(20) })
    expect(creditAfter(first, half, later)).toEqual({ txn_1: usd(10), txn_3: usd(240) })
    expect(creditAfter(later, first)).toEqual({ txn_1: usd(20), txn_3: usd(240) })
  })

  it('takes none within the period, nor before a renewal', () => {
    const half = unused(2, 'txn_1', '1200')
    const larger = receive(paid(3, { creditNanos: `${usd(50)}`, shareMillionths: 500_000 }))
    expect(creditAfter(receive(paid(1)), half, larger)['txn_1']).toBe(usd(20))
    const april = { periodStart: PERIOD_END, periodEnd: '2027-05-01T00:00:00.000Z' }
    expect(creditAfter(receive(paid(1)), half, receive(paid(3, april)))['txn_1']).toBe(usd(20))
  })

  it('takes from the last payment of the period what its time is worth', () => {
    const larger = receive(
      paid(2, {
        creditNanos: `${usd(50)}`,
        shareMillionths: 500_000,
        totalMinor: '3000',
        taxMinor: '500',
      }),
    )
    const last = [unused(5, 'txn_1', '1200'), unused(4, 'txn_2', '1500'), receive(paid(6, year(6)))]
    // 15 of the 50 for half a month; a quarter's worth, 12.50, was paid into the year.
    expect(creditAfter(receive(paid(1)), larger, ...last)).toEqual({
      txn_1: usd(20),
      txn_2: 2_500_000_000n,
      txn_6: usd(240),
    })
  })

  it('within a period was not paid a second time: what was paid for the larger plan goes back with it', () => {
    const larger = paid(2, {
      creditNanos: `${usd(50)}`,
      shareMillionths: 500_000,
      totalMinor: '3000',
      taxMinor: '500',
    })
    const change = [receive(paid(1)), unused(4, 'txn_1', '1200'), receive(larger)]
    const back = (totalMinor: string) => giveBack(returned(5, 'txn_2', { totalMinor }))
    expect(creditAfter(...change)).toEqual({ txn_1: usd(20), txn_2: usd(15) })
    expect(creditAfter(...change, back('900'))).toEqual({ txn_1: usd(20), txn_2: usd(15) / 2n })
    expect(creditAfter(...change, back('1800'))).toEqual({ txn_1: usd(20), txn_2: 0n })
  })

  it('goes with the money that it was: an upgrade or a year keeps nothing of what is charged back', () => {
    const larger = paid(2, { creditNanos: `${usd(50)}`, totalMinor: '6000', taxMinor: '1000' })
    const brought = unused(4, 'txn_1', '2400')
    const back = giveBack(returned(7, 'txn_1', { kind: 'chargeback', totalMinor: '2400' }))
    const upgrade = [receive(paid(1)), receive(larger), brought]
    expect(creditAfter(...upgrade)).toEqual({ txn_1: usd(20), txn_2: usd(30) })
    expect(creditAfter(...upgrade, back)).toEqual({ txn_1: 0n, txn_2: usd(30) })
    const toYear = [receive(paid(1)), receive(paid(6, year(6))), brought]
    expect(creditAfter(...toYear)).toEqual({ txn_1: 0n, txn_6: usd(240) })
    expect(creditAfter(...toYear, back)).toEqual({ txn_1: 0n, txn_6: usd(220) })
    const both = [...upgrade, unused(5, 'txn_2', '6000'), receive(paid(6, year(6)))]
    expect(creditAfter(...both, back)).toEqual({ txn_1: 0n, txn_2: 0n, txn_6: usd(220) })
  })

  it('takes along what an earlier payment of the period had brought in', () => {
    const larger = paid(2, { creditNanos: `${usd(50)}`, totalMinor: '6000', taxMinor: '1000' })
    const twice = [unused(3, 'txn_1', '2400'), unused(4, 'txn_2', '6000')]
    expect(
      creditAfter(receive(paid(1)), receive(larger), ...twice, receive(paid(6, year(6)))),
    ).toEqual({ txn_1: 0n, txn_2: 0n, txn_6: usd(240) })
  })

  it('never takes more than there is', () => {
    const all = [unused(4, 'txn_1', '2400'), giveBack(returned(5, 'txn_1', { totalMinor: '600' }))]
    expect(creditAfter(receive(paid(1)), ...all, receive(paid(6, year(6))))['txn_1']).toBe(0n)
  })
})

describe('a trial and a top-up', () => {
  it('come again without credit where a plan is tried a second time', () => {
    const trial = { purpose: 'trial', creditNanos: '5000000000', totalMinor: '0' } as const
    const larger = { ...trial, subscriptionId: 'sub_3', creditNanos: '8000000000' }
    expect(
      creditAfter(
        receive(paid(1, trial)),
        receive(paid(2, { ...trial, subscriptionId: 'sub_2' })),
        receive(paid(3, larger)),
      ),
    ).toEqual({ txn_1: usd(5), txn_2: usd(0), txn_3: usd(3) })
  })

  it('stand for their own credit', () => {
    const trial = paid(1, { purpose: 'trial', creditNanos: '5000000000', totalMinor: '0' })
    const bought = topUp(2, { creditNanos: '7000000000' })
    expect(creditOf(told([receive(trial), receive(bought), receive(paid(3))]).state)).toMatchObject(
      [
        { kind: 'trial', nanos: usd(5), expiresAt: '2027-04-01T00:00:00.000Z' },
        { kind: 'paid', nanos: usd(7), expiresAt: undefined },
        { kind: 'included', nanos: usd(20) },
      ],
    )
  })
})

describe('money that went back', () => {
  it('leaves what is paid in its place its whole credit, until it is paid after all', () => {
    const all = { status: 'approved', totalMinor: paid(1).totalMinor } as const
    const again = [receive(paid(1)), giveBack(returned(2, 'txn_1', all)), receive(paid(3))]
    expect(creditAfter(...again)).toEqual({ txn_1: 0n, txn_3: usd(20) })
    const reversed = giveBack(returned(2, 'txn_1', { ...all, status: 'reversed' }))
    expect(creditAfter(again[0]!, reversed, again[2]!)).toEqual({ txn_1: usd(20), txn_3: 0n })
  })

  const left = (...returns: readonly Partial<ReturnMessage>[]) =>
    creditAfter(
      receive(paid(1)),
      ...returns.map((one, index) => giveBack(returned(index + 2, 'txn_1', one))),
    )['txn_1']

  it('takes its part of the credit with it, rounded down', () => {
    expect(left({ totalMinor: '600' })).toBe(usd(15))
    expect(left({ totalMinor: '1' })).toBe(19_991_666_666n)
    expect(left({ totalMinor: '2400' })).toBe(0n)
  })

  it('takes none where it is tax alone, and of a part that of its price', () => {
    expect(left({ totalMinor: '400', taxMinor: '400' })).toBe(usd(20))
    expect(left({ totalMinor: '600', taxMinor: '100' })).toBe(usd(15))
    expect(left({ totalMinor: '1000', taxMinor: '0' })).toBe(usd(10))
    expect(
      left({ totalMinor: '400', taxMinor: '400' }, { totalMinor: '2000', taxMinor: '0' }),
    ).toBe(0n)
  })

  it('is never more than was paid', () => {
    expect(left({ totalMinor: '2000' }, { totalMinor: '2000', kind: 'chargeback' })).toBe(0n)
  })

  it('counts only what was approved', () => {
    expect(left({ status: 'pending' }, { status: 'rejected' })).toBe(usd(20))
  })

  it('counts an undone chargeback once, told in one way or both', () => {
    const [gone, undone] = [
      { kind: 'chargeback', totalMinor: '2400' },
      { kind: 'chargeback', totalMinor: '2400', undoes: true },
    ] as const
    expect(left(gone)).toBe(0n)
    expect(left(gone, undone)).toBe(usd(20))
    expect(left({ ...gone, status: 'reversed' })).toBe(usd(20))
    expect(left({ ...gone, status: 'reversed' }, undone)).toBe(usd(20))
  })

  it('stays gone where something of another kind is undone', () => {
    const undone = { kind: 'chargeback', totalMinor: '2400', undoes: true } as const
    expect(left({ totalMinor: '2400' }, undone)).toBe(0n)
  })

  it('is nothing of a payment of nothing', () => {
    const free = paid(1, { totalMinor: '0', taxMinor: '0' })
    expect(creditAfter(receive(free), giveBack(returned(2, 'txn_1')))).toEqual({ txn_1: usd(20) })
  })
})

/** A few payments of one organization, told in several messages each, and what came of them. */
const amount = fc.integer({ min: 0, max: 3_000 }).map(String)
const aPayment = fc.record({
  n: fc.integer({ min: 1, max: 5 }),
  at: fc.integer({ min: 0, max: 6 }),
  credit: fc.integer({ min: 0, max: 60 }),
  share: fc.constantFrom(undefined, 1, 333_333, 1_000_000),
  time: fc.constantFrom(
    ['2027-03-01T00:00:00.000Z', '2027-04-01T00:00:00.000Z'] as const,
    ['2027-03-20T00:00:00.000Z', '2027-05-01T00:00:00.000Z'] as const,
  ),
  tax: fc.integer({ min: 0, max: 500 }).map(String),
  purpose: fc.constantFrom('period', 'period', 'top_up', 'trial'),
  total: amount,
})
const aReturn = fc.record({
  n: fc.integer({ min: 1, max: 4 }),
  of: fc.integer({ min: 1, max: 5 }),
  at: fc.integer({ min: 0, max: 6 }),
  kind: fc.constantFrom('refund', 'credit', 'chargeback', 'chargeback_warning'),
  status: fc.constantFrom('pending', 'approved', 'rejected', 'reversed'),
  undoes: fc.boolean(),
  total: amount,
  tax: fc.constantFrom(undefined, '0', '200', '2900'),
  exchanged: fc.constantFrom(undefined, '0', '700', '2400'),
})
const aSet = fc
  .tuple(
    fc.array(aPayment, { minLength: 1, maxLength: 8 }),
    fc.array(aReturn, { minLength: 0, maxLength: 8 }),
  )
  .map(([payments, returns]): PaymentCommand[] => {
    const known = new Set(payments.map(({ n }) => n))
    return [
      ...payments.map(({ n, at, credit, share, time, purpose, total, tax }, index) =>
        receive(
          paid(n, {
            purpose,
            creditNanos: String(credit),
            ...(share !== undefined && { shareMillionths: share }),
            periodStart: time[0],
            periodEnd: time[1],
            totalMinor: total,
            taxMinor: tax,
            occurredAt: second(at),
            eventId: `evt_p${index}`,
          }),
        ),
      ),
      ...returns
        .filter((one) => known.has(one.of))
        .map(({ n, of, at, kind, status, undoes, total, tax, exchanged }, index) =>
          giveBack(
            returned(n, `txn_${of}`, {
              kind,
              status,
              ...(undoes && { undoes }),
              totalMinor: total,
              ...(tax !== undefined && { taxMinor: tax }),
              ...(exchanged !== undefined && { exchangedMinor: exchanged }),
              occurredAt: second(at),
              eventId: `evt_r${index}`,
            }),
          ),
        ),
    ]
  })

describe('any set of messages', () => {
  const sets = aSet.chain((set) =>
    fc.tuple(
      fc.constant(set),
      // Each at least once, some twice, in any order.
      fc
        .subarray(set)
        .chain((again) =>
          fc.shuffledSubarray([...set, ...again], { minLength: set.length + again.length }),
        ),
    ),
  )

  it('stands for the same credit in whatever order and however often it comes', () => {
    fc.assert(
      fc.property(sets, ([set, shuffled]) => {
        const [one, other] = [told(set).state, told(shuffled).state]
        expect(creditOf(other)).toEqual(creditOf(one))
        const plain = (map: ReadonlyMap<string, unknown>) => Object.fromEntries(map)
        expect(plain(other.payments)).toEqual(plain(one.payments))
        expect(plain(other.returns)).toEqual(plain(one.returns))
      }),
      { numRuns: 300 },
    )
  })

  it('stands for what the operator’s own check of W2 adds up in its own way', () => {
    fc.assert(
      fc.property(sets, ([, set]) => {
        const { state, events } = told(set)
        const posted = creditOf(state)
          .filter(({ nanos }) => nanos > 0n)
          .map(({ paymentId, kind, nanos }, n) =>
            after(grant(n, nanos, { kind, source: 'provider', sourceId: paymentId })).slice(1),
          )
        const log = [
          ...events.map((event) => ({ stream: `payment-${ORG}`, ...event })),
          ...posted.flat().map((event) => ({ stream: `account-${ORG}`, ...event })),
        ]
        const { violations } = checked(log, { quiet: true })
        expect(violations.filter(({ invariant }) => invariant === 'W2')).toEqual([])
      }),
      { numRuns: 300 },
    )
  })

  it('stands for no less than nothing and no more than each payment alone', () => {
    fc.assert(
      fc.property(aSet, (set) => {
        const { state } = told(set)
        for (const { paymentId, nanos } of creditOf(state)) {
          expect(nanos >= 0n).toBe(true)
          expect(nanos <= BigInt(state.payments.get(paymentId)?.creditNanos ?? 0)).toBe(true)
        }
      }),
    )
  })
})
