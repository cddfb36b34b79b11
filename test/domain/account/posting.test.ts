// The account has for each payment what it stands for now: any order of postings that ends with the same
// amounts leaves the same credit, and what was spent meanwhile is owed, never lost.
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { account } from '../../../src/domain/account/account.ts'
import type { AccountCommand, PostCredit } from '../../../src/domain/account/commands.ts'
import type { AccountEvent } from '../../../src/domain/account/events.ts'
import { freeOf } from '../../../src/domain/account/lots.ts'
import { type Account, debtOf, lotsOf, postedOf } from '../../../src/domain/account/state.ts'
import { Refusal } from '../../../src/domain/refusal.ts'
import { after, hold, lot, minute, opened, settle, sums } from '../../support/account-commands.ts'
import { AccountOracle } from '../../support/account-oracle.ts'
import { given, stateOf } from '../../support/decider.ts'

const post = (n: number, paymentId: string, targetNanos: bigint, more: Partial<PostCredit> = {}) =>
  ({
    type: 'PostCredit',
    paymentId,
    targetNanos,
    postId: `post ${n}`,
    lotId: lot(n),
    lastingLotId: lot(1_000 + n),
    kind: 'paid',
    reason: `payment ${paymentId}`,
    at: minute(0),
    ...more,
  }) as const

const typesOf = (events: readonly AccountEvent[]) => events.map(({ type }) => type).slice(1)

