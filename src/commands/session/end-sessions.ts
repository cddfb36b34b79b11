/**
 * Ends the sessions that are due to end: after a change of the password all but the one that asked,
 * after a deactivation all, after a Telegram account was unlinked those that began by it, beyond the number that a person may have the oldest. The view marks them in
 * the log's order, so a crash in between is finished by whoever looks next.
 */
import { session } from '../../domain/session/session.ts'
import { sessionsDue } from '../../projections/sessions-by-user.ts'
import { step, systemRoot } from '../context.ts'
import type { Deps } from '../deps.ts'

/** The views are waited for this long; where they are slower, the worker ends the sessions. */
const VIEWS_MS = 2_000

export async function endSessionsAfter(
  deps: Deps,
  userId: string,
  position: bigint | undefined,
): Promise<void> {
  await deps.views.passed(position ?? deps.streams.lastWritten(), VIEWS_MS)
  await endDueSessions(deps, userId)
}

/** Answers how many were due. */
export async function endDueSessions(
  { streams, views, ids, clock }: Pick<Deps, 'streams' | 'views' | 'ids' | 'clock'>,
  userId: string,
): Promise<number> {
  const due = await sessionsDue(views, userId)
  const at = clock.now().toISOString()
  await Promise.all(
    due.map(({ sessionId, reason }) =>
      streams.transact(
        session,
        sessionId,
        { type: 'RevokeSession', reason, at },
        step(ids, systemRoot(ids, 'end-sessions', { id: sessionId }, at), 'end'),
      ),
    ),
  )
  return due.length
}
