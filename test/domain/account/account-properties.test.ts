// Whatever is asked of an account in whatever order, its log keeps the invariants of money at every
// event, its fold says what the log says, and nothing happens twice.
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { account } from '../../../src/domain/account/account.ts'
import type { AccountCommand } from '../../../src/domain/account/commands.ts'
import { accountEvents, type AccountEvent } from '../../../src/domain/account/events.ts'
import {
  type Account,
  availableOf,
  balanceOf,
  debtOf,
  heldOf,
} from '../../../src/domain/account/state.ts'
import { Refusal } from '../../../src/domain/refusal.ts'
import * as commands from '../../support/account-commands.ts'
import { AccountOracle } from '../../support/account-oracle.ts'

type Wish = (history: History) => AccountCommand | undefined

interface History {
  readonly events: AccountEvent[]
  readonly counts: { lots: number; calls: number; facts: number }
  now: number
}

const amounts = fc.bigInt(1n, 120n)
const pick = fc.nat(1_000)
const at = (history: History) => ({ at: commands.minute(history.now) })

const grants: fc.Arbitrary<Wish> = fc
  .record({
    amount: amounts,
    kind: fc.constantFrom('promotional', 'trial', 'included', 'paid'),
    expiresIn: fc.option(fc.integer({ min: -2, max: 25 }), { nil: undefined }),
  })
  .map(
    ({ amount, kind, expiresIn }) =>
      (history) =>
        commands.grant(++history.counts.lots, amount, {
          kind,
          ...at(history),
          ...(expiresIn !== undefined && { expiresAt: commands.minute(history.now + expiresIn) }),
        }),
  )

const revocations: fc.Arbitrary<Wish> = fc
  .record({ which: pick, amount: fc.option(amounts, { nil: undefined, freq: 1 }) })
  .map(({ which, amount }) => (history) => {
    const last = history.events.findLast((event) => event.type === 'HoldSettled')
    const spent = which % 2 ? last?.data.drawn[0]?.lotId : undefined
    const lotId = spent ?? commands.lot(1 + (which % (history.counts.lots + 1)))
    const revocationId = `revocation ${++history.counts.facts}`
    return commands.revoke(0, {
      lotId,
      revocationId,
      ...at(history),
      ...(amount !== undefined && { amountNanos: amount }),
    })
  })

const holds: fc.Arbitrary<Wish> = fc
  .record({ amount: fc.bigInt(0n, 40n), ageSeconds: fc.integer({ min: 0, max: 70 }) })
  .map(
    ({ amount, ageSeconds }) =>
      (history) =>
        commands.hold(++history.counts.calls, amount, {
          ...at(history),
          requestedAt: commands.minute(history.now - ageSeconds / 60),
        }),
  )

/** Numbers of the calls whose hold is open. */
const openCalls = ({ events, counts }: History): number[] => {
  const open = new Set<string>()
  for (const { type, data } of events) {
    if (type === 'HoldPlaced') open.add(data.invocationId)
    if (type === 'HoldSettled' || type === 'HoldReleased') open.delete(data.invocationId)
  }
  const numbers = Array.from({ length: counts.calls }, (_, index) => index + 1)
  return numbers.filter((n) => open.has(commands.call(n)))
}

/** Mostly of an open hold, else of any call there was: ended, refused or never held. */
const ends: fc.Arbitrary<Wish> = fc
  .record({
    which: pick,
    price: fc.bigInt(0n, 80n),
    waived: fc.bigInt(0n, 80n),
    free: fc.boolean(),
  })
  .map(({ which, price, waived, free }) => (history) => {
    const open = openCalls(history)
    const call =
      (which % 4 ? open[which % open.length] : undefined) ??
      1 + (which % (history.counts.calls + 1))
    if (free) return commands.release(call, at(history))
    return commands.settle(call, price, { waivedNanos: waived % (price + 1n), ...at(history) })
  })

/** Number of the last call that was charged. */
const lastSettled = ({ events, counts }: History): number => {
  const last = events.findLast((event) => event.type === 'HoldSettled')
  const numbers = Array.from({ length: counts.calls }, (_, index) => index + 1)
  return numbers.find((n) => last && last.data.invocationId === commands.call(n)) ?? 1
}

const adjustments: fc.Arbitrary<Wish> = fc
  .record({ which: pick, amount: fc.bigInt(-30n, 30n) })
  .map(({ which, amount }) => (history) => {
    const fact = ++history.counts.facts
    return commands.adjust(
      which % 4 ? lastSettled(history) : 1 + (which % 30),
      amount,
      history.events,
      {
        adjustmentId: `adjustment ${fact}`,
        newLotId: commands.lot(1_000 + fact),
        ...at(history),
      },
    )
  })

