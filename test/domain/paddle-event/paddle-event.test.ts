// A notification is received once, says once what became of it, and can be opened again on purpose.
import { describe, expect, it } from 'vitest'
import type { PaddleEventEvent } from '../../../src/domain/paddle-event/events.ts'
import { paddleEvent } from '../../../src/domain/paddle-event/paddle-event.ts'
import { readEnvelope } from '../../../src/domain/paddle-event/envelope.ts'
import { preciseInstant } from '../../../src/domain/paddle-event/instant.ts'
import { fingerprint } from '../../../src/domain/paddle-event/fingerprint.ts'
import { ERASED } from '../../../src/domain/personal.ts'
import { given, stateOf } from '../../support/decider.ts'

const at = '2030-01-31T12:00:00.000Z'
const later = '2030-01-31T12:00:01.000Z'
const eventId = 'evt_1'
const facts = {
  eventId,
  eventType: 'transaction.completed',
  occurredAt: '2030-01-31T11:59:59.500000000Z',
  source: 'webhook',
  subjectId: 'ctm_1',
  body: '{}',
  at,
} as const
const received = { type: 'PaddleEventReceived', data: facts } as const
const waitsFor = ['customer:ctm_1']
const reason = 'unknown_organization'
const parked: PaddleEventEvent = {
  type: 'PaddleEventParked',
  data: { eventId, reason, waitsFor, at },
}
const orgId = 'org_7atetaqhqwbnn90j3rbxa5qm89'
const applied = { type: 'PaddleEventApplied', data: { eventId, orgId, at } } as const
const ignored = { type: 'PaddleEventIgnored', data: { eventId, reason: 'no_effect', at } } as const
const reopened = { type: 'PaddleEventReopened', data: { eventId, at: later } } as const

const receive = { type: 'ReceivePaddleEvent', ...facts } as const
const apply = { type: 'MarkApplied', orgId, at } as const
const ignore = { type: 'MarkIgnored', reason: 'no_effect', at } as const
const park = { type: 'Park', reason, waitsFor, at } as const
const reopen = { type: 'Reopen', at: later } as const

describe('an event of Paddle', () => {
  it('is received once, whatever a repeat says', () => {
    given(paddleEvent, []).when(receive).then([received])
    given(paddleEvent, [received])
      .when({ ...receive, body: '{"x":1}' })
      .thenNothing()
  })

  it('is known again by its body, whichever delivery brings it', () => {
    const body = '{"event_id":"evt_1","notification_id":"ntf_1","data":{"id":"txn_1"}}'
    expect(fingerprint(body.replace('ntf_1', 'ntf_2'))).toBe(fingerprint(body))
    expect(fingerprint(body.replace('txn_1', 'txn_2'))).not.toBe(fingerprint(body))
    const kept = stateOf(paddleEvent, [{ ...received, data: { ...facts, body } }])
    expect(kept?.fingerprint).toBe(fingerprint(body))
    const erased = { ...received, data: { ...facts, body: ERASED } }
    expect(stateOf(paddleEvent, [erased])?.fingerprint).toBeUndefined()
  })

  it('ends applied or ignored, once', () => {
    given(paddleEvent, [received]).when(apply).then([applied])
    given(paddleEvent, [received]).when(ignore).then([ignored])
    for (const end of [applied, ignored])
      for (const wish of [apply, ignore, park])
        given(paddleEvent, [received, end]).when(wish).thenNothing()
  })

  it('is parked until what it waits for appears', () => {
    given(paddleEvent, [received]).when(park).then([parked])
    given(paddleEvent, [received, parked]).when(park).thenNothing()
    const other = { ...park, waitsFor: ['price:pri_1'] }
    given(paddleEvent, [received, parked])
      .when(other)
      .then([
        { type: 'PaddleEventParked', data: { eventId, reason, waitsFor: ['price:pri_1'], at } },
      ])
    given(paddleEvent, [received, parked]).when(apply).then([applied])
  })

  it('is opened again by an administrator, and ends anew', () => {
    given(paddleEvent, [received, applied]).when(reopen).then([reopened])
    given(paddleEvent, [received]).when(reopen).thenNothing()
    given(paddleEvent, [received, parked, reopened]).when(park).then([parked])
    given(paddleEvent, [received, applied, reopened]).when(apply).then([applied])
    expect(stateOf(paddleEvent, [received, parked])).toMatchObject({ status: 'parked', waitsFor })
    expect(stateOf(paddleEvent, [received, parked, reopened])).toMatchObject({
      status: 'received',
      waitsFor: [],
    })
  })

  it('is dismissed while it is parked, and opened again', () => {
    const dismiss = { type: 'Dismiss', note: 'our shop’s', at } as const
    const dismissed: PaddleEventEvent = {
      type: 'PaddleEventIgnored',
      data: { eventId, reason: 'dismissed', note: 'our shop’s', at },
    }
    given(paddleEvent, [received, parked]).when(dismiss).then([dismissed])
    given(paddleEvent, [received, parked, dismissed]).when(dismiss).thenNothing()
    for (const before of [[received], [received, applied], [received, ignored]])
      given(paddleEvent, before).when(dismiss).thenRefused('paddle_event_not_parked')
    given(paddleEvent, [received, parked, dismissed]).when(park).thenNothing()
    given(paddleEvent, [received, parked, dismissed]).when(reopen).then([reopened])
    // It was being applied: what is written last is what is so.
    given(paddleEvent, [received, parked, dismissed]).when(apply).then([applied])
  })

  it('that was never received is no event', () => {
    for (const wish of [apply, ignore, park, reopen])
      given(paddleEvent, []).when(wish).thenRefused('paddle_event_not_found')
  })
})

