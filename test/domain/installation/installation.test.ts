// A stop of all calls is one fact until it is resumed: the same wish again is no event.
import { describe, expect, it } from 'vitest'
import { installationEvents } from '../../../src/domain/installation/events.ts'
import { installation } from '../../../src/domain/installation/installation.ts'
import { given, stateOf } from '../../support/decider.ts'

const at = '2030-01-31T12:00:00.000Z'
const stopped = { type: 'CallsStopped', data: { reason: 'the bill', at } } as const
const resumed = { type: 'CallsResumed', data: { at } } as const

describe('the stop of all calls', () => {
  it('is stated once, with its reason', () => {
    given(installation, []).when({ type: 'StopCalls', reason: 'the bill', at }).then([stopped])
    given(installation, [stopped]).when({ type: 'StopCalls', reason: 'again', at }).thenNothing()
  })

  it('ends with a resumption, and only then', () => {
    given(installation, []).when({ type: 'ResumeCalls', at }).thenNothing()
    given(installation, [stopped]).when({ type: 'ResumeCalls', at }).then([resumed])
    given(installation, [stopped, resumed]).when({ type: 'ResumeCalls', at }).thenNothing()
  })

  it('is known with its time and reason', () => {
    expect(stateOf(installation, [stopped]).stopped).toEqual({ since: at, reason: 'the bill' })
    expect(stateOf(installation, [stopped, resumed]).stopped).toBeUndefined()
    installationEvents.CallsStopped.schema.parse(stopped.data)
  })
})