const waits: fc.Arbitrary<Wish> = fc
  .record({ minutes: fc.integer({ min: 0, max: 9 }), sweep: fc.boolean() })
  .map(({ minutes, sweep }) => (history) => {
    history.now += minutes
    return sweep ? { type: 'ExpireCredit', ...at(history) } : undefined
  })

const wishes = fc.array(
  fc.oneof(
    { weight: 2, arbitrary: grants },
    { weight: 5, arbitrary: holds },
    { weight: 5, arbitrary: ends },
    { weight: 3, arbitrary: revocations },
    { weight: 4, arbitrary: adjustments },
    { weight: 3, arbitrary: waits },
  ),
  { minLength: 25, maxLength: 60, size: 'max' },
)

function decide(command: AccountCommand, state: Account): readonly AccountEvent[] {
  try {
    return account.decide(command, state)
  } catch (error) {
    if (error instanceof Refusal) return []
    throw error
  }
}

function saw(seen: Map<string, number>, { type, data }: AccountEvent): void {
  const names: string[] = [type]
  if ('repayments' in data) names.push(`${type} repays`)
  if (type === 'ChargeAdjusted' && data.newLot) names.push('new lot')
  for (const name of names) seen.set(name, (seen.get(name) ?? 0) + 1)
}

const throughJson = (state: Account): Account =>
  account.snapshot!.fromJson(JSON.parse(JSON.stringify(account.snapshot!.toJson(state))))

describe('an account', () => {
  it('keeps its invariants at every event', () => {
    const seen = new Map<string, number>()
    fc.assert(
      fc.property(wishes, (plan) => {
        const history: History = {
          events: [commands.opened],
          counts: { lots: 0, calls: 0, facts: 0 },
          now: 0,
        }
        const oracle = AccountOracle.of(history.events)
        let state = history.events.reduce(account.evolve, account.initial())
        let restored = state
        for (const wish of plan) {
          const command = wish(history)
          if (!command) continue
          const decided = decide(command, state)
          for (const event of decided) {
            accountEvents[event.type].schema.parse(event.data)
            saw(seen, event)
            oracle.read(event)
            expect(oracle.violations).toEqual([])
          }
          history.events.push(...decided)
          state = decided.reduce(account.evolve, state)
          restored = decided.reduce(account.evolve, throughJson(restored))
          const now = commands.minute(history.now)
          for (const one of [state, restored]) {
            expect(balanceOf(one)).toBe(oracle.balance)
            expect(heldOf(one)).toBe(oracle.held)
            expect(debtOf(one)).toBe(oracle.debt)
            expect(availableOf(one, now)).toBe(oracle.available(now))
          }
          expect(account.snapshot!.toJson(restored)).toEqual(account.snapshot!.toJson(state))
          expect(decide(command, state), 'the same command again').toEqual([])
        }
      }),
      { numRuns: 400 },
    )
    // The plans above have to reach every corner, or they prove nothing about it.
    expect([...seen.keys()].sort()).toEqual(
      [
        // Budgets have a test of their own.
        ...Object.keys(accountEvents).filter(
          (type) => type !== 'BillingAccountOpened' && type !== 'BudgetThresholdReached',
        ),
        'CreditGranted repays',
        'CreditRevoked repays',
        'HoldSettled repays',
        'HoldReleased repays',
        'ChargeAdjusted repays',
        'new lot',
      ].sort(),
    )
  })

  it('lets exactly n of k holds through on credit for n, however it is cut into lots', () => {
    fc.assert(
      fc.property(
        fc.record({
          price: fc.bigInt(1n, 1_000n),
          n: fc.integer({ min: 0, max: 12 }),
          more: fc.integer({ min: 1, max: 8 }),
          cuts: fc.array(fc.bigInt(1n, 500n), { maxLength: 6 }),
          short: fc.bigInt(0n, 999n),
        }),
        ({ price, n, more, cuts, short }) => {
          let left = price * BigInt(n) + (short % price)
          const events: AccountEvent[] = [commands.opened]
          let state = events.reduce(account.evolve, account.initial())
          const run = (command: AccountCommand) => {
            const decided = decide(command, state)
            state = decided.reduce(account.evolve, state)
            return decided.length
          }
          const sizes = cuts.filter((cut) => {
            const fits = cut < left
            if (fits) left -= cut
            return fits
          })
          if (left > 0n) sizes.push(left)
          sizes.forEach((size, index) => run(commands.grant(index + 1, size)))
          const passed = Array.from({ length: n + more }, (_, index) =>
            run(commands.hold(index + 1, price)),
          )
          expect(passed.reduce((sum, count) => sum + count, 0)).toBe(n)
          expect(heldOf(state)).toBe(price * BigInt(n))
          expect(balanceOf(state)).toBe(price * BigInt(n) + (short % price))
        },
      ),
    )
  })
})
