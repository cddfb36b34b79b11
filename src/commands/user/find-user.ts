/**
 * Finds a person by address: by the claim's stream, never by a view, so the answer is of this moment.
 * Known and unknown addresses cost the same two look-ups. A claim that a crash left half done is
 * finished by whoever meets it first.
 */
import { normalizeEmail } from '../../domain/user/email.ts'
import { emailClaim } from '../../domain/user/email-claim.ts'
import { type User, user } from '../../domain/user/user.ts'
import type { Deps } from '../deps.ts'
import { finishClaim } from './finish-claim.ts'

/** The name of an address in streams and look-ups. */
export const emailHmacOf = ({ sealer }: Pick<Deps, 'sealer'>, email: string): string =>
  sealer.hmac('email', normalizeEmail(email))

export const findUserByEmail = (deps: Deps, email: string): Promise<User | undefined> =>
  findUserByEmailHmac(deps, emailHmacOf(deps, email))

export async function findUserByEmailHmac(
  deps: Deps,
  emailHmac: string,
): Promise<User | undefined> {
  const { state: claim } = await deps.streams.load(emailClaim, emailHmac)
  const { state: found } = await deps.streams.load(user, claim.held?.userId ?? 'nobody')
  if (!claim.held) return undefined
  if (found?.claimId === claim.held.claimId) return found
  return (await finishClaim(deps, emailHmac)).user
}
