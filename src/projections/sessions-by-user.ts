/**
 * The live sessions of each person, for their list and for ending them: which ones are due to end is
 * marked here, in the log's order, so that no session slips through between a change of the password
 * and the end of what it ended. Ended ones go. Browser and address stay sealed.
 */
import type { Sealed } from '../domain/personal.ts'
import { type RevocationReason, sessionEvents } from '../domain/session/events.ts'
import { userEvents } from '../domain/user/events.ts'
import { type ProjectedEvent, projection } from './projection.ts'
import type { Views } from './views.ts'

/** Beyond this many of one person the oldest are ended. */
export const MAX_SESSIONS = 100

export interface ListedSession {
  readonly sessionId: string
  readonly method: 'password' | 'telegram'
  readonly startedAt: string
  readonly lastUsedAt: string
  readonly idleUntil: string
  readonly endsAt: string
  readonly userAgent?: Sealed
  readonly address?: Sealed
  /** Why it is to be ended. */
  readonly due?: RevocationReason
}
export interface SessionsOfUser {
  readonly userId: string
  /** Oldest first. */
  readonly sessions: readonly ListedSession[]
  /** There while some session is due to end. */
  readonly unfinished?: 1
}

type View = SessionsOfUser | undefined
const events = { ...sessionEvents, ...userEvents }
const keys = (event: ProjectedEvent<{ readonly userId: string }>) => event.data.userId

function viewOf(userId: string, sessions: readonly ListedSession[]): View {
  if (sessions.length === 0) return undefined
  const unfinished = sessions.some((session) => session.due !== undefined)
  return { userId, sessions, ...(unfinished && { unfinished: 1 }) }
}

const changed = (
  view: View,
  change: (session: ListedSession) => ListedSession,
): SessionsOfUser | undefined => view && viewOf(view.userId, view.sessions.map(change))

const due = (session: ListedSession, reason: RevocationReason): ListedSession =>
  session.due === undefined ? { ...session, due: reason } : session

const isOver = (session: ListedSession, at: string): boolean =>
  at >= session.idleUntil || at >= session.endsAt

export const sessionsByUser = projection<SessionsOfUser, typeof events>(events, {
  name: 'sessions-by-user',
  version: 2,
  indexes: { unfinished: { equals: ['unfinished'] } },
  on: {
    SessionStarted: {
      keys,
      project(view, { data }) {
        const { sessionId, method, at, idleUntil, endsAt, userAgent, address } = data
        const fresh: ListedSession = {
          sessionId,
          method,
          startedAt: at,
          lastUsedAt: at,
          idleUntil,
          endsAt,
          ...(userAgent && { userAgent }),
          ...(address && { address }),
        }
        const sessions = [...(view?.sessions ?? []).filter((one) => !isOver(one, at)), fresh]
        const tooMany = sessions.length - MAX_SESSIONS
        return viewOf(
          data.userId,
          sessions.map((one, index) => (index < tooMany ? due(one, 'superseded') : one)),
        )
      },
    },
    SessionRefreshed: {
      keys,
      project: (view, { data: { sessionId, at, idleUntil } }) =>
        changed(view, (one) =>
          one.sessionId === sessionId ? { ...one, lastUsedAt: at, idleUntil } : one,
        ),
    },
    SessionRevoked: {
      keys,
      project: (view, { data }) =>
        view &&
        viewOf(
          view.userId,
          view.sessions.filter((one) => one.sessionId !== data.sessionId),
        ),
    },
    PasswordChanged: {
      keys,
      project(view, { data, metadata: { actor } }) {
        if (data.cause === 'rehash') return view
        // Who changes the password stays where they are.
        const own = actor.kind === 'user' && actor.id === data.userId ? actor.sessionId : undefined
        return changed(view, (one) => (one.sessionId === own ? one : due(one, 'password_changed')))
      },
    },
    TelegramUnlinked: {
      keys,
      project(view, { data, metadata: { actor } }) {
        const own = actor.kind === 'user' && actor.id === data.userId ? actor.sessionId : undefined
        return changed(view, (one) =>
          one.method !== 'telegram' || one.sessionId === own ? one : due(one, 'telegram_unlinked'),
        )
      },
    },
    UserDeactivated: {
      keys,
      project: (view) => changed(view, (one) => due(one, 'user_deactivated')),
    },
  },
})

/** The sessions of a person that live at `at`, newest first. */
export async function sessionsOf(
  views: Views,
  userId: string,
  at: string,
): Promise<readonly ListedSession[]> {
  const view = await views.get(sessionsByUser, userId)
  return (view?.sessions ?? []).filter((one) => !isOver(one, at) && !one.due).toReversed()
}

/** The sessions of a person that are to be ended, and why. */
export async function sessionsDue(
  views: Views,
  userId: string,
): Promise<readonly { sessionId: string; reason: RevocationReason }[]> {
  const view = await views.get(sessionsByUser, userId)
  return (view?.sessions ?? []).flatMap(({ sessionId, due: reason }) =>
    reason === undefined ? [] : [{ sessionId, reason }],
  )
}

/** People with sessions that are to be ended. */
export async function usersWithSessionsDue(views: Views, limit: number): Promise<string[]> {
  const page = await views.find(sessionsByUser, {
    index: 'unfinished',
    equals: { unfinished: 1 },
    limit,
  })
  return page.items.map((view) => view.userId)
}
