// A call is admitted once, taken by one execution at a time, tried thrice at most, and priced at its end.
import { describe, expect, test } from 'vitest'
import type { InvocationEvent } from '../../../src/domain/invocation/events.ts'
import { invocationDecider, isInCharge } from '../../../src/domain/invocation/invocation.ts'
import { given as tell, stateOf } from '../../support/decider.ts'
import {
  minute,
  accepted,
  output,
  of,
  reported,
  unknown,
  accept,
  claim,
  start,
  complete,
  fail,
  interrupt,
  abandon,
  wasAccepted,
  wasStarted,
  attemptFailed,
  cancelRequested,
  released,
  waived,
  base,
  byFirst,
  completed,
  interrupted,
  refusedByProvider,
  expiredUnaccepted,
  running,
  waitingAgain,
} from './call.ts'

const given = (...events: InvocationEvent[]) => tell(invocationDecider, events)
const state = (...events: InvocationEvent[]) => stateOf(invocationDecider, events)

describe('admission', () => {
  test('accepts once', () => {
    given().when(accept).then([wasAccepted])
    given(wasAccepted).when(accept).thenNothing()
    given(...running, completed)
      .when(accept)
      .thenNothing()
  })
  test('starts in the same append where the same process carries it out', () => {
    given()
      .when({ ...accept, start: claim('a') })
      .then(running)
    given(wasAccepted)
      .when({ ...accept, start: claim('a') })
      .then([wasStarted('a')])
  })
  test('joins where another execution is in charge', () => {
    given(...running)
      .when({ ...accept, start: claim('b') })
      .thenNothing()
    expect(isInCharge(state(...running), 'a')).toBe(true)
    expect(isInCharge(state(...running), 'b')).toBe(false)
  })
  test('comes too late after the sweep, and after its deadline', () => {
    given(expiredUnaccepted).when(accept).thenRefused('invocation_ended', { status: 'failed' })
    given()
      .when({ ...accept, accepted: { ...accepted, acceptedAt: accepted.deadline } })
      .thenRefused('request_too_old')
  })
  test('accepts nothing it could not start', () => {
    given()
      .when({ ...accept, start: claim('a', minute(1), 'other') })
      .thenRefused('model_not_found', { model: 'other' })
  })
})

describe('a start', () => {
  test('is a claim: the first takes the call, the same again changes nothing', () => {
    given(wasAccepted)
      .when(start('a'))
      .then([wasStarted('a')])
    given(...running)
      .when(start('a'))
      .thenNothing()
    given(...running)
      .when(start('b'))
      .thenNothing()
  })
  test('may follow an attempt that failed before the first byte, with another model', () => {
    given(...waitingAgain)
      .when(start('b', minute(1), 'second'))
      .then([wasStarted('b', 2, 'second')])
  })
  test('of an attempt that has failed is not a new attempt', () => {
    given(...waitingAgain)
      .when(start('a'))
      .thenNothing()
  })
  test('is nothing after the deadline', () => {
    given(wasAccepted)
      .when(start('a', minute(10)))
      .thenNothing()
    expect(
      given(wasAccepted)
        .when(start('a', minute(9)))
        .events(),
    ).toHaveLength(1)
  })
  test('needs a model that has a price', () => {
    given(wasAccepted)
      .when(start('a', minute(1), 'other'))
      .thenRefused('model_not_found')
  })
})

describe('an end', () => {
  test('completed: with the price of what was used', () => {
    given(...running)
      .when(complete('a'))
      .then([completed])
  })
  test('completed after the deadline, where the sweep has not been', () => {
    const late = given(...running)
      .when(complete('a', minute(11)))
      .events()
    expect(late.map((event) => event.type)).toEqual(['InvocationCompleted'])
  })
  test('completed by the second model: at its price', () => {
    const [end] = given(...waitingAgain, wasStarted('b', 2, 'second'))
      .when(complete('b'))
      .events()
    expect(end?.data).toMatchObject({
      attempt: 2,
      callId: 'b',
      of: of('second'),
      settlement: { priceNanos: '110', costNanos: '60' },
    })
  })
  test('interrupted: the process is gone, nobody knows what was used', () => {
    given(...running)
      .when(interrupt('a'))
      .then([interrupted])
  })
  test('abandoned: it could not be begun any more', () => {
    const abandoned: InvocationEvent = {
      type: 'InvocationFailed',
      data: { ...base, reason: 'content_erased', settlement: released('failed') },
    }
    given(wasAccepted).when(abandon).then([abandoned])
    given(...running)
      .when(abandon)
      .thenNothing()
  })
})

describe('a failed attempt', () => {
  test('goes again before the first byte', () => {
    given(...running)
      .when(fail('a'))
      .then([attemptFailed('a')])
    expect(state(...waitingAgain).status).toBe('accepted')
  })
  test.each([
    ['the provider took it', { retry: false }, {}],
    ['its time is over', { at: minute(10) }, { endedAt: minute(10) }],
  ] as const)('is the end when %s', (_why, change, end) => {
    given(...running)
      .when(fail('a', change))
      .then([
        attemptFailed('a', 1, 'at' in change ? { failedAt: change.at } : {}),
        {
          type: 'InvocationFailed',
          data: { ...refusedByProvider.data, ...end },
        },
      ])
  })
  test('is the end after the third', () => {
    const third = [...waitingAgain, wasStarted('b', 2), attemptFailed('b', 2), wasStarted('c', 3)]
    const [failed, end, ...more] = given(...third)
      .when(fail('c'))
      .events()
    expect([failed, more]).toEqual([attemptFailed('c', 3), []])
    expect(end).toMatchObject({ type: 'InvocationFailed', data: { attempt: 3, callId: 'c' } })
  })
  test('is the end after the first byte, and what nobody counted is unknown', () => {
    const cut = { firstByte: true, reason: 'cut_off' } as const
    given(...running)
      .when(fail('a', { ...cut, output }))
      .then([
        attemptFailed('a', 1, cut),
        {
          type: 'InvocationFailed',
          data: {
            ...byFirst,
            reason: 'cut_off',
            usage: unknown,
            output,
            settlement: released('usage_unknown'),
          },
        },
      ])
  })
  test('with known usage is priced, and free', () => {
    const [, end] = given(...running)
      .when(fail('a', { firstByte: true, usage: reported }))
      .events()
    expect(end?.data).toMatchObject({ usage: reported, settlement: waived })
  })
  test('of a call that nobody wants any more is not tried again', () => {
    given(...running, cancelRequested)
      .when(fail('a'))
      .then([
        attemptFailed('a'),
        {
          type: 'InvocationCanceled',
          data: { ...byFirst, settlement: released('canceled') },
        },
      ])
  })
})
