// A refresh token has at most one live successor: a lost answer is repeated, a copied token ends the family.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { SessionEvent } from '../../../src/domain/session/events.ts'
import {
  isLive,
  refreshOutcome,
  session,
  type SessionState,
} from '../../../src/domain/session/session.ts'
import { Refusal } from '../../../src/domain/refusal.ts'
import { given as tell, stateOf } from '../../support/decider.ts'

const DAY = 24 * 60 * 60
const sessionId = 'ses_00000000000000000000000001'
const userId = 'usr_00000000000000000000000001'
const orgId = 'org_00000000000000000000000001'
const start = Date.parse('2026-01-01T00:00:00.000Z')
const after = (seconds: number) => new Date(start + seconds * 1000).toISOString()

const startSession = {
  type: 'StartSession',
  sessionId,
  userId,
  method: 'password',
  at: after(0),
} as const
const started: SessionEvent = {
  type: 'SessionStarted',
  data: {
    sessionId,
    userId,
    method: 'password',
    at: after(0),
    idleUntil: after(30 * DAY),
    endsAt: after(90 * DAY),
  },
}
const refreshed = (generation: number, seconds: number): SessionEvent => ({
  type: 'SessionRefreshed',
  data: {
    sessionId,
    userId,
    generation,
    at: after(seconds),
    idleUntil: after(Math.min(seconds + 30 * DAY, 90 * DAY)),
  },
})
const revoked = (reason: 'logout' | 'replayed', seconds: number): SessionEvent => ({
  type: 'SessionRevoked',
  data: { sessionId, userId, reason, at: after(seconds) },
})
const refresh = (generation: number, seconds: number) =>
  ({ type: 'RefreshSession', generation, at: after(seconds) }) as const
const given = (...events: SessionEvent[]) => tell(session, events)

describe('starting', () => {
  test('once, with both ends', () => {
    given().when(startSession).then([started])
    given(started).when(startSession).thenNothing()
  })
  test('keeps what the person recognises it by', () => {
    const [event] = given()
      .when({ ...startSession, userAgent: 'browser', address: '192.0.2.1' })
      .events()
    expect(event?.data).toMatchObject({ userAgent: 'browser', address: '192.0.2.1' })
  })
})

describe('refreshing', () => {
  test('the latest gets its successor', () => {
    given(started)
      .when(refresh(1, 600))
      .then([refreshed(2, 600)])
  })
  test('a retry within 30 s gets the same successor', () => {
    given(started, refreshed(2, 600)).when(refresh(1, 630)).thenNothing()
    const state = stateOf(session, [started, refreshed(2, 600)])
    expect(refreshOutcome(state, 1, after(630))).toEqual({ kind: 'again', generation: 2 })
  })
  test('a replay after 30 s ends the family', () => {
    given(started, refreshed(2, 600))
      .when(refresh(1, 630.001))
      .then([revoked('replayed', 630.001)])
  })
  test('a replay after the successor was used ends the family, even at once', () => {
    given(started, refreshed(2, 600), refreshed(3, 601))
      .when(refresh(1, 602))
      .then([revoked('replayed', 602)])
  })
  test('a generation that the log does not know is refused, and ends nothing', () => {
    given(started).when(refresh(2, 600)).thenRefused('session_ended')
  })
  test('a revoked session refreshes nothing', () => {
    given(started, revoked('logout', 1)).when(refresh(1, 2)).thenRefused('session_ended')
  })
  test('idle for 30 days it ends, refreshed it lives to day 90 and no longer', () => {
    given(started)
      .when(refresh(1, 30 * DAY))
      .thenRefused('session_ended')
    given(started)
      .when(refresh(1, 30 * DAY - 1))
      .then([refreshed(2, 30 * DAY - 1)])
    const old = [started, refreshed(2, 29 * DAY), refreshed(3, 58 * DAY)]
    given(...old)
      .when(refresh(3, 80 * DAY))
      .then([refreshed(4, 80 * DAY)])
    expect(refreshed(4, 80 * DAY).data).toMatchObject({ idleUntil: after(90 * DAY) })
    given(...old, refreshed(4, 80 * DAY))
      .when(refresh(4, 90 * DAY))
      .thenRefused('session_ended')
  })
  test('what happened is read from the state after it: again, or ended', () => {
    const exchanged = stateOf(session, [started, refreshed(2, 600)])
    expect(refreshOutcome(exchanged, 1, after(600))).toEqual({ kind: 'again', generation: 2 })
    const replayed = stateOf(session, [started, refreshed(2, 600), revoked('replayed', 700)])
    expect(refreshOutcome(replayed, 1, after(700))).toEqual({ kind: 'ended' })
    expect(refreshOutcome(undefined, 1, after(0))).toEqual({ kind: 'ended' })
  })
})

test('in any history a generation is issued once, and a used one never gives a new one', () => {
  const steps = fc.array(
    fc.record({
      generation: fc.integer({ min: 1, max: 6 }),
      waitS: fc.integer({ min: 0, max: 45 }),
    }),
    { maxLength: 40 },
  )
  fc.assert(
    fc.property(steps, (presented) => {
      let state: SessionState = stateOf(session, [started])
      const exchanged = new Map<number, number>()
      let now = 0
      for (const { generation, waitS } of presented) {
        now += waitS
        let events: readonly SessionEvent[] = []
        try {
          events = session.decide(refresh(generation, now), state)
        } catch (error) {
          expect(error).toBeInstanceOf(Refusal)
        }
        for (const event of events) {
          if (event.type === 'SessionRefreshed') {
            expect(exchanged.has(generation)).toBe(false)
            exchanged.set(generation, event.data.generation)
            expect(event.data.generation).toBe(generation + 1)
          }
          state = session.evolve(state, event)
        }
        const outcome = refreshOutcome(state, generation, after(now))
        if (outcome.kind === 'again') expect(outcome.generation).toBe(exchanged.get(generation))
      }
    }),
  )
})

describe('selecting and revoking', () => {
  const select = { type: 'SelectOrganization', orgId, at: after(5) } as const
  const selected: SessionEvent = {
    type: 'OrganizationSelected',
    data: { sessionId, userId, orgId, at: after(5) },
  }
  test('an organization is selected once, in a live session', () => {
    given(started).when(select).then([selected])
    given(started, selected).when(select).thenNothing()
    given(started, revoked('logout', 1)).when(select).thenRefused('session_ended')
    expect(stateOf(session, [started, selected])?.orgId).toBe(orgId)
  })
  test('the first reason of a revocation stays', () => {
    const revoke = { type: 'RevokeSession', reason: 'logout', at: after(9) } as const
    given(started)
      .when(revoke)
      .then([revoked('logout', 9)])
    given(started, revoked('replayed', 1)).when(revoke).thenNothing()
    given().when(revoke).thenRefused('session_not_found')
  })
  test('live means started, not revoked, not over', () => {
    const state = stateOf(session, [started])
    expect(isLive(state, after(1))).toBe(true)
    expect(isLive(state, after(30 * DAY))).toBe(false)
    expect(isLive(stateOf(session, [started, revoked('logout', 1)]), after(1))).toBe(false)
    expect(isLive(undefined, after(1))).toBe(false)
  })
})
