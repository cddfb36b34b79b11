// A plan that is paid for stays in force until its period ends, whatever order messages and wishes come in; a wish that was never carried out changes nothing.
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SubscriptionEvent } from '../../../src/domain/subscription/events.ts'
import { planAt } from '../../../src/domain/subscription/plan-at.ts'
import { accessOf } from '../../../src/domain/subscription/state.ts'
import {
  subscription,
  type SubscriptionCommand,
} from '../../../src/domain/subscription/subscription.ts'
import { idOf } from '../../support/account-commands.ts'
import { given, stateOf } from '../../support/decider.ts'

const [small, large, huge] = [idOf('plan', 1), idOf('plan', 2), idOf('plan', 3)]
const day = (text: string) => `2027-${text}T12:00:00.000Z`
const january = { periodStart: day('01-01'), periodEnd: day('02-01') }
const february = { periodStart: day('02-01'), periodEnd: day('03-01') }

type Told = Extract<SubscriptionCommand, { type: 'FollowSubscription' }>
const told = (n: number, planId: string, more: Partial<Told> = {}): Told => ({
  type: 'FollowSubscription',
  subscriptionId: 'sub_1',
  status: 'active',
  planId,
  planVersion: 1,
  graceDays: 3,
  startedAt: day('01-01'),
  ...january,
  occurredAt: `2027-01-0${n}T12:00:00.000000000Z`,
  eventId: `e${n}`,
  at: day('01-09'),
  ...more,
})
type Wished = Extract<SubscriptionCommand, { type: 'RequestPlanChange' }>
const wished = (from: string, to: string, more: Partial<Wished> = {}): Wished => ({
  type: 'RequestPlanChange',
  subscriptionId: 'sub_1',
  planId: to,
  planVersion: 1,
  priceId: `pri ${to}`,
  fromPlanId: from,
  fromPlanVersion: 1,
  fromPriceId: `pri ${from}`,
  effective: 'period_end',
  effectiveAt: january.periodEnd,
  at: day('01-09'),
  ...more,
})
const now = { effective: 'now' } as const

function after(...commands: readonly SubscriptionCommand[]) {
  const events: SubscriptionEvent[] = []
  for (const command of commands) events.push(...given(subscription, events).when(command).events())
  const state = stateOf(subscription, events)
  const one = state.all.get('sub_1')
  if (!one) throw new Error('no subscription')
  return { state, at: (time: string) => planAt(one, time) }
}
const inForce = (state: ReturnType<typeof after>['state'], at: string) =>
  accessOf(state, at)?.planId

const down = [told(1, large), wished(large, small), told(2, small)] as const

