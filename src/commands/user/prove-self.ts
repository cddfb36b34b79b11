/**
 * A signed-in person shows that it is them, before they change how they get in: by their password, or
 * where they have none by a sign-in of the last minutes. A stolen session alone is not enough.
 */
import { Refusal } from '../../domain/refusal.ts'
import { session } from '../../domain/session/session.ts'
import { passwordHashOf, user } from '../../domain/user/user.ts'
import type { Deps } from '../deps.ts'

export const FRESH_MS = 10 * 60_000

export interface Self {
  readonly userId: string
  readonly sessionId: string
  /** As it was typed. */
  readonly currentPassword?: string
}

/** @throws Refusal current_password_wrong, sign_in_again, too_many_hashes, user_not_found. */
export async function proveSelf(
  deps: Pick<Deps, 'streams' | 'passwords'>,
  { userId, sessionId, currentPassword }: Self,
  at: string,
): Promise<void> {
  const { state: person } = await deps.streams.load(user, userId)
  if (!person) throw new Refusal('user_not_found')
  if (person.passwordHash === undefined) return assertFresh(deps, sessionId, at)
  const { ok } = await deps.passwords.verify(currentPassword ?? '', passwordHashOf(person))
  if (!ok) throw new Refusal('current_password_wrong')
}

async function assertFresh(
  { streams }: Pick<Deps, 'streams'>,
  sessionId: string,
  at: string,
): Promise<void> {
  const { state: here } = await streams.load(session, sessionId)
  const sinceMs = here ? Date.parse(at) - Date.parse(here.startedAt) : Infinity
  if (sinceMs > FRESH_MS) throw new Refusal('sign_in_again')
}
