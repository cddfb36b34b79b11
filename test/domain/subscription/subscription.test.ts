// An organization has one live plan; access, periods and a provider's messages follow their rules in
// whatever order things come.
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type SubscriptionEvent,
  subscriptionEvents,
} from '../../../src/domain/subscription/events.ts'
import { accessOf, currentOf, liveOf } from '../../../src/domain/subscription/state.ts'
import {
  type Subscribe,
  subscription,
  type SubscriptionMessage,
} from '../../../src/domain/subscription/subscription.ts'
import { idOf } from '../../support/account-commands.ts'
import { given, stateOf } from '../../support/decider.ts'

const [basic, pro] = [idOf('plan', 1), idOf('plan', 2)]
const day = (text: string) => `2027-${text}T12:00:00.000Z`
const subscribe = (n: number, planId: string, at: string): Subscribe => ({
  type: 'Subscribe',
  subscriptionId: `manual:${n}`,
  planId,
  planVersion: 1,
  graceDays: 3,
  // Derived ids come in no order.
  eventId: `command ${9 - n}`,
  at,
})
const cancel = (at: string, eventId = 'a') => ({ type: 'CancelSubscription', eventId, at }) as const
const period = (at: string) => ({ type: 'StartPeriod', at }) as const

type Command = Parameters<typeof subscription.decide>[0]
function after(...commands: readonly Command[]): SubscriptionEvent[] {
  const events: SubscriptionEvent[] = []
  for (const command of commands) events.push(...given(subscription, events).when(command).events())
  for (const { type, data } of events) subscriptionEvents[type].schema.parse(data)
  return events
}
const access = (events: readonly SubscriptionEvent[], at: string) =>
  accessOf(stateOf(subscription, events), at)?.planId

const started = (id: string, status: 'active' | 'pending', at: string): SubscriptionEvent => ({
  type: 'SubscriptionStarted',
  data: {
    subscriptionId: id,
    planId: pro,
    planVersion: 1,
    status,
    startedAt: at,
    graceDays: 3,
    occurredAt: at,
    eventId: 'e0',
    at,
  },
})

describe('a manual subscription', () => {
  it('is active at once and taken once', () => {
    const events = after(subscribe(1, basic, day('01-31')))
    expect(events).toHaveLength(1)
    expect(currentOf(stateOf(subscription, events))).toMatchObject({
      status: 'active',
      startedAt: day('01-31'),
    })
    given(subscription, events)
      .when(subscribe(2, basic, day('02-01')))
      .thenNothing()
  })

  it('gives way to another plan at that moment, also within one millisecond', () => {
    const at = day('01-31')
    const events = after(subscribe(1, basic, at), subscribe(2, pro, at), subscribe(3, basic, at))
    const state = stateOf(subscription, events)
    expect([...state.all.values()].map((one) => one.status)).toEqual([
      'canceled',
      'canceled',
      'active',
    ])
    expect(liveOf(state)?.subscriptionId).toBe('manual:3')
    expect(access(events, at)).toBe(basic)
    expect(access(events, day('01-30'))).toBe(undefined)
  })

  it('is taken anew where its plan has a newer version', () => {
    const newer = { ...subscribe(2, basic, day('02-01')), planVersion: 2 }
    const events = after(subscribe(1, basic, day('01-31')), newer)
    expect(accessOf(stateOf(subscription, events), day('02-01'))).toMatchObject({ planVersion: 2 })
  })

  it('keeps access until its period ends when it is canceled', () => {
    const events = after(subscribe(1, basic, day('01-31')), cancel(day('02-10')))
    expect(events.at(-1)?.data).toMatchObject({ endsAt: '2027-02-28T00:00:00.000Z' })
    expect(access(events, '2027-02-27T23:59:59.999Z')).toBe(basic)
    expect(access(events, '2027-02-28T00:00:00.000Z')).toBe(undefined)
    expect(currentOf(stateOf(subscription, events))?.status).toBe('canceled')
    given(subscription, events)
      .when(cancel(day('02-11'), 'b'))
      .thenNothing()
    expect(
      after(
        subscribe(1, basic, day('01-31')),
        cancel(day('02-10')),
        subscribe(2, basic, day('02-11')),
      ),
    ).toHaveLength(3)
  })

  it('cannot be canceled where there is none, nor a provider’s by hand', () => {
    given(subscription, [])
      .when(cancel(day('01-01')))
      .thenRefused('not_subscribed')
    const paid = [started('sub_1', 'active', day('01-01'))]
    given(subscription, paid)
      .when(cancel(day('01-02')))
      .thenRefused('billing_by_provider')
    given(subscription, paid)
      .when(subscribe(1, basic, day('01-02')))
      .thenRefused('billing_by_provider')
  })
})

