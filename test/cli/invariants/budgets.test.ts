// Each promise about budgets and the spend ceiling is one that its checker can see broken: B1, B2, S1, S2.
import { describe, expect, test } from 'vitest'
import type { KeptBudget } from '../../../src/domain/account/events.ts'
import { SPEND_CEILING } from '../../../src/domain/policy/defaults.ts'
import {
  accepted,
  ACCOUNT,
  checked,
  completed,
  found,
  held,
  idOf,
  second,
  settled,
  sound,
  type Written,
} from '../log.ts'

const of = (written: readonly Written[], ...invariants: readonly string[]) =>
  found(checked(written)).filter((one) => invariants.some((name) => one.startsWith(name)))

const budget = (more: Partial<KeptBudget> = {}): KeptBudget => ({
  ruling: { policyId: idOf('policy', 1), version: 1, rule: 'Team', reason: 'a budget' },
  per: 'organization',
  period: 'day',
  amountNanos: '8000000',
  hard: true,
  thresholds: [],
  ...more,
})
const under = (...budgets: readonly KeptBudget[]) => ({ budgets })

describe('B1', () => {
  const first = [...sound, held(1, '5000000', under(budget()))]

  test('a hold that the budget has no room for', () => {
    expect(of([...first, held(2, '3000000', under(budget()))], 'B1')).toEqual([])
    expect(of([...first, held(2, '3000001', under(budget()))], 'B1')).toEqual(['B1 5'])
  })
  test('charges count, and what a call did not need is free again', () => {
    const ended = [...first, accepted(1), completed(1), settled(1, '3000000')]
    expect(of([...ended, held(2, '5000000', under(budget()))], 'B1')).toEqual([])
    expect(of([...ended, held(2, '5000001', under(budget()))], 'B1')).toEqual(['B1 8'])
  })
  test('only an alert, another day and another’s calls do not', () => {
    const tomorrow = { at: '2026-02-01T00:00:00.000Z' }
    for (const [kept, more] of [
      [budget({ hard: false, thresholds: [50] }), {}],
      [budget(), tomorrow],
      [budget({ per: 'user' }), { userId: idOf('user', 2) }],
      [budget({ agents: [idOf('agent', 2)] }), { agentId: idOf('agent', 2) }],
    ] as const)
      expect(of([...first, held(2, '8000000', { ...under(kept), ...more })], 'B1')).toEqual([])
  })
})

describe('B2', () => {
  const kept = budget({ hard: false, thresholds: [30] })
  const before = [
    ...sound,
    held(1, '5000000', under(kept)),
    accepted(1),
    completed(1),
    settled(1, '3000000'),
  ]
  const reached = (more: object = {}): Written => ({
    stream: ACCOUNT,
    type: 'BudgetThresholdReached',
    data: {
      ruling: kept.ruling,
      per: 'organization',
      period: 'day',
      periodStart: '2026-01-31T00:00:00.000Z',
      percent: 30,
      spentNanos: '3000000',
      amountNanos: '8000000',
      hard: false,
      invocationId: idOf('invocation', 1),
      at: second(1),
      ...more,
    },
  })

  test('told once, with what was charged', () => {
    expect(of([...before, reached()], 'B2')).toEqual([])
  })
  test('told twice, too early, or with another sum', () => {
    expect(of([...before, reached(), reached()], 'B2')).toEqual(['B2 9'])
    expect(of([...before, reached({ percent: 40 })], 'B2')).toEqual(['B2 8'])
    expect(of([...before, reached({ spentNanos: '3000001' })], 'B2')).toEqual(['B2 8'])
  })
})

describe('S1', () => {
  const says = (type: string, amountNanos: string, number: number): Written => ({
    stream: 'spendCeiling-2026-01-31',
    type,
    data: {
      period: '2026-01-31',
      runId: '00000000-0000-4000-8000-000000000001',
      number,
      amountNanos,
      at: second(0),
      ...(type === 'SpendReserved' ? { ceilingNanos: '100' } : {}),
    },
  })
  test('more reserved than the ceiling', () => {
    const full = [says('SpendReserved', '60', 1), says('SpendReserved', '40', 2)]
    expect(of(full, 'S1')).toEqual([])
    const back = says('SpendReturned', '10', 3)
    expect(of([...full, back, says('SpendReserved', '10', 4)], 'S1')).toEqual([])
    expect(of([...full, back, says('SpendReserved', '11', 4)], 'S1')).toEqual(['S1 4'])
  })
  test('more returned than was reserved', () => {
    const written = [says('SpendReserved', '5', 1), says('SpendReturned', '6', 2)]
    expect(of(written, 'S1')).toEqual(['S1 2'])
  })
})

describe('S2', () => {
  const ceiling = (amountNanos: string, at = second(0)): Written => ({
    stream: 'policySet-platform',
    type: 'PolicyChanged',
    data: {
      policyId: SPEND_CEILING,
      owner: 'platform',
      version: 2,
      terms: {
        kind: 'budget',
        name: 'Spend ceiling',
        per: 'platform',
        period: 'day',
        amountNanos,
        hard: true,
      },
      at,
    },
  })
  /** Of 2,000,000 nanos cost. */
  const called = (n: number, more: object = {}) => [
    held(n, '5000000', { costBoundNanos: '2500000', ...more }),
    accepted(n),
    completed(n),
    settled(n, '3000000'),
  ]
  // The day before, so that no higher ceiling was in force on the day itself.
  const low = ceiling('3999999', '2026-01-30T12:00:00.000Z')

  test('calls that have cost more than the ceiling of their day', () => {
    expect(of([low, ...sound, ...called(1), ...called(2)], 'S2')).toEqual(['S2 12'])
    expect(of([...sound, ...called(1), ...called(2)], 'S2')).toEqual([])
  })
  test('a day that had a higher ceiling for a while is measured by that', () => {
    expect(of([...sound, ...called(1), ceiling('1'), ...called(2)], 'S2')).toEqual([])
  })
  test('made-up answers cost nothing, and above the bound nobody can help', () => {
    const practice = { practice: true }
    expect(of([low, ...sound, ...called(1), ...called(2, practice)], 'S2')).toEqual([])
    const bounded = { costBoundNanos: '1' }
    expect(of([low, ...sound, ...called(1), ...called(2, bounded)], 'S2')).toEqual([])
  })
})
