/** Password → session. Whoever gets in finds their organization, account and plan ready. */
import { Refusal } from '../../domain/refusal.ts'
import { IDLE_MS, isLive, session } from '../../domain/session/session.ts'
import { type User, user } from '../../domain/user/user.ts'
import { claimRoot } from '../user/finish-claim.ts'
import { provisionPersonal } from '../user/provision-personal.ts'
import { newId, type Root, step, unkeyedStep } from '../context.ts'
import type { Deps } from '../deps.ts'
import { provePassword } from './prove-password.ts'
import { issueTokens, type TokenPair } from './issue-tokens.ts'

const NEWCOMER_MS = 60_000
const VIEWS_MS = 1_000

export interface Credentials {
  readonly email: string
  /** As it was typed. */
  readonly password: string
  /** What the person recognises the session by. */
  readonly userAgent?: string
  readonly address?: string
}
export interface SignedIn {
  readonly tokens: TokenPair
  readonly user: User
  readonly sessionId: string
  readonly position: bigint | undefined
}

/** @throws Refusal invalid_credentials, too_many_hashes; session_ended for a repeat after the end. */
export async function signIn(deps: Deps, root: Root, given: Credentials): Promise<SignedIn> {
  const { streams, ids } = deps
  const { email, password, ...device } = given
  const person = await provePassword(deps, root, { email, password })
  const { userId } = person
  const sessionId = newId(ids, root, 'session')
  const started = await streams.transact(
    session,
    sessionId,
    { type: 'StartSession', sessionId, userId, method: 'password', ...device, at: root.at },
    step(ids, root, 'session'),
  )
  await assertStillGood(deps, root, person, sessionId)
  if (!isLive(started.state, root.at)) throw new Refusal('session_ended')
  const { startedAt } = started.state
  const tokens = await issueTokens(deps, {
    userId,
    sessionId,
    generation: 1,
    issuedAt: startedAt,
    idleUntil: new Date(Date.parse(startedAt) + IDLE_MS).toISOString(),
  })
  const provisioned = await provisionPersonal(deps, claimRoot(deps, person.claimId, root), person)
  await showNewcomer(deps, root, person)
  return { tokens, user: person, sessionId, position: provisioned ?? started.position }
}

/** Which organization is meant is read from a view: a newcomer's first request is to find theirs there. */
async function showNewcomer(deps: Deps, root: Root, person: User): Promise<void> {
  if (Date.parse(root.at) - Date.parse(person.registeredAt) < NEWCOMER_MS)
    await deps.views.passed(deps.streams.lastWritten(), VIEWS_MS)
}

/**
 * A password that was changed, or a person who was deactivated, while the password was being verified:
 * the change has ended the sessions that it saw, and this one came after.
 */
async function assertStillGood(
  deps: Deps,
  root: Root,
  before: User,
  sessionId: string,
): Promise<void> {
  const { state: now } = await deps.streams.load(user, before.userId)
  if (now?.active && now.passwordVersion === before.passwordVersion) return
  const reason = now?.active ? 'password_changed' : 'user_deactivated'
  const context = unkeyedStep(deps.ids, root, 'overtaken')
  const command = { type: 'RevokeSession', reason, at: root.at } as const
  await deps.streams.transact(session, sessionId, command, context)
  throw new Refusal('invalid_credentials')
}
