/**
 * A session for somebody who has shown who they are, with the first pair of tokens. Whoever gets in finds
 * their organization, account and plan ready.
 */
import { type Id } from '../../domain/ids.ts'
import { Refusal } from '../../domain/refusal.ts'
import { IDLE_MS, isLive, session } from '../../domain/session/session.ts'
import { type User, user } from '../../domain/user/user.ts'
import { newId, type Root, step, unkeyedStep } from '../context.ts'
import type { Deps } from '../deps.ts'
import { claimRoot } from '../user/finish-claim.ts'
import { provisionPersonal } from '../user/provision-personal.ts'
import { issueTokens, type TokenPair } from './issue-tokens.ts'

const NEWCOMER_MS = 60_000
const VIEWS_MS = 1_000

/** What the person recognises the session by. */
export interface Device {
  readonly userAgent?: string
  readonly address?: string
}
export interface SignedIn {
  readonly tokens: TokenPair
  readonly user: User
  readonly sessionId: string
  readonly position: bigint | undefined
}

interface Start {
  readonly method: 'password' | 'telegram'
  readonly device: Device
  /** Of the proof itself, where that works once: a session that is there already is refused. */
  readonly sessionId?: Id<'session'>
}

/** How a proof is refused that was good when it was looked at, and is not any more. */
const refusalOf = { password: 'invalid_credentials', telegram: 'telegram_login_refused' } as const

/**
 * @param person as they were when their proof was looked at
 * @throws Refusal invalid_credentials or telegram_login_refused; session_ended for a repeat after the end;
 *   token_unusable where another request has used the proof.
 */
export async function startSession(
  deps: Deps,
  root: Root,
  person: User,
  { method, device, ...start }: Start,
): Promise<SignedIn> {
  const { streams, ids } = deps
  const { userId } = person
  const sessionId = start.sessionId ?? newId(ids, root, 'session')
  const started = await streams.transact(
    session,
    sessionId,
    { type: 'StartSession', sessionId, userId, method, ...device, at: root.at },
    step(ids, root, 'session'),
  )
  const mine = started.events.length > 0 || started.duplicate
  if (start.sessionId !== undefined && !mine) throw new Refusal('token_unusable')
  await assertStillGood(deps, root, person, { sessionId, method })
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
 * A password that was changed, a Telegram account that was unlinked, or a person who was deactivated
 * while the proof was being looked at: the change has ended the sessions that it saw, and this one came
 * after.
 */
async function assertStillGood(
  deps: Deps,
  root: Root,
  before: User,
  { sessionId, method }: { sessionId: string; method: Start['method'] },
): Promise<void> {
  const { state: now } = await deps.streams.load(user, before.userId)
  const overtaken = reasonToEnd(before, now, method)
  if (!overtaken) return
  const context = unkeyedStep(deps.ids, root, 'overtaken')
  const command = { type: 'RevokeSession', reason: overtaken, at: root.at } as const
  await deps.streams.transact(session, sessionId, command, context)
  throw new Refusal(refusalOf[method])
}

function reasonToEnd(before: User, now: User | undefined, method: Start['method']) {
  if (!now?.active) return 'user_deactivated'
  if (method === 'telegram')
    return now.telegram?.claimId === before.telegram?.claimId ? undefined : 'telegram_unlinked'
  return now.passwordVersion === before.passwordVersion ? undefined : 'password_changed'
}
