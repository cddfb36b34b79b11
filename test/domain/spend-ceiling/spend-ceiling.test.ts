// What is reserved of a ceiling is never above it, each word of a process is taken once, and each
// threshold is told once.
import { describe, expect, it } from 'vitest'
import type { Policy } from '../../../src/domain/policy/decision.ts'
import type { Budget } from '../../../src/domain/policy/events.ts'
import {
  spendCeilingEvents,
  type SpendCeilingEvent,
} from '../../../src/domain/spend-ceiling/events.ts'
import {
  ceilingOf,
  reservedBy,
  spendCeiling,
  type SpendCeilingCommand,
} from '../../../src/domain/spend-ceiling/spend-ceiling.ts'
import { idOf } from '../../support/account-commands.ts'
import { given, stateOf } from '../../support/decider.ts'

const period = '2030-01-31'
const at = '2030-01-31T12:00:00.000Z'
const runs = ['a', 'b'].map((digit) => `${digit.repeat(8)}-0000-4000-8000-000000000000`)
const [here = '', there = ''] = runs

const ceiling = (amount: bigint, more: Partial<Budget> = {}): Policy<Budget> => ({
  policyId: idOf('policy', 1),
  version: 2,
  terms: {
    kind: 'budget',
    name: 'Ceiling',
    per: 'platform',
    period: 'day',
    amountNanos: amount.toString(),
    hard: true,
    ...more,
  },
})

const reserve = (
  runId: string,
  number: number,
  neededNanos: bigint,
  budgets = [ceiling(100n)],
  wantedNanos = 10n,
): SpendCeilingCommand => ({
  type: 'ReserveSpend',
  period,
  runId,
  number,
  neededNanos,
  wantedNanos,
  budgets,
  at,
})
const giveBack = (runId: string, number: number, amountNanos: bigint): SpendCeilingCommand => ({
  type: 'ReturnSpend',
  period,
  runId,
  number,
  amountNanos,
  at,
})
function after(...commands: readonly SpendCeilingCommand[]): SpendCeilingEvent[] {
  const events: SpendCeilingEvent[] = []
  for (const command of commands) events.push(...given(spendCeiling, events).when(command).events())
  for (const { type, data } of events) spendCeilingEvents[type].schema.parse(data)
  return events
}
const reserved = (events: readonly SpendCeilingEvent[]) =>
  stateOf(spendCeiling, events).reservedNanos

describe('a reservation', () => {
  it('is what is wanted, what a dearer call needs, or what is left', () => {
    expect(reserved(after(reserve(here, 1, 3n)))).toBe(10n)
    expect(reserved(after(reserve(here, 1, 30n)))).toBe(30n)
    expect(reserved(after(reserve(here, 1, 95n), reserve(there, 1, 5n)))).toBe(100n)
    expect(reserved(after(reserve(here, 1, 95n), reserve(there, 1, 1n)))).toBe(100n)
  })

  it('is refused where less is left than is needed', () => {
    given(spendCeiling, after(reserve(here, 1, 95n)))
      .when(reserve(there, 1, 6n))
      .thenRefused('spend_ceiling_reached')
  })

  it('may go on where the ceiling was raised, and not where it was lowered', () => {
    const full = after(reserve(here, 1, 100n))
    given(spendCeiling, full)
      .when(reserve(there, 1, 5n, [ceiling(105n)]))
      .events()
    given(spendCeiling, after(reserve(here, 1, 50n)))
      .when(reserve(there, 1, 1n, [ceiling(40n)]))
      .thenRefused('spend_ceiling_reached')
  })

  it('keeps the lowest of several ceilings, and none that only alerts', () => {
    const budgets = [ceiling(100n), ceiling(60n), ceiling(5n, { hard: false, thresholds: [50] })]
    expect(ceilingOf(budgets)).toBe(60n)
    given(spendCeiling, [])
      .when(reserve(here, 1, 61n, budgets))
      .thenRefused('spend_ceiling_reached')
    const alertOnly = [ceiling(5n, { hard: false, thresholds: [50] })]
    expect(reserved(after(reserve(here, 1, 61n, alertOnly)))).toBe(61n)
  })

  it('whose answer was lost is not taken a second time', () => {
    const events = after(reserve(here, 1, 10n), reserve(here, 2, 10n))
    given(spendCeiling, events)
      .when(reserve(here, 2, 10n))
      .thenNothing()
    given(spendCeiling, events)
      .when(giveBack(here, 2, 10n))
      .thenNothing()
  })
})

it('what comes back can be reserved again, by whoever', () => {
  const events = after(reserve(here, 1, 100n), giveBack(here, 2, 30n), reserve(there, 1, 30n))
  expect(reserved(events)).toBe(100n)
  expect(runs.map((runId) => reservedBy(stateOf(spendCeiling, events), runId))).toEqual([70n, 30n])
})

it('nobody returns what another has reserved', () => {
  const events = after(reserve(here, 1, 100n), reserve(there, 1, 0n, [ceiling(200n)], 5n))
  expect(() => spendCeiling.decide(giveBack(there, 2, 6n), stateOf(spendCeiling, events))).toThrow(
    'a process returns what it has reserved',
  )
})

it('thresholds are told once each, for each amount', () => {
  const percents = (events: readonly SpendCeilingEvent[]) =>
    events.flatMap((one) => (one.type === 'SpendThresholdReached' ? [one.data.percent] : []))
  const budgets = [ceiling(100n, { thresholds: [80, 50] })]
  const first = after(reserve(here, 1, 40n, budgets), reserve(here, 2, 15n, budgets))
  expect(percents(first)).toEqual([50])
  const all = after(
    reserve(here, 1, 90n, budgets),
    giveBack(here, 2, 90n),
    reserve(here, 3, 90n, budgets),
    reserve(here, 4, 10n, [ceiling(200n, { thresholds: [50] })]),
  )
  expect(percents(all)).toEqual([50, 80, 50])
})
