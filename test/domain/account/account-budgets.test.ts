// A hard budget is never passed by what is charged and held together, an alert is told once, and the sums
// behind both are those of the period in which the holds were placed.
import { describe, expect, it } from 'vitest'
import { account } from '../../../src/domain/account/account.ts'
import { periodOf, spenders, spentOf } from '../../../src/domain/account/budgets.ts'
import type { AccountEvent, KeptBudget } from '../../../src/domain/account/events.ts'
import {
  after,
  call,
  grant,
  hold,
  idOf,
  minute,
  release,
  settle,
} from '../../support/account-commands.ts'
import { given, stateOf } from '../../support/decider.ts'

const policyId = idOf('policy', 1)
const budget = (more: Partial<KeptBudget> = {}): KeptBudget => ({
  ruling: { policyId, version: 1, rule: 'Team', reason: 'a budget per organization and day' },
  per: 'organization',
  period: 'day',
  amountNanos: '100',
  hard: true,
  thresholds: [],
  ...more,
})
const under = (...budgets: readonly KeptBudget[]) => ({ budgets: [...budgets] })
const spent = (events: readonly AccountEvent[], one: KeptBudget, subject = '', at = minute(0)) =>
  spentOf(stateOf(account, events).budgets, one, subject, at)

describe('a hard budget', () => {
  const dayOf100 = under(budget())

  it('lets a hold pass that it has room for, to the nano', () => {
    const events = after(grant(1, 1_000n), hold(1, 60n, dayOf100), hold(2, 40n, dayOf100))
    expect(spent(events, budget())).toEqual({ heldNanos: 100n, chargedNanos: 0n })
    given(account, events)
      .when(hold(3, 1n, dayOf100))
      .thenRefused('budget_exceeded', {
        policyId,
        policy: 'Team',
        per: 'organization',
        period: 'day',
        amountNanos: '100',
        spentNanos: '0',
        heldNanos: '100',
        neededNanos: '1',
        resetsAt: '2030-02-01T00:00:00.000Z',
        helpsToWait: true,
      })
  })

  it('does not let anybody hope where the charges alone leave no room', () => {
    const events = after(grant(1, 1_000n), hold(1, 60n, dayOf100), settle(1, 60n))
    expect(() =>
      given(account, events)
        .when(hold(2, 41n, dayOf100))
        .events(),
    ).toThrow(expect.objectContaining({ facts: expect.objectContaining({ helpsToWait: false }) }))
  })

  it('gives back what a call did not need', () => {
    const events = after(
      grant(1, 1_000n),
      hold(1, 100n, dayOf100),
      settle(1, 30n),
      hold(2, 70n, dayOf100),
      release(2),
      hold(3, 70n, dayOf100),
    )
    expect(spent(events, budget())).toEqual({ heldNanos: 70n, chargedNanos: 30n })
  })

  it('counts what was spent before it was made, and what is spent under another amount', () => {
    const events = after(grant(1, 1_000n), hold(1, 80n), settle(1, 80n))
    given(account, events)
      .when(hold(2, 21n, dayOf100))
      .thenRefused('budget_exceeded')
    const raised = under(budget({ amountNanos: '101' }))
    given(account, events)
      .when(hold(2, 21n, raised))
      .events()
  })

  it('begins anew with the day, and a call counts in the period of its hold', () => {
    const tomorrow = { at: minute(13 * 60), requestedAt: minute(13 * 60) }
    const events = after(
      grant(1, 1_000n),
      hold(1, 100n, dayOf100),
      hold(2, 100n, { ...dayOf100, ...tomorrow }),
      settle(1, 90n, { at: minute(13 * 60) }),
    )
    expect(spent(events, budget())).toEqual({ heldNanos: 0n, chargedNanos: 90n })
    expect(spent(events, budget(), '', minute(13 * 60))).toEqual({
      heldNanos: 100n,
      chargedNanos: 0n,
    })
    const month = budget({ period: 'month' })
    // The 31st of January and the 1st of February: no month in common.
    expect(spent(events, month).chargedNanos).toBe(90n)
    expect(spent(events, month, '', minute(13 * 60)).heldNanos).toBe(100n)
  })

  it.each([
    ['user', { userId: idOf('user', 1) }, { userId: idOf('user', 2) }],
    ['key', { keyId: idOf('apiKey', 1) }, { keyId: idOf('apiKey', 2) }],
    ['end_user', { endUser: 'hmac 1' }, { endUser: 'hmac 2' }],
    ['agent', { agentId: idOf('agent', 1) }, { agentId: idOf('agent', 2) }],
  ] as const)('per %s binds each for itself', (per, one, other) => {
    const each = under(budget({ per }))
    const events = after(grant(1, 1_000n), hold(1, 100n, { ...each, ...one }))
    given(account, events)
      .when(hold(2, 1n, { ...each, ...one }))
      .thenRefused('budget_exceeded')
    given(account, events)
      .when(hold(2, 100n, { ...each, ...other }))
      .events()
  })

  it('does not bind a call that is for nobody of its kind, and the hold does not name it', () => {
    const [placed] = given(account, after(grant(1, 1_000n)))
      .when(hold(1, 500n, under(budget({ per: 'key' }))))
      .events()
    expect(placed?.data).not.toHaveProperty('budgets')
  })

  it('for some agents counts their calls together and no others', () => {
    const [first, second, third] = [1, 2, 3].map((n) => ({ agentId: idOf('agent', n) }))
    const two = under(budget({ agents: [idOf('agent', 1), idOf('agent', 2)] }))
    const events = after(
      grant(1, 1_000n),
      hold(1, 60n, { ...two, ...first }),
      hold(2, 500n, { ...two, ...third }),
      hold(3, 40n, { ...two, ...second }),
    )
    given(account, events)
      .when(hold(4, 1n, { ...two, ...first }))
      .thenRefused('budget_exceeded')
    given(account, events)
      .when(hold(4, 1n, { ...two, ...third }))
      .events()
  })

  it('is not asked again by a repeated command', () => {
    const events = after(grant(1, 1_000n), hold(1, 100n, dayOf100))
    given(account, events)
      .when(hold(1, 100n, dayOf100))
      .thenNothing()
  })
})

