// An organization has one live plan; access, periods and a provider's messages follow their rules in
// whatever order things come.
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type SubscriptionEvent,
  subscriptionEvents,
} from '../../../src/domain/subscription/events.ts'
import { accessOf, currentOf, liveOf } from '../../../src/domain/subscription/state.ts'
import { type Subscribe, subscription } from '../../../src/domain/subscription/subscription.ts'
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

describe('a provider’s subscription', () => {
  it('gives access by its status: grace while past due, none while pending or paused', () => {
    const at = day('01-01')
    const change = (status: 'past_due' | 'paused', when: string): Command => ({
      type: 'ChangeStatus',
      subscriptionId: 'sub_1',
      status,
      occurredAt: when,
      eventId: 'e1',
      at: when,
    })
    expect(access([started('sub_1', 'pending', at)], at)).toBe(undefined)
    const active = [started('sub_1', 'active', at)]
    const with_ = (command: Command) => [
      ...active,
      ...given(subscription, active).when(command).events(),
    ]
    expect(access(active, at)).toBe(pro)
    expect(access(with_(change('paused', day('01-02'))), day('01-02'))).toBe(undefined)
    const late = with_(change('past_due', day('01-02')))
    expect(access(late, '2027-01-05T11:59:59.999Z')).toBe(pro)
    expect(access(late, day('01-05'))).toBe(undefined)
    given(subscription, active)
      .when({ ...change('paused', day('01-02')), subscriptionId: 'sub_2' } as Command)
      .thenRefused('not_subscribed')
  })

  it('ends in the same state whatever the order in which its messages come', () => {
    const statuses = fc.constantFrom('active', 'past_due', 'paused', 'trialing')
    const messages = fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), statuses), {
      minLength: 1,
      maxLength: 6,
    })
    fc.assert(
      fc.property(
        messages.chain((all) => {
          const commands = all.map(([second, status], index): Command => {
            const occurredAt = `2027-01-02T00:00:0${second}.000Z`
            const source = { occurredAt, eventId: `e${index + 1}`, at: day('01-03') }
            return { type: 'ChangeStatus', subscriptionId: 'sub_1', status, ...source }
          })
          const shuffled = fc.shuffledSubarray(commands, { minLength: commands.length })
          return fc.tuple(fc.constant(commands), shuffled)
        }),
        ([commands, shuffled]) => {
          const end = (order: readonly Command[]) => {
            const events = [started('sub_1', 'active', day('01-01'))]
            for (const command of order)
              events.push(...given(subscription, events).when(command).events())
            return currentOf(stateOf(subscription, events))
          }
          expect(end(shuffled)).toEqual(end(commands))
        },
      ),
    )
  })

  it('counts grace from the first message of being past due, also when that comes last', () => {
    const change = (status: 'past_due' | 'active', n: number): Command => ({
      type: 'ChangeStatus',
      subscriptionId: 'sub_1',
      status,
      occurredAt: day(`01-0${n}`),
      eventId: `e${n}`,
      at: day('01-09'),
    })
    const events = [started('sub_1', 'active', day('01-01'))]
    for (const command of [change('past_due', 5), change('active', 3), change('past_due', 4)])
      events.push(...given(subscription, events).when(command).events())
    expect(access(events, '2027-01-07T11:59:59.999Z')).toBe(pro)
    expect(access(events, day('01-07'))).toBe(undefined)
  })
})