describe('a calendar period', () => {
  it('starts once for each plan, and renews', () => {
    const first = [subscribe(1, basic, day('01-31')), period(day('01-31'))] as const
    const events = after(...first)
    expect(events.at(-1)).toMatchObject({
      type: 'PeriodStarted',
      data: {
        planId: basic,
        periodStart: '2027-01-31T00:00:00.000Z',
        periodEnd: '2027-02-28T00:00:00.000Z',
      },
    })
    given(subscription, events)
      .when(period(day('02-27')))
      .thenNothing()
    expect(
      given(subscription, events)
        .when(period(day('02-28')))
        .events(),
    ).toHaveLength(1)
  })

  it('does not start again for a plan that was left and taken again', () => {
    const events = after(
      subscribe(1, basic, day('01-31')),
      period(day('01-31')),
      cancel(day('02-01')),
      subscribe(2, basic, day('02-02')),
    )
    given(subscription, events)
      .when(period(day('02-02')))
      .thenNothing()
    const other = after(
      subscribe(1, basic, day('01-31')),
      period(day('01-31')),
      subscribe(2, pro, day('02-02')),
      period(day('02-02')),
      subscribe(3, basic, day('02-03')),
    )
    given(subscription, other)
      .when(period(day('02-03')))
      .thenNothing()
  })

  it('does not start without access', () => {
    given(subscription, [])
      .when(period(day('01-01')))
      .thenNothing()
    const ended = after(subscribe(1, basic, day('01-31')), cancel(day('02-01')))
    given(subscription, ended)
      .when(period(day('03-01')))
      .thenNothing()
  })
})

const told = (n: number, more: Partial<SubscriptionMessage> = {}): Command => ({
  type: 'FollowSubscription',
  subscriptionId: 'sub_1',
  status: 'active',
  planId: pro,
  planVersion: 1,
  graceDays: 3,
  startedAt: day('01-01'),
  occurredAt: `2027-01-0${n}T12:00:00.000000000Z`,
  eventId: `e${n}`,
  at: day('01-09'),
  ...more,
})

