/**
 * The operator of the machine makes an administrator: a new person whose address counts as verified, or
 * somebody who is registered already and then keeps their password.
 */
import { Refusal } from '../../domain/refusal.ts'
import { assertAcceptablePassword } from '../../domain/user/password-policy.ts'
import { user } from '../../domain/user/user.ts'
import { type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'
import { claimForRegistration } from './claim-email.ts'
import { findUserByEmail } from './find-user.ts'
import { finishClaim } from './finish-claim.ts'
import { grantPlatformRole } from './grant-platform-role.ts'

export interface NewAdministrator {
  /** Normalised (emailText). */
  readonly email: string
  /** Used for a new person only. */
  readonly password: string
  readonly locale: string
}

/** @throws Refusal password_unacceptable, too_many_hashes, email_taken (a change is on its way). */
export async function createAdministrator(
  deps: Deps,
  root: Root,
  asked: NewAdministrator,
): Promise<{ userId: string; created: boolean; position: bigint | undefined }> {
  const known = await findUserByEmail(deps, asked.email)
  if (known) {
    const { userId, emailHmac } = known
    const verify = { type: 'VerifyEmail', emailHmac, at: root.at } as const
    await deps.streams.transact(user, userId, verify, step(deps.ids, root, 'verify'))
    const { position } = await grantPlatformRole(deps, root, { userId, role: 'administrator' })
    return { userId, created: false, position }
  }
  const { email, password, locale } = asked
  assertAcceptablePassword(password, { email })
  const passwordHash = await deps.passwords.hash(password)
  const { emailHmac, outcome } = await claimForRegistration(deps, root, {
    email,
    passwordHash,
    locale,
    platformRoles: ['administrator'],
    verified: true,
  })
  if (outcome !== 'held') throw new Refusal('email_taken')
  const { user: person, position } = await finishClaim(deps, emailHmac, root)
  if (!person) throw new Refusal('email_taken')
  return { userId: person.userId, created: true, position }
}