describe('what a payment stands for', () => {
  it('is granted once, as a lot of its own', () => {
    const events = after(post(1, 'txn_1', 10n), post(2, 'txn_1', 10n))
    expect(events.slice(1)).toEqual([
      {
        type: 'CreditGranted',
        data: {
          grantId: 'post 1',
          lotId: lot(1),
          kind: 'paid',
          amountNanos: '10',
          reason: 'payment txn_1',
          source: 'provider',
          sourceId: 'txn_1',
          at: minute(0),
        },
      },
    ])
    expect(sums(events)).toMatchObject({ balance: 10n, available: 10n })
  })

  it('grows by further lots and shrinks by what is free of its newest', () => {
    const events = after(
      post(1, 'txn_1', 10n),
      post(2, 'txn_1', 30n),
      post(3, 'txn_1', 5n),
      post(4, 'txn_1', 6n),
    )
    expect(typesOf(events)).toEqual([
      'CreditGranted',
      'CreditGranted',
      'CreditRevoked',
      'CreditRevoked',
      'CreditGranted',
    ])
    const state = stateOf(account, events)
    expect(lotsOf(state).map((one) => [one.lotId, freeOf(one)])).toEqual([
      [lot(1), 5n],
      [lot(2), 0n],
      [lot(4), 1n],
    ])
    expect(postedOf(state, 'txn_1')).toBe(6n)
  })

  it('takes back what is free of any of its lots before it makes a debt', () => {
    const events = after(
      post(1, 'txn_1', 10n),
      post(2, 'txn_1', 20n),
      // Draws the older lot, and half of the newer.
      hold(1, 15n),
      settle(1, 15n),
      post(3, 'txn_1', 8n),
    )
    expect(sums(events)).toMatchObject({ balance: -7n, debt: 7n, available: -7n })
    expect(events.slice(5).map(({ data }) => data)).toMatchObject([
      { lotId: lot(2), takenNanos: '5', debtNanos: '5' },
      { lotId: lot(1), takenNanos: '0', debtNanos: '2' },
    ])
  })

  it('is owed where it was spent: no call until it is paid, by whatever comes', () => {
    const spent = after(post(1, 'txn_1', 10n), hold(1, 10n), settle(1, 10n), post(2, 'txn_1', 0n))
    expect(sums(spent)).toMatchObject({ balance: -10n, debt: 10n })
    given(account, spent).when(hold(2, 1n)).thenRefused('insufficient_credit')
    const paid = [
      ...spent,
      ...given(account, spent)
        .when(post(3, 'txn_2', 25n))
        .events(),
    ]
    expect(sums(paid)).toMatchObject({ balance: 15n, debt: 0n, available: 15n })
  })

  it('leaves other credit alone', () => {
    const events = after(post(1, 'txn_1', 10n), post(2, 'txn_2', 10n), post(3, 'txn_2', 0n))
    expect(sums(events).balance).toBe(10n)
  })

  it('lapses with its period, and what has lapsed is not owed', () => {
    const expiresAt = minute(10)
    const events = after(
      post(1, 'txn_1', 10n, { expiresAt, kind: 'included' }),
      hold(1, 4n),
      settle(1, 4n),
      { type: 'ExpireCredit', at: minute(10) },
      post(2, 'txn_1', 0n, { expiresAt, at: minute(11) }),
    )
    expect(sums(events, minute(11))).toMatchObject({ balance: -4n, debt: 4n })
  })

  const charged = (again: Partial<PostCredit>, until = minute(10)) => {
    const included = { expiresAt: until, kind: 'included' } as const
    return after(
      post(1, 'txn_1', 10n, included),
      hold(1, 3n),
      settle(1, 3n),
      post(2, 'txn_1', 0n, { ...included, at: minute(5) }),
      post(3, 'txn_1', 10n, { ...included, ...again }),
    )
  }

  it('withdrawn and given again within its period lapses with it', () => {
    const events = charged({ at: minute(6) })
    expect(sums(events, minute(6))).toMatchObject({ balance: 7n, debt: 0n })
    expect(events.at(-1)).toMatchObject({ data: { lotId: lot(3), expiresAt: minute(10) } })
  })

  it('withdrawn and given again after its period comes back whole, and does not lapse', () => {
    const events = charged({ at: minute(20) })
    expect(events.at(-1)).toMatchObject({
      type: 'CreditGranted',
      data: { lotId: lot(1_003), amountNanos: '10', repayments: [{ amountNanos: '3' }] },
    })
    expect(events.at(-1)?.data).not.toHaveProperty('expiresAt')
    expect(sums(events, minute(90))).toMatchObject({ balance: 7n, debt: 0n, available: 7n })
  })

  it('comes back only as far as it was withdrawn: what had lapsed before has lapsed', () => {
    const included = { expiresAt: minute(10), kind: 'included' } as const
    const events = after(
      post(1, 'txn_1', 10n, included),
      hold(1, 3n),
      settle(1, 3n),
      post(2, 'txn_1', 0n, { ...included, at: minute(20) }),
      post(3, 'txn_1', 10n, { ...included, at: minute(30) }),
      post(4, 'txn_1', 10n, { ...included, at: minute(31) }),
    )
    expect(sums(events, minute(30))).toMatchObject({ balance: 0n, debt: 0n })
    expect(postedOf(stateOf(account, events), 'txn_1')).toBe(10n)
    expect(AccountOracle.of(events).violations).toEqual([])
  })

  it('comes back once: a second time it is withdrawn from what came back', () => {
    const included = { expiresAt: minute(10), kind: 'included' } as const
    const again = (n: number, nanos: bigint, at: number) =>
      post(n, 'txn_1', nanos, { ...included, at: minute(at) })
    const events = after(again(1, 10n, 0), again(2, 4n, 5), again(3, 10n, 20), again(4, 0n, 21))
    // Four had lapsed where they lay; of the six that came back nothing is left.
    expect(sums(events, minute(22))).toMatchObject({ balance: 0n, debt: 0n })
    const more = given(account, events)
      .when(again(5, 10n, 23))
      .events()
    expect(sums([...events, ...more], minute(23))).toMatchObject({ balance: 6n, debt: 0n })
  })

  it('that lapsed before it came is written down, and pays no debt', () => {
    const late = { expiresAt: minute(1), at: minute(2), kind: 'included' } as const
    const first = after(
      post(1, 'txn_1', 10n),
      hold(1, 10n),
      settle(1, 10n),
      post(2, 'txn_2', 7n, late),
      post(3, 'txn_1', 0n, { at: minute(2) }),
    )
    const last = after(
      post(1, 'txn_1', 10n),
      hold(1, 10n),
      settle(1, 10n),
      post(3, 'txn_1', 0n, { at: minute(2) }),
      post(2, 'txn_2', 7n, late),
    )
    expect(sums(first, minute(2))).toEqual(sums(last, minute(2)))
    expect(sums(last, minute(2))).toMatchObject({ balance: -10n, debt: 10n })
    for (const events of [first, last]) expect(AccountOracle.of(events).violations).toEqual([])
  })

  it('survives a snapshot', () => {
    const events = after(post(1, 'txn_1', 10n), post(2, 'txn_1', 4n))
    const state = stateOf(account, events)
    const again = account.snapshot?.fromJson(structuredClone(account.snapshot.toJson(state)))
    expect(again).toBeDefined()
    if (!again) return
    expect(postedOf(again, 'txn_1')).toBe(4n)
    expect(account.decide(post(3, 'txn_1', 5n), again)).toEqual(
      account.decide(post(3, 'txn_1', 5n), state),
    )
  })
})

const ids = ['txn_1', 'txn_2', 'txn_3'] as const
const expiries: Record<string, string | undefined> = { txn_1: minute(30), txn_2: minute(60) }
const posting = (n: number, paymentId: string, targetNanos: bigint, at = minute(0)) => {
  const expiresAt = expiries[paymentId]
  return post(n, paymentId, targetNanos, { at, ...(expiresAt !== undefined && { expiresAt }) })
}