describe('a provider’s subscription', () => {
  it('gives access by its status: grace while past due, none while pending or paused', () => {
    expect(access(after(told(1, { status: 'pending' })), day('01-01'))).toBe(undefined)
    const active = told(1)
    expect(access(after(active), day('01-01'))).toBe(pro)
    expect(access(after(active, told(2, { status: 'paused' })), day('01-02'))).toBe(undefined)
    const late = after(active, told(2, { status: 'past_due' }))
    expect(access(late, '2027-01-05T11:59:59.999Z')).toBe(pro)
    expect(access(late, day('01-05'))).toBe(undefined)
  })

  it('is kept with what the provider said of customer, period and what is to come', () => {
    const paidFor = { periodStart: day('01-01'), periodEnd: day('02-01') }
    const scheduled = { change: 'cancel', at: day('02-01') } as const
    const events = after(
      told(1, { customerId: 'ctm_1', ...paidFor }),
      told(2, { scheduled, planVersion: 2, graceDays: 7 }),
    )
    expect(currentOf(stateOf(subscription, events))).toMatchObject({
      customerId: 'ctm_1',
      period: { start: day('01-01'), end: day('02-01') },
      scheduled,
      planVersion: 2,
      graceDays: 7,
      startedAt: day('01-01'),
    })
    const kept = after(told(1, { scheduled }), told(2))
    expect(currentOf(stateOf(subscription, kept))).not.toHaveProperty('scheduled')
  })

  it('may be heard of first by its end', () => {
    const end = told(5, { status: 'canceled', endsAt: day('01-05') })
    const events = after(end)
    expect(events.map(({ type }) => type)).toEqual(['SubscriptionStarted', 'SubscriptionCanceled'])
    expect(access(events, day('01-04'))).toBe(pro)
    expect(access(events, day('01-05'))).toBe(undefined)
    const whole = stateOf(subscription, after(told(1), end))
    expect(stateOf(subscription, after(end, told(1)))).toEqual(whole)
  })

  it('takes over from what was taken by hand, which comes back after it, in any order', () => {
    const own = subscribe(1, basic, day('01-01'))
    const sold = told(2, { startedAt: day('01-02') })
    const end = told(5, { status: 'canceled', endsAt: day('01-05'), startedAt: day('01-02') })
    for (const order of [
      [own, sold, end],
      [own, end, sold],
      [sold, end, own],
    ]) {
      const events = after(...order)
      expect(access(events, day('01-01'))).toBe(basic)
      expect(access(events, day('01-02'))).toBe(pro)
      expect(access(events, day('01-05'))).toBe(basic)
      expect(currentOf(stateOf(subscription, events))?.planId).toBe(basic)
    }
    const paused = after(own, sold, told(3, { status: 'paused', startedAt: day('01-02') }))
    expect(access(paused, day('01-03'))).toBe(basic)
    expect(currentOf(stateOf(subscription, paused))?.status).toBe('paused')
  })

  it('starts no calendar period, and moves none', () => {
    const own = subscribe(1, basic, day('01-31'))
    const events = after(own, told(2))
    given(subscription, events)
      .when(period(day('02-01')))
      .thenNothing()
    const ended = after(own, told(2), told(3, { status: 'canceled', endsAt: day('01-03') }))
    expect(
      given(subscription, ended)
        .when(period(day('01-31')))
        .events(),
    ).toMatchObject([{ data: { periodStart: '2027-01-31T00:00:00.000Z' } }])
  })

  it('ends in the same state whatever the order in which its messages come', () => {
    const message = fc.record({
      of: fc.constantFrom('sub_1', 'sub_2'),
      n: fc.integer({ min: 1, max: 5 }),
      status: fc.constantFrom('active', 'past_due', 'paused', 'trialing', 'canceled'),
      planId: fc.constantFrom(basic, pro),
      scheduled: fc.boolean(),
    })
    const sets = fc
      .uniqueArray(message, { minLength: 1, maxLength: 8, selector: ({ of, n }) => `${of}${n}` })
      .map((all) =>
        all.map(({ of, n, status, planId, scheduled }) =>
          told(n, {
            subscriptionId: of,
            status,
            planId,
            ...(status === 'canceled' && { endsAt: day(`02-0${n}`) }),
            ...(scheduled && { scheduled: { change: 'pause', at: day('03-01') } }),
            startedAt: day(`01-0${n}`),
            eventId: `${of} ${n}`,
          }),
        ),
      )
    fc.assert(
      fc.property(
        sets.chain((set) =>
          fc.tuple(
            fc.constant(set),
            fc
              .subarray(set)
              .chain((again) =>
                fc.shuffledSubarray([...set, ...again], { minLength: set.length + again.length }),
              ),
          ),
        ),
        ([set, shuffled]) => {
          const [one, other] = [set, shuffled].map((order) => {
            const state = stateOf(subscription, after(...order))
            const all = Object.fromEntries(state.all)
            return { all, anchor: state.anchor, current: currentOf(state) }
          })
          expect(other).toEqual(one)
        },
      ),
    )
  })

  it('counts grace from the first message of being past due, also when that comes last', () => {
    const events = after(
      told(1),
      told(5, { status: 'past_due' }),
      told(3),
      told(4, { status: 'past_due' }),
    )
    expect(access(events, '2027-01-07T11:59:59.999Z')).toBe(pro)
    expect(access(events, day('01-07'))).toBe(undefined)
  })
})
