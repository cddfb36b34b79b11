// However workers, callers and sweeps interleave, a call ends once, and never by a stale worker's hand.
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { InvocationCommand } from '../../../src/domain/invocation/commands.ts'
import type { InvocationEvent } from '../../../src/domain/invocation/events.ts'
import {
  invocationDecider,
  isInCharge,
  settlementOf,
} from '../../../src/domain/invocation/invocation.ts'
import { Refusal } from '../../../src/domain/refusal.ts'
import {
  abandon,
  accept,
  cancel,
  claim,
  complete,
  expire,
  fail,
  interrupt,
  minute,
  start,
  stop,
} from './call.ts'

const terminals = new Set(['InvocationCompleted', 'InvocationFailed', 'InvocationCanceled'])
const isEnd = (event: InvocationEvent) => terminals.has(event.type)
const endsACall = new Set([
  'CompleteInvocation',
  'FailAttempt',
  'StopInvocation',
  'InterruptInvocation',
])

/** Who is in charge, read from the log alone: the last start that nothing has undone. */
function inCharge(log: readonly InvocationEvent[]): string | undefined {
  for (const event of log.toReversed()) {
    if (isEnd(event) || event.type === 'InvocationAttemptFailed') return undefined
    if (event.type === 'InvocationStarted') return event.data.callId
  }
  return undefined
}

const worker = fc.constantFrom('a', 'b', 'c', 'd', 'e')
const command: fc.Arbitrary<InvocationCommand> = fc.oneof(
  fc.constant(accept),
  worker.map((callId) => ({ ...accept, start: claim(callId) })),
  {
    weight: 4,
    arbitrary: fc
      .tuple(worker, fc.constantFrom('first', 'second'))
      .map(([w, m]) => start(w, minute(1), m)),
  },
  worker.map((callId) => complete(callId)),
  {
    weight: 4,
    arbitrary: fc
      .tuple(worker, fc.boolean(), fc.boolean())
      .map(([callId, retry, cut]) => fail(callId, { retry, firstByte: cut && retry })),
  },
  worker.map(stop),
  worker.map(interrupt),
  fc.constantFrom('caller' as const, 'client_gone' as const).map((by) => cancel(by)),
  fc.constant(abandon),
  fc.constantFrom(1, 9, 10, 11).map((n) => expire(minute(n))),
)

function decided(log: readonly InvocationEvent[], one: InvocationCommand) {
  const state = log.reduce(invocationDecider.evolve, invocationDecider.initial())
  try {
    return invocationDecider.decide(one, state)
  } catch (error) {
    if (error instanceof Refusal) return []
    throw error
  }
}

test('one end, and it is the last event', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 40 }), (commands) => {
      const log: InvocationEvent[] = []
      // The sweep comes last, as it comes to every hold.
      for (const one of [...commands, expire(minute(12))]) log.push(...decided(log, one))
      expect(log.filter(isEnd)).toHaveLength(1)
      expect(log.findIndex(isEnd)).toBe(log.length - 1)
      const state = log.reduce(invocationDecider.evolve, invocationDecider.initial())
      expect(settlementOf(state)).not.toBe('open')
    }),
    { numRuns: 500 },
  )
})

test('only the execution in charge ends a call', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 40 }), (commands) => {
      const log: InvocationEvent[] = []
      for (const one of commands) {
        const before = inCharge(log)
        const state = log.reduce(invocationDecider.evolve, invocationDecider.initial())
        for (const callId of ['a', 'b', 'c', 'd', 'e'])
          expect(isInCharge(state, callId)).toBe(callId === before)
        const events = decided(log, one)
        if (endsACall.has(one.type) && 'callId' in one && one.callId !== before)
          expect(events).toEqual([])
        log.push(...events)
      }
    }),
    { numRuns: 500 },
  )
})

test('at most three attempts, each after one that said nothing, none twice by one execution', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
      const log: InvocationEvent[] = []
      for (const one of commands) log.push(...decided(log, one))
      const starts = log.filter((event) => event.type === 'InvocationStarted')
      expect(starts.map(({ data }) => data.attempt)).toEqual([1, 2, 3].slice(0, starts.length))
      expect(new Set(starts.map(({ data }) => data.callId)).size).toBe(starts.length)
      for (const [index, event] of log.entries()) {
        if (event.type !== 'InvocationStarted' || event.data.attempt === 1) continue
        expect(log[index - 1]).toMatchObject({
          type: 'InvocationAttemptFailed',
          data: { attempt: event.data.attempt - 1, firstByte: false },
        })
        expect(log.slice(0, index).some((one) => one.type === 'InvocationCancelRequested')).toBe(
          false,
        )
      }
    }),
    { numRuns: 500 },
  )
})
