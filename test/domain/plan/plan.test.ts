// A plan's versions follow each other and stay readable; a retired plan takes nobody new.
import { describe, expect, it } from 'vitest'
import {
  planEvents,
  planInput,
  type PlanEvent,
  type PlanInput,
} from '../../../src/domain/plan/events.ts'
import {
  allowsAgent,
  offeredTerms,
  plan,
  type PlanCommand,
  termsOf,
} from '../../../src/domain/plan/plan.ts'
import { idOf, minute } from '../../support/account-commands.ts'
import { given, stateOf } from '../../support/decider.ts'

const terms: PlanInput = {
  name: 'Starter',
  slug: 'starter',
  prices: { priceListId: idOf('priceList', 1), markUpBasisPoints: 2_000 },
  includedCredit: { amountNanos: '5000000000', kind: 'included', period: 'month' },
  graceDays: 3,
  free: true,
  agents: 'all',
  limits: { requestsPerMinute: 60 },
  selfSubscribe: true,
}
const publish = (more: Partial<PlanInput> = {}): PlanCommand => ({
  type: 'PublishPlan',
  planId: idOf('plan', 1),
  at: minute(0),
  ...terms,
  ...more,
})
const retire: PlanCommand = { type: 'RetirePlan', at: minute(1) }
function after(...commands: readonly PlanCommand[]): PlanEvent[] {
  const events: PlanEvent[] = []
  for (const command of commands) events.push(...given(plan, events).when(command).events())
  for (const { type, data } of events) planEvents[type].schema.parse(data)
  return events
}

describe('a plan', () => {
  it('keeps every version readable and counts no identical one', () => {
    const events = after(publish(), publish(), publish({ graceDays: 5 }), publish())
    const state = stateOf(plan, events)
    expect(state?.versions).toHaveLength(3)
    expect(termsOf(state, 2)?.terms.graceDays).toBe(5)
    expect(termsOf(state)).toEqual({ planId: idOf('plan', 1), version: 3, terms })
    expect(termsOf(state, 4)).toBe(undefined)
    expect(termsOf(undefined)).toBe(undefined)
  })

  it('is offered until it is retired, and again when it is published again', () => {
    given(plan, []).when(retire).thenRefused('plan_not_found')
    const retired = after(publish(), retire)
    given(plan, retired).when(retire).thenNothing()
    expect(() => offeredTerms(stateOf(plan, retired))).toThrow('plan_retired')
    expect(() => offeredTerms(undefined)).toThrow('plan_not_found')
    expect(termsOf(stateOf(plan, retired))?.version).toBe(1)
    expect(offeredTerms(stateOf(plan, after(publish(), retire, publish()))).version).toBe(2)
  })

  it('allows all agents or those it names', () => {
    const agents = [idOf('agent', 1)]
    expect(allowsAgent(terms, idOf('agent', 2))).toBe(true)
    expect(allowsAgent({ ...terms, agents }, idOf('agent', 1))).toBe(true)
    expect(allowsAgent({ ...terms, agents }, idOf('agent', 2))).toBe(false)
  })

  it('never includes nothing or less', () => {
    const credit = (amountNanos: string) =>
      planInput.safeParse({ ...terms, trial: { amountNanos, days: 14 } }).success
    expect([credit('1'), credit('0'), credit('-1')]).toEqual([true, false, false])
  })
})