describe('a smaller plan', () => {
  it('is in force from the end of what is paid for, with or without a message then', () => {
    const { state, at } = after(...down)
    expect(accessOf(state, day('01-31'))).toMatchObject({ planId: large, until: day('02-01') })
    expect(at(day('01-31')).next).toEqual({ planId: small, planVersion: 1, at: day('02-01') })
    expect(accessOf(state, day('02-01'))).toMatchObject({ planId: small, until: undefined })
    const renewed = after(...down, told(3, small, february)).state
    expect(inForce(renewed, day('01-31'))).toBe(small)
  })

  it('is in force at once where the provider changed it without our wish', () => {
    expect(inForce(after(told(1, large), told(2, small)).state, day('01-10'))).toBe(small)
    const other = wished(large, small, { effectiveAt: day('03-01') })
    expect(inForce(after(told(1, large), other, told(2, small)).state, day('01-10'))).toBe(small)
  })

  it('waits for the end of what is paid for also where the seller moves that end', () => {
    const moved = { ...january, periodEnd: day('02-10') }
    const { state, at } = after(...down, told(3, small, moved))
    expect(at(day('02-05'))).toMatchObject({ planId: large, next: { at: day('02-10') } })
    expect(accessOf(state, day('02-10'))).toMatchObject({ planId: small, until: undefined })
    const before = after(told(1, large), wished(large, small), told(2, large, moved))
    const then = after(
      told(1, large),
      wished(large, small),
      told(2, large, moved),
      told(3, small, moved),
    )
    expect(before.at(day('01-10'))).toEqual({ planId: large, planVersion: 1 })
    expect(then.at(day('02-05'))).toMatchObject({ planId: large, next: { planId: small } })
  })

  it('that was only wished changes nothing, not even the next period', () => {
    const { state } = after(told(1, large), wished(large, small))
    expect(accessOf(state, day('01-10'))).toMatchObject({ planId: large, until: undefined })
    expect(inForce(state, day('02-10'))).toBe(large)
    const renewed = after(told(1, large), wished(large, small), told(2, large, february))
    expect(inForce(renewed.state, day('02-10'))).toBe(large)
  })

  it('is known to come for what was paid for also where its message is the first that is heard', () => {
    const { state } = after(told(2, small), wished(large, small))
    expect(inForce(state, day('01-31'))).toBe(large)
  })

  it('does not bring back what the provider has ended', () => {
    const end = told(3, small, { status: 'canceled', endsAt: day('01-03') })
    const { periodStart: _start, periodEnd: _end, ...ended } = end
    expect(inForce(after(...down, ended).state, day('01-03'))).toBe(undefined)
    const leaving = { scheduled: { change: 'cancel', at: day('02-01') } } as const
    expect(inForce(after(...down, told(3, small, leaving)).state, day('01-10'))).toBe(large)
  })

  it('gives way to what is paid for, to a larger one, to an even smaller one', () => {
    const restored = [...down, wished(small, large, now), told(3, large)]
    expect(after(...restored).at(day('01-10'))).toEqual({ planId: large, planVersion: 1 })
    const larger = after(...restored, wished(large, huge, now), told(4, huge))
    expect(larger.at(day('01-10'))).toEqual({ planId: huge, planVersion: 1 })
    const again = after(
      ...restored,
      wished(large, huge, now),
      told(4, huge),
      wished(huge, small),
      told(5, small),
    )
    expect(again.at(day('01-10'))).toMatchObject({ planId: huge, next: { planId: small } })
  })

  it('that was wished first is had at once where it is paid for at once after all', () => {
    const { at } = after(
      told(1, large),
      wished(large, small),
      told(2, small),
      // The seller makes it the one that is paid for, then makes the other dearer.
      told(3, huge),
      wished(huge, small, { ...now, at: day('01-10') }),
      told(4, small),
    )
    expect(at(day('01-15'))).toEqual({ planId: small, planVersion: 1 })
  })

  it('may be a newer version of the same plan', () => {
    const newer = { planVersion: 2 }
    const { at } = after(told(1, large), wished(large, large, newer), told(2, large, newer))
    expect(at(day('01-10'))).toMatchObject({ planVersion: 1, next: { planVersion: 2 } })
    const unwished = after(told(1, large), told(2, large, newer))
    expect(unwished.at(day('01-10'))).toEqual({ planId: large, planVersion: 2 })
  })
})

it('is wished only of a subscription that the provider keeps', () => {
  given(subscription, []).when(wished(large, small)).thenRefused('not_subscribed')
  const byHand = { ...wished(large, small), subscriptionId: 'manual:1' }
  expect(() => given(subscription, []).when(byHand).events()).toThrow(/manual/)
})

it('ends alike in whatever order messages and wishes come, and however often', () => {
  const plan = fc.constantFrom(small, large, huge)
  const messages = fc.uniqueArray(
    fc.tuple(fc.integer({ min: 1, max: 8 }), plan, fc.constantFrom(january, february)),
    { minLength: 1, maxLength: 7, selector: ([n]) => n },
  )
  const wishes = fc.uniqueArray(fc.tuple(plan, fc.constantFrom(january, february)), {
    maxLength: 4,
    selector: ([to, { periodEnd }]) => `${to} ${periodEnd}`,
  })
  const drawn = fc.record({ messages, wishes }).chain((set) => {
    const all: SubscriptionCommand[] = [
      ...set.messages.map(([n, planId, period]) => told(n, planId, period)),
      ...set.wishes.map(([to, { periodEnd }]) =>
        wished(large, to, { effectiveAt: periodEnd, at: periodEnd }),
      ),
    ]
    const again = fc.subarray(all.filter(({ type }) => type === 'FollowSubscription'))
    return again.chain((repeats) =>
      fc.tuple(
        fc.constant(all),
        fc.shuffledSubarray([...all, ...repeats], { minLength: all.length + repeats.length }),
      ),
    )
  })
  const times = [day('01-20'), day('02-01'), day('02-20'), day('03-01')]
  fc.assert(
    fc.property(drawn, ([all, shuffled]) => {
      // Nothing is wished of a subscription that nobody has heard of.
      const first = shuffled.findIndex(({ type }) => type === 'FollowSubscription')
      const order = [...shuffled.splice(first, 1), ...shuffled]
      const [one, other] = [all, order].map((commands) => times.map(after(...commands).at))
      expect(other).toEqual(one)
    }),
  )
})
