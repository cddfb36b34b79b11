// A call has exactly one end, whoever comes late: a cancel, the sweep or a stale worker.
import { describe, expect, test } from 'vitest'
import type { InvocationCommand } from '../../../src/domain/invocation/commands.ts'
import {
  contentRef,
  type InvocationEvent,
  invocationEvents,
} from '../../../src/domain/invocation/events.ts'
import {
  invocationDecider,
  isInCharge,
  settlementOf,
} from '../../../src/domain/invocation/invocation.ts'
import { dataClassOf } from '../../../src/domain/personal.ts'
import { given as tell, stateOf } from '../../support/decider.ts'
import {
  invocationId,
  minute,
  output,
  start,
  complete,
  fail,
  stop,
  cancel,
  expire,
  interrupt,
  abandon,
  wasAccepted,
  wasStarted,
  cancelRequested,
  released,
  base,
  completed,
  canceledBefore,
  canceled,
  interrupted,
  expiredUnaccepted,
  running,
  waitingAgain,
  ends,
} from './call.ts'

const given = (...events: InvocationEvent[]) => tell(invocationDecider, events)
const state = (...events: InvocationEvent[]) => stateOf(invocationDecider, events)

describe('a cancel', () => {
  test('before the start is the end', () => {
    given(wasAccepted).when(cancel()).then([canceledBefore])
    const [end, ...more] = given(...waitingAgain)
      .when(cancel())
      .events()
    expect([end?.type, more]).toEqual(['InvocationCanceled', []])
  })
  test('while it runs is noted once', () => {
    given(...running)
      .when(cancel())
      .then([cancelRequested])
    given(...running, cancelRequested)
      .when(cancel('client_gone'))
      .thenNothing()
  })
  test('ends the call by what the execution reports', () => {
    given(...running, cancelRequested)
      .when(stop('a'))
      .then([canceled])
    const drained = given(...running, cancelRequested)
      .when(complete('a'))
      .events()
    expect(drained).toEqual([completed])
  })
  test('that nobody asked for is an interruption', () => {
    const [end, ...more] = given(...running)
      .when(stop('a'))
      .events()
    expect(more).toEqual([])
    expect(end).toMatchObject({
      type: 'InvocationFailed',
      data: { reason: 'interrupted', settlement: released('interrupted'), usage: stop('a').usage },
    })
  })
  test('after the end is refused to who asks, and nothing for who leaves', () => {
    for (const [end, status] of [
      [completed, 'completed'],
      [interrupted, 'failed'],
    ] as const) {
      given(...running, end)
        .when(cancel())
        .thenRefused('invocation_ended', { status })
      given(...running, end)
        .when(cancel('client_gone'))
        .thenNothing()
    }
    given(wasAccepted, canceledBefore).when(cancel()).thenNothing()
  })
})

describe('the sweep', () => {
  test('waits for the deadline', () => {
    for (const before of [[], [wasAccepted], running])
      given(...before)
        .when(expire(minute(9)))
        .thenNothing()
  })
  test('ends what was never accepted, and so blocks it', () => {
    given().when(expire()).then([expiredUnaccepted])
  })
  test("goes by the invocation's own deadline where there is one", () => {
    given(wasAccepted)
      .when({ ...expire(minute(9)), deadline: minute(1) })
      .thenNothing()
  })
  test('ends what was never begun', () => {
    given(wasAccepted)
      .when(expire())
      .then([
        {
          type: 'InvocationFailed',
          data: {
            ...base,
            endedAt: minute(10),
            reason: 'expired',
            settlement: released('expired'),
          },
        },
      ])
  })
  test('calls a running one interrupted', () => {
    given(...running)
      .when(expire())
      .then([
        {
          type: 'InvocationFailed',
          data: { ...interrupted.data, endedAt: minute(10) },
        },
      ])
  })
})

describe('fencing', () => {
  const ending: readonly ((callId: string) => InvocationCommand)[] = [
    complete,
    fail,
    stop,
    interrupt,
  ]
  test('an execution that is not in charge changes nothing', () => {
    const befores = [
      [wasAccepted],
      running,
      waitingAgain,
      [...waitingAgain, wasStarted('b', 2)],
      ...ends.slice(0, 5),
    ]
    for (const before of befores)
      for (const command of ending)
        for (const stranger of ['a', 'b', 'c'])
          if (!isInCharge(state(...before), stranger))
            given(...before)
              .when(command(stranger))
              .thenNothing()
  })
  test('nothing happens after an end', () => {
    const any = [
      start('z'),
      abandon,
      expire(),
      cancel('client_gone'),
      ...ending.map((end) => end('a')),
    ]
    for (const ended of ends)
      for (const command of any)
        given(...ended)
          .when(command)
          .thenNothing()
  })
  test.each<InvocationCommand>([
    start('a'),
    complete('a'),
    fail('a'),
    stop('a'),
    interrupt('a'),
    cancel(),
    abandon,
  ])('what was never accepted refuses $type', (command) => {
    given().when(command).thenRefused('invocation_not_found')
  })
})

describe('the state', () => {
  test('says what is to happen to the hold', () => {
    expect(settlementOf(state())).toBe('open')
    expect(settlementOf(state(...running, cancelRequested))).toBe('open')
    expect(settlementOf(state(...running, completed))).toEqual({
      kind: 'settle',
      priceNanos: 1100n,
      chargeNanos: 1100n,
      waivedNanos: 0n,
      uncollectedNanos: 0n,
      costNanos: 450n,
    })
    expect(settlementOf(state(expiredUnaccepted))).toEqual(released('expired'))
  })
})

describe('the stored contract', () => {
  test('takes what the decider writes', () => {
    for (const event of [...ends.flat(), cancelRequested])
      expect(invocationEvents[event.type].schema.safeParse(event.data).error).toBeUndefined()
  })
  test("gives every field a data class; only the caller's end user is content", () => {
    const classes = Object.entries(invocationEvents).flatMap(([type, { schema }]) =>
      Object.entries(schema.shape).map(([name, field]) => [type, name, dataClassOf(field)?.class]),
    )
    expect(classes.filter(([, , one]) => one !== 'clear')).toEqual([
      ['InvocationAccepted', 'endUserText', 'content'],
    ])
  })
  test('names a part with the random text it is given', () => {
    expect(contentRef(invocationId, 'output', 'r')).toBe(output.ref)
  })
})
