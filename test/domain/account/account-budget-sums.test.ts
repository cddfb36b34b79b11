// The sums of budgets are what a plain count over the events says, whatever happens in whatever order,
// and no hard budget is ever passed by charges and holds together.
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { account } from '../../../src/domain/account/account.ts'
import { spentOf } from '../../../src/domain/account/budgets.ts'
import type { AccountCommand } from '../../../src/domain/account/commands.ts'
import {
  type AccountEvent,
  accountDimensions,
  type KeptBudget,
} from '../../../src/domain/account/events.ts'
import type { Account } from '../../../src/domain/account/state.ts'
import { Refusal } from '../../../src/domain/refusal.ts'
import {
  grant,
  hold,
  idOf,
  minute,
  opened,
  release,
  settle,
} from '../../support/account-commands.ts'

const limits = fc.constantFrom(20n, 60n, 150n)
const wishes = fc.oneof(
  fc.record({
    kind: fc.constant('hold' as const),
    amount: fc.bigInt(0n, 40n),
    user: fc.option(fc.integer({ min: 1, max: 2 }), { nil: undefined }),
    key: fc.option(fc.integer({ min: 1, max: 2 }), { nil: undefined }),
    endUser: fc.option(fc.constantFrom('a', 'b'), { nil: undefined }),
    agent: fc.integer({ min: 1, max: 3 }),
  }),
  fc.record({
    kind: fc.constant('end' as const),
    which: fc.nat(100),
    price: fc.option(fc.bigInt(0n, 60n), { nil: undefined }),
  }),
  fc.record({ kind: fc.constant('wait' as const), minutes: fc.integer({ min: 1, max: 3_000 }) }),
)

interface Placed {
  readonly n: number
  readonly data: Extract<AccountEvent, { type: 'HoldPlaced' }>['data']
  charged: bigint | undefined
}

const subjectOf = (per: KeptBudget['per'], { data }: Placed): string | undefined =>
  ({
    organization: '',
    user: data.userId,
    key: data.keyId,
    end_user: data.endUser,
    agent: data.agentId,
  })[per]

function budgetsOf(amount: bigint): KeptBudget[] {
  const ruling = { policyId: idOf('policy', 1), version: 1, rule: 'all', reason: 'test' }
  const some = { ruling, amountNanos: amount.toString(), hard: true, thresholds: [50, 100] }
  return [
    ...accountDimensions.flatMap((per) => [
      { ...some, per, period: 'day' as const },
      { ...some, per, period: 'month' as const, amountNanos: (amount * 3n).toString() },
    ]),
    { ...some, per: 'organization', period: 'day', agents: [idOf('agent', 1), idOf('agent', 3)] },
  ]
}

/** By looking at every hold there ever was. */
function naive(placed: readonly Placed[], budget: KeptBudget, subject: string, at: string) {
  const length = budget.period === 'day' ? 10 : 7
  let [heldNanos, chargedNanos] = [0n, 0n]
  for (const one of placed) {
    if (one.data.at.slice(0, length) !== at.slice(0, length)) continue
    if (subjectOf(budget.per, one) !== subject) continue
    if (budget.agents && !budget.agents.includes(one.data.agentId)) continue
    if (one.charged === undefined) heldNanos += BigInt(one.data.amountNanos)
    else chargedNanos += one.charged
  }
  return { heldNanos, chargedNanos }
}

it('any history', () => {
  fc.assert(
    fc.property(limits, fc.array(wishes, { maxLength: 80 }), (limit, all) => {
      const budgets = budgetsOf(limit)
      const placed: Placed[] = []
      const told = new Set<string>()
      let state: Account = [opened].reduce(account.evolve, account.initial())
      let now = 0
      const perform = (command: AccountCommand): readonly AccountEvent[] => {
        try {
          const events = account.decide(command, state)
          state = events.reduce(account.evolve, state)
          return events
        } catch (error) {
          if (!(error instanceof Refusal)) throw error
          expect(error.code).toBe('budget_exceeded')
          return []
        }
      }
      perform(grant(1, 1_000_000n))
      for (const wish of all) {
        const at = minute(now)
        if (wish.kind === 'wait') now += wish.minutes
        else if (wish.kind === 'hold') {
          const n = placed.length + 1
          const { user, key, endUser, agent } = wish
          const { userId: _own, ...command } = hold(n, wish.amount, {
            at,
            requestedAt: at,
            budgets,
          })
          const events = perform({
            ...command,
            ...(user === undefined ? {} : { userId: idOf('user', user) }),
            ...(key === undefined ? {} : { keyId: idOf('apiKey', key) }),
            ...(endUser === undefined ? {} : { endUser }),
            agentId: idOf('agent', agent),
          })
          for (const { type, data } of events)
            if (type === 'HoldPlaced') placed.push({ n, data, charged: undefined })
        } else {
          const open = placed.filter(({ charged }) => charged === undefined)
          const one = open[wish.which % (open.length || 1)]
          if (!one) continue
          const { price } = wish
          const events = perform(
            price === undefined ? release(one.n, { at }) : settle(one.n, price, { at }),
          )
          one.charged = 0n
          for (const { type, data } of events) {
            if (type === 'HoldSettled') one.charged = BigInt(data.chargeNanos)
            if (type !== 'BudgetThresholdReached') continue
            const { per, subject, period, periodStart, percent, agents } = data
            const what = [per, subject, period, periodStart, percent, agents].join()
            expect(told.has(what)).toBe(false)
            told.add(what)
            expect(BigInt(data.spentNanos) * 100n).toBeGreaterThanOrEqual(
              BigInt(data.amountNanos) * BigInt(percent),
            )
          }
        }
        for (const budget of budgets)
          for (const one of placed) {
            const subject = subjectOf(budget.per, one)
            if (subject === undefined) continue
            const expected = naive(placed, budget, subject, minute(now))
            expect(spentOf(state.budgets, budget, subject, minute(now))).toEqual(expected)
            expect(expected.heldNanos + expected.chargedNanos).toBeLessThanOrEqual(
              BigInt(budget.amountNanos),
            )
          }
      }
    }),
    { numRuns: 60 },
  )
})