describe('a time of Paddle', () => {
  it.each([
    ['2024-04-12T10:18:50Z', '2024-04-12T10:18:50.000000000Z'],
    ['2024-04-12T10:18:50.2Z', '2024-04-12T10:18:50.200000000Z'],
    ['2024-04-12T10:18:50.25Z', '2024-04-12T10:18:50.250000000Z'],
    ['2024-04-12T10:18:49.738971238Z', '2024-04-12T10:18:49.738971238Z'],
    ['2024-04-12T12:18:49.7+02:00', '2024-04-12T10:18:49.700000000Z'],
    ['2024-02-31T10:00:00Z', undefined],
    ['2024-04-12T25:00:00Z', undefined],
    ['2024-04-12 10:18:50', undefined],
    ['yesterday', undefined],
    ['', undefined],
  ])('%s is %s', (text, precise) => expect(preciseInstant(text)).toBe(precise))
})

describe('the envelope', () => {
  const whole = {
    event_id: 'evt_1',
    event_type: 'transaction.completed',
    occurred_at: '2030-01-31T11:59:59.5Z',
    notification_id: 'ntf_1',
    data: { id: 'txn_1', customer_id: 'ctm_1' },
  }
  it('says what it is about and whose it is', () => {
    expect(readEnvelope(whole, at)).toEqual({
      eventId: 'evt_1',
      eventType: 'transaction.completed',
      occurredAt: '2030-01-31T11:59:59.500000000Z',
      notificationId: 'ntf_1',
      entityId: 'txn_1',
      subjectId: 'ctm_1',
      complete: true,
    })
    const customer = { ...whole, data: { id: 'ctm_2' } }
    expect(readEnvelope(customer, at)).toMatchObject({ subjectId: 'ctm_2' })
    const nobodys = { ...whole, data: { id: 'pro_2' } }
    expect(readEnvelope(nobodys, at)).toMatchObject({ subjectId: 'evt_1', entityId: 'pro_2' })
  })

  it.each([
    [{ ...whole, event_type: 7 }],
    [{ ...whole, event_type: 'x'.repeat(101) }],
    [{ ...whole, occurred_at: 'soon' }],
    [{ ...whole, data: 'nothing' }],
    [{ ...whole, data: null }],
    [{ event_id: 'evt_1' }],
  ])('%j can be stored, and not be applied', (json) => {
    expect(readEnvelope(json, at)).toMatchObject({ eventId: 'evt_1', complete: false })
  })

  it.each([
    [undefined, 'body'],
    [[], 'body'],
    ['text', 'body'],
    [{}, 'event_id'],
    [{ ...whole, event_id: 'a b' }, 'event_id'],
    [{ ...whole, event_id: '' }, 'event_id'],
    [{ ...whole, event_id: `evt_${'x'.repeat(100)}` }, 'event_id'],
  ])('%j cannot be stored', (json, missing) => {
    expect(readEnvelope(json, at)).toEqual({ missing })
  })
})
