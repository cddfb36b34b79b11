/**
 * A sign-in: one family of refresh tokens, of which only the latest generation is good (RFC 9700 §4.14).
 * An answer may get lost, so the generation before it, for 30 s, gets the latest one again; a token
 * presented later than that was copied, and the whole family ends.
 */
import type { Decider } from '../decider.ts'
import type { Id } from '../ids.ts'
import { Refusal } from '../refusal.ts'
import type { RevocationReason, SessionEvent } from './events.ts'

const DAY_MS = 24 * 60 * 60 * 1000
export const RETRY_MS = 30_000
export const IDLE_MS = 30 * DAY_MS
export const ABSOLUTE_MS = 90 * DAY_MS

export interface Session {
  readonly sessionId: Id<'session'>
  readonly userId: Id<'user'>
  readonly startedAt: string
  /** The latest generation of the refresh token, and when it was made: its claims follow from these. */
  readonly generation: number
  readonly refreshedAt: string
  readonly idleUntil: string
  readonly endsAt: string
  readonly orgId: Id<'organization'> | undefined
  readonly revoked: RevocationReason | undefined
}
/** undefined: no session of this id was ever started. */
export type SessionState = Session | undefined

export type SessionCommand =
  | {
      readonly type: 'StartSession'
      readonly sessionId: Id<'session'>
      readonly userId: Id<'user'>
      readonly method: 'password' | 'telegram'
      readonly userAgent?: string
      readonly address?: string
      readonly at: string
    }
  | { readonly type: 'RefreshSession'; readonly generation: number; readonly at: string }
  | {
      readonly type: 'SelectOrganization'
      readonly orgId: Id<'organization'>
      readonly at: string
    }
  | { readonly type: 'RevokeSession'; readonly reason: RevocationReason; readonly at: string }

/** What presenting a refresh token of `generation` comes to. */
export type RefreshOutcome =
  /** It is the latest: its successor has this number. */
  | { readonly kind: 'next'; readonly generation: number }
  /** Its successor exists and was not used yet: give this one again, as it was issued. */
  | { readonly kind: 'again'; readonly generation: number }
  /** It was used before: the family ends. */
  | { readonly kind: 'replayed' }
  /** Revoked, expired or never started; nothing to write. */
  | { readonly kind: 'ended' }

/** False from the revocation, the idle end or the absolute end on. */
export const isLive = (state: SessionState, at: string): state is Session =>
  state !== undefined && state.revoked === undefined && at < state.idleUntil && at < state.endsAt

/**
 * Read from the state before the command it says what will be written; read from the state after it,
 * what to answer: `again` with the generation to sign (at `refreshedAt`, until `idleUntil`), or `ended`.
 */
export function refreshOutcome(
  state: SessionState,
  generation: number,
  at: string,
): RefreshOutcome {
  if (!isLive(state, at)) return { kind: 'ended' }
  const latest = state.generation
  if (generation === latest) return { kind: 'next', generation: latest + 1 }
  // Signed by us and unknown to the log: a backup was restored. Nobody has copied anything.
  if (generation > latest) return { kind: 'ended' }
  const sinceMs = Date.parse(at) - Date.parse(state.refreshedAt)
  if (generation === latest - 1 && sinceMs <= RETRY_MS) return { kind: 'again', generation: latest }
  return { kind: 'replayed' }
}

const later = (at: string, ms: number): string => new Date(Date.parse(at) + ms).toISOString()
const earlierOf = (a: string, b: string): string => (a < b ? a : b)

function refresh(session: Session, generation: number, at: string): readonly SessionEvent[] {
  const { sessionId, userId, endsAt } = session
  const outcome = refreshOutcome(session, generation, at)
  switch (outcome.kind) {
    case 'next': {
      const idleUntil = earlierOf(later(at, IDLE_MS), endsAt)
      return [
        {
          type: 'SessionRefreshed',
          data: { sessionId, userId, generation: outcome.generation, at, idleUntil },
        },
      ]
    }
    case 'again':
      return []
    case 'replayed':
      return [{ type: 'SessionRevoked', data: { sessionId, userId, reason: 'replayed', at } }]
    case 'ended':
      throw new Refusal('session_ended')
  }
}

function decide(command: SessionCommand, session: SessionState): readonly SessionEvent[] {
  const { at } = command
  if (command.type === 'StartSession') {
    if (session) return []
    const { type: _, ...data } = command
    const idleUntil = later(at, IDLE_MS)
    const endsAt = later(at, ABSOLUTE_MS)
    return [{ type: 'SessionStarted', data: { ...data, idleUntil, endsAt } }]
  }
  if (!session) throw new Refusal('session_not_found')
  const { sessionId, userId } = session
  switch (command.type) {
    case 'RefreshSession':
      return refresh(session, command.generation, at)
    case 'SelectOrganization': {
      const { orgId } = command
      if (!isLive(session, at)) throw new Refusal('session_ended')
      if (session.orgId === orgId) return []
      return [{ type: 'OrganizationSelected', data: { sessionId, userId, orgId, at } }]
    }
    case 'RevokeSession': {
      if (session.revoked !== undefined) return []
      return [{ type: 'SessionRevoked', data: { sessionId, userId, reason: command.reason, at } }]
    }
  }
}

function evolve(session: SessionState, event: SessionEvent): SessionState {
  if (event.type === 'SessionStarted') {
    const { sessionId, userId, at, idleUntil, endsAt } = event.data
    return {
      sessionId,
      userId,
      startedAt: at,
      generation: 1,
      refreshedAt: at,
      idleUntil,
      endsAt,
      orgId: undefined,
      revoked: undefined,
    }
  }
  if (!session) return session
  switch (event.type) {
    case 'SessionRefreshed': {
      const { generation, at, idleUntil } = event.data
      return { ...session, generation, refreshedAt: at, idleUntil }
    }
    case 'OrganizationSelected':
      return { ...session, orgId: event.data.orgId }
    case 'SessionRevoked':
      return { ...session, revoked: event.data.reason }
  }
}

export const session: Decider<SessionState, SessionCommand, SessionEvent> = {
  category: 'session',
  initial: () => undefined,
  decide,
  evolve,
}
