/**
 * Somebody asks for an account. A free and a taken address get the same answer after the same work (one
 * hash, one append); the rest follows from the claim (workers/finish-claims.ts), and the owner of a
 * taken address hears of it by mail.
 */
import { Refusal } from '../../domain/refusal.ts'
import { assertAcceptablePassword } from '../../domain/user/password-policy.ts'
import type { Root } from '../context.ts'
import type { Deps } from '../deps.ts'
import { assertSameWish } from '../same-wish.ts'
import { claimForRegistration } from './claim-email.ts'
import { assertInvited } from './invited.ts'

export interface Registration {
  /** Normalised (emailText). */
  readonly email: string
  /** As it was typed. */
  readonly password: string
  readonly locale: string
  /** Needed where registration is by invitation only. */
  readonly invitationToken?: string
}

/** @throws Refusal registration_closed, invitation_unusable, password_unacceptable, too_many_hashes. */
export async function registerUser(deps: Deps, root: Root, asked: Registration): Promise<void> {
  const { registration } = deps.settings
  if (registration === 'closed') throw new Refusal('registration_closed')
  if (registration === 'invite') await assertInvited(deps, asked, root.at)
  const { email, password, locale } = asked
  assertAcceptablePassword(password, { email })
  await assertSameWish(deps, root)
  const passwordHash = await deps.passwords.hash(password)
  await claimForRegistration(deps, root, { email, passwordHash, locale })
}
