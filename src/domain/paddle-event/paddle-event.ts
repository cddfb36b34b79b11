/**
 * One notification of Paddle: received once, and then applied, ignored or parked. What became of it is
 * said last, after what it says was written: whoever finds it open applies it again, which repeats
 * appends and adds none. What is parked an administrator may dismiss, and open again.
 */
import type { Decider } from '../decider.ts'
import { isErased } from '../personal.ts'
import { Refusal } from '../refusal.ts'
import { fingerprint } from './fingerprint.ts'
import type { IgnoredReason, PaddleEventData, PaddleEventEvent, ParkedReason } from './events.ts'

export const paddleEventStatuses = ['received', 'applied', 'ignored', 'parked'] as const
export type PaddleEventStatus = (typeof paddleEventStatuses)[number]

export interface PaddleEventFacts {
  readonly eventId: string
  readonly eventType: string
  readonly occurredAt: string
  readonly status: PaddleEventStatus
  readonly waitsFor: readonly string[]
  readonly reason: string | undefined
  /** Of the body; undefined where it was erased. */
  readonly fingerprint: string | undefined
}
/** undefined: never received. */
export type PaddleEventState = PaddleEventFacts | undefined

export type PaddleEventCommand =
  | ({ readonly type: 'ReceivePaddleEvent' } & PaddleEventData<'PaddleEventReceived'>)
  | { readonly type: 'MarkApplied'; readonly orgId: string; readonly at: string }
  | {
      readonly type: 'MarkIgnored'
      readonly reason: Exclude<IgnoredReason, 'dismissed'>
      readonly at: string
    }
  | { readonly type: 'Dismiss'; readonly note: string; readonly at: string }
  | {
      readonly type: 'Park'
      readonly reason: ParkedReason
      readonly waitsFor: readonly string[]
      readonly at: string
    }
  | { readonly type: 'Reopen'; readonly at: string }

const isOpen = ({ status }: PaddleEventFacts): boolean =>
  status === 'received' || status === 'parked'

const isDismissed = ({ status, reason }: PaddleEventFacts): boolean =>
  status === 'ignored' && reason === 'dismissed'

const sameTexts = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((text, index) => text === b[index])

function decide(command: PaddleEventCommand, state: PaddleEventState): readonly PaddleEventEvent[] {
  if (command.type === 'ReceivePaddleEvent') {
    const { type: _type, ...data } = command
    // The first one counts: a repeat, also one that differs, changes nothing.
    return state ? [] : [{ type: 'PaddleEventReceived', data }]
  }
  if (!state) throw new Refusal('paddle_event_not_found')
  const { eventId } = state
  const { at } = command
  switch (command.type) {
    case 'MarkApplied': {
      const { orgId } = command
      // Dismissed while it was being applied: it says what is so.
      return isOpen(state) || isDismissed(state)
        ? [{ type: 'PaddleEventApplied', data: { eventId, orgId, at } }]
        : []
    }
    case 'MarkIgnored': {
      const { reason } = command
      return isOpen(state) ? [{ type: 'PaddleEventIgnored', data: { eventId, reason, at } }] : []
    }
    case 'Dismiss': {
      if (isDismissed(state)) return []
      if (state.status !== 'parked') throw new Refusal('paddle_event_not_parked')
      const { note } = command
      return [{ type: 'PaddleEventIgnored', data: { eventId, reason: 'dismissed', note, at } }]
    }
    case 'Park': {
      const { reason } = command
      const waitsFor = command.waitsFor.slice(0, 10)
      const known = state.reason === reason && sameTexts(state.waitsFor, waitsFor)
      if (!isOpen(state) || (state.status === 'parked' && known)) return []
      return [{ type: 'PaddleEventParked', data: { eventId, reason, waitsFor, at } }]
    }
    case 'Reopen':
      return state.status === 'received'
        ? []
        : [{ type: 'PaddleEventReopened', data: { eventId, at } }]
  }
}

function evolve(state: PaddleEventState, event: PaddleEventEvent): PaddleEventState {
  if (event.type === 'PaddleEventReceived') {
    const { eventId, eventType, occurredAt, body } = event.data
    return {
      eventId,
      eventType,
      occurredAt,
      status: 'received',
      waitsFor: [],
      reason: undefined,
      fingerprint: isErased(body) ? undefined : fingerprint(body),
    }
  }
  if (!state) return state
  switch (event.type) {
    case 'PaddleEventApplied':
      return { ...state, status: 'applied', waitsFor: [], reason: undefined }
    case 'PaddleEventIgnored':
      return { ...state, status: 'ignored', waitsFor: [], reason: event.data.reason }
    case 'PaddleEventParked': {
      const { waitsFor, reason } = event.data
      return { ...state, status: 'parked', waitsFor, reason }
    }
    case 'PaddleEventReopened':
      return { ...state, status: 'received', waitsFor: [], reason: undefined }
  }
}

export const paddleEvent: Decider<PaddleEventState, PaddleEventCommand, PaddleEventEvent> = {
  category: 'paddleEvent',
  initial: () => undefined,
  decide,
  evolve,
}