describe('thresholds', () => {
  const alert = under(budget({ hard: false, thresholds: [100, 50] }))
  const told = (events: readonly AccountEvent[]) =>
    events.flatMap(({ type, data }) => (type === 'BudgetThresholdReached' ? [data] : []))

  it('are told by the charge that reaches them, in one append with it', () => {
    const events = after(grant(1, 1_000n), hold(1, 80n, alert))
    const decided = given(account, events).when(settle(1, 50n)).events()
    expect(decided.map(({ type }) => type)).toEqual(['HoldSettled', 'BudgetThresholdReached'])
    expect(told(decided)).toEqual([
      {
        ruling: budget().ruling,
        per: 'organization',
        period: 'day',
        periodStart: '2030-01-31T00:00:00.000Z',
        percent: 50,
        spentNanos: '50',
        amountNanos: '100',
        hard: false,
        invocationId: call(1),
        at: minute(0),
      },
    ])
  })

  it('are told once each, and refuse nothing', () => {
    const events = after(
      grant(1, 1_000n),
      ...[1, 2, 3, 4, 5].flatMap((n) => [hold(n, 60n, alert), settle(n, 30n)]),
    )
    expect(told(events).map(({ percent }) => percent)).toEqual([50, 100])
  })

  it('that one charge passes together are all told, the lower first', () => {
    const events = after(grant(1, 1_000n), hold(1, 400n, alert), settle(1, 400n))
    expect(told(events).map(({ percent }) => percent)).toEqual([50, 100])
  })

  it('are told anew in the next period, and under another amount', () => {
    const tomorrow = { at: minute(13 * 60), requestedAt: minute(13 * 60) }
    const at = minute(13 * 60)
    const doubled = under(budget({ hard: false, thresholds: [50, 100], amountNanos: '200' }))
    const events = after(
      grant(1, 1_000n),
      hold(1, 60n, alert),
      settle(1, 60n),
      hold(2, 60n, doubled),
      settle(2, 60n),
      hold(3, 60n, { ...alert, ...tomorrow }),
      settle(3, 60n, { at }),
    )
    expect(told(events).map(({ percent, amountNanos }) => [percent, amountNanos])).toEqual([
      [50, '100'],
      [50, '200'],
      [50, '100'],
    ])
  })

  it('name the subject of a budget that is not the whole organization’s', () => {
    const each = under(budget({ per: 'end_user', thresholds: [10] }))
    const events = after(
      grant(1, 1_000n),
      hold(1, 60n, { ...each, endUser: 'hmac' }),
      settle(1, 60n),
    )
    expect(told(events)).toMatchObject([{ per: 'end_user', subject: 'hmac' }])
  })
})

describe('what is remembered', () => {
  it('is two periods of each length, and those in which a hold can still end', () => {
    const day = (n: number) => minute(n * 24 * 60)
    const events = after(
      grant(1, 1_000n),
      hold(1, 5n),
      ...[1, 2, 3].flatMap((n) => [
        hold(n + 1, 10n, { at: day(n), requestedAt: day(n) }),
        settle(n + 1, 10n, { at: day(n) }),
      ]),
    )
    const { budgets } = stateOf(account, events)
    expect(budgets.map(({ month, days }) => [month, days.map((one) => one.day)])).toEqual([
      ['2030-01', ['2030-01-31']],
      ['2030-02', ['2030-02-02', '2030-02-03']],
    ])
    expect(spenders(budgets, { per: 'user', period: 'day' }, day(3))).toHaveLength(1)
    expect(spenders(budgets, { per: 'user', period: 'day' }, day(1))).toHaveLength(0)
  })

  it('comes back from a snapshot as it was', () => {
    const limit = under(budget({ thresholds: [50] }))
    const events = after(grant(1, 1_000n), hold(1, 90n, limit), settle(1, 60n), hold(2, 7n, limit))
    const state = stateOf(account, events)
    const json: unknown = JSON.parse(JSON.stringify(account.snapshot?.toJson(state)))
    const back = account.snapshot?.fromJson(json)
    expect(back && spenders(back.budgets, budget(), minute(0))).toEqual(
      spenders(state.budgets, budget(), minute(0)),
    )
    expect(account.snapshot?.toJson(back ?? state)).toEqual(json)
  })
})

it('periods are calendar periods of UTC', () => {
  expect(periodOf('day', '2028-02-29T23:59:59.999Z')).toEqual({
    from: '2028-02-29T00:00:00.000Z',
    to: '2028-03-01T00:00:00.000Z',
  })
  expect(periodOf('month', '2029-12-31T00:00:00.000Z')).toEqual({
    from: '2029-12-01T00:00:00.000Z',
    to: '2030-01-01T00:00:00.000Z',
  })
})
