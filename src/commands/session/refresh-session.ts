/**
 * A refresh token for its successor. Requests with the same token at the same time, and a retry within
 * 30 s after a lost answer, all get the one successor; a token presented later than that was copied, and
 * its whole family ends. The rotation finds repeats by itself: a key adds nothing to it and must not
 * shield a copied token from being found out.
 */
import { Refusal } from '../../domain/refusal.ts'
import { refreshOutcome, session } from '../../domain/session/session.ts'
import { user } from '../../domain/user/user.ts'
import { type Root, unkeyedStep } from '../context.ts'
import type { Deps } from '../deps.ts'
import { issueTokens } from './issue-tokens.ts'
import type { SignedIn } from './start-session.ts'

/** @throws Refusal unauthenticated, session_ended (also when this call has ended it), user_deactivated. */
export async function refreshSession(
  deps: Deps,
  root: Root,
  refreshToken: string,
): Promise<SignedIn> {
  const claims = await deps.tokens.verifyRefresh(refreshToken, deps.clock.now())
  if (!claims) throw new Refusal('unauthenticated')
  const { userId, sessionId, generation } = claims
  const { state: person } = await deps.streams.load(user, userId)
  const { state: known } = await deps.streams.load(session, sessionId)
  if (!person || known?.userId !== userId) throw new Refusal('unauthenticated')
  if (!person.active) throw new Refusal('user_deactivated')
  const { at } = root
  const { state, position } = await deps.streams.transact(
    session,
    sessionId,
    { type: 'RefreshSession', generation, at },
    unkeyedStep(deps.ids, root, `refresh:${generation}`),
  )
  const outcome = refreshOutcome(state, generation, at)
  if (!state || outcome.kind !== 'again') throw new Refusal('session_ended')
  const tokens = await issueTokens(deps, {
    userId,
    sessionId,
    generation: outcome.generation,
    issuedAt: state.refreshedAt,
    idleUntil: state.idleUntil,
  })
  return { tokens, user: person, sessionId, position }
}