/** Of each payment what is left of its lots, whichever lots those are. */
const creditBy = (state: Account) =>
  ids.map((paymentId) => {
    const lotIds = state.posted.get(paymentId)?.lotIds ?? []
    const lots = lotsOf(state).filter(({ lotId }) => lotIds.includes(lotId))
    const free = lots.reduce((sum, one) => sum + freeOf(one), 0n)
    return { paymentId, free, expires: new Set(lots.map(({ expiresAt }) => expiresAt)) }
  })

function run(commands: readonly AccountCommand[]): AccountEvent[] {
  const events: AccountEvent[] = [opened]
  let state = stateOf(account, events)
  for (const command of commands) {
    try {
      for (const event of account.decide(command, state)) {
        events.push(event)
        state = account.evolve(state, event)
      }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
    }
  }
  return events
}

const targets = fc.array(
  fc.record({ of: fc.constantFrom(...ids), target: fc.integer({ min: 0, max: 40 }) }),
  { maxLength: 10 },
)

describe('any order of postings', () => {
  it('that ends with the same amounts leaves the same credit', () => {
    const ends = fc.record({ txn_1: fc.nat(40), txn_2: fc.nat(40), txn_3: fc.nat(40) })
    fc.assert(
      fc.property(targets, targets, ends, (one, other, end) => {
        const outcome = (before: typeof one) => {
          const commands = [...before, ...ids.map((of) => ({ of, target: end[of] }))].map(
            ({ of, target }, n) => posting(n, of, BigInt(target)),
          )
          const events = run(commands)
          expect(AccountOracle.of(events).violations).toEqual([])
          const state = stateOf(account, events)
          for (const of of ids) expect(postedOf(state, of)).toBe(BigInt(end[of]))
          return { sums: sums(events), credit: creditBy(state).map(({ free }) => free) }
        }
        expect(outcome(one)).toEqual(outcome(other))
      }),
    )
  })

  it('keeps every invariant while credit is spent and lapses', () => {
    const spend = fc.record({ spent: fc.integer({ min: 1, max: 30 }) })
    const wait = fc.record({ minutes: fc.constantFrom(1, 20, 40) })
    const step = fc.oneof(
      fc.record({ of: fc.constantFrom(...ids), target: fc.integer({ min: 0, max: 40 }) }),
      spend,
      wait,
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        let now = 0
        const last = new Map<string, bigint>()
        const commands = steps.flatMap((one, n): AccountCommand[] => {
          if ('minutes' in one) {
            now += one.minutes
            return [{ type: 'ExpireCredit', at: minute(now) }]
          }
          if ('spent' in one) {
            const at = minute(now)
            return [
              hold(n, BigInt(one.spent), { at, requestedAt: at }),
              settle(n, BigInt(one.spent), { at }),
            ]
          }
          last.set(one.of, BigInt(one.target))
          return [posting(n, one.of, BigInt(one.target), minute(now))]
        })
        const events = run(commands)
        const oracle = AccountOracle.of(events)
        expect(oracle.violations).toEqual([])
        const state = stateOf(account, events)
        for (const [paymentId, target] of last) expect(postedOf(state, paymentId)).toBe(target)
        expect(sums(events).balance).toBe(oracle.balance)
        expect(debtOf(state)).toBe(oracle.debt)
      }),
      { numRuns: 300 },
    )
  })
})

describe('money that was charged back and came again', () => {
  const times = fc
    .tuple(fc.nat(60), fc.nat(60), fc.nat(60))
    .map((all) => all.toSorted((a, b) => a - b))
  const parts = fc.record({ spent: fc.integer({ min: 1, max: 40 }), kept: fc.nat(39), times })

  it('leaves its buyer with no less than if nothing had been, and with no more than was withdrawn', () => {
    fc.assert(
      fc.property(parts, ({ spent, kept, times: [first = 0, second = 0, third = 0] }) => {
        const use = [
          posting(1, 'txn_1', 40n),
          hold(1, BigInt(spent), { at: minute(first), requestedAt: minute(first) }),
          settle(1, BigInt(spent), { at: minute(first) }),
        ]
        const gone = posting(2, 'txn_1', BigInt(kept), minute(second))
        const back = posting(3, 'txn_1', 40n, minute(third))
        const later = { type: 'ExpireCredit', at: minute(90) } as const
        const [quiet, moved] = [run([...use, later]), run([...use, gone, back, later])]
        expect(AccountOracle.of(moved).violations).toEqual([])
        const [before, after_] = [sums(quiet, minute(90)), sums(moved, minute(90))]
        expect(after_.balance >= before.balance).toBe(true)
        expect(after_.balance - before.balance <= 40n - BigInt(kept)).toBe(true)
        expect(after_.debt).toBe(0n)
      }),
      { numRuns: 300 },
    )
  })
})
