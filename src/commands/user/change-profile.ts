/**
 * What a person changes about themselves in one request: address, password, language, in this order.
 * Everything is checked before the first write. Address and password need the present password, or
 * where there is none a sign-in of the last minutes; a repeat of the request under its key does not, since the first may have changed it.
 */
import { Refusal } from '../../domain/refusal.ts'
import { isErased } from '../../domain/personal.ts'
import { emailClaim } from '../../domain/user/email-claim.ts'
import { assertAcceptablePassword } from '../../domain/user/password-policy.ts'
import { passwordHashOf, type User, user } from '../../domain/user/user.ts'
import { newId, type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'
import type { KeyedCommand } from '../lane.ts'
import { PreconditionFailed } from '../streams.ts'
import { changeEmail } from './change-email.ts'
import { changeLocale } from './change-locale.ts'
import { changePassword } from './change-password.ts'
import { secondStepContext } from './finish-claim.ts'
import { emailHmacOf } from './find-user.ts'
import { proveSelf, type Self } from './prove-self.ts'

export interface ProfileChange extends Self {
  /** Normalised. */
  readonly email?: string
  readonly password?: string
  readonly locale?: string
}

/**
 * @param ifRevision of the person's stream (If-Match)
 * @throws Refusal current_password_wrong, sign_in_again, password_unacceptable, email_taken, email_unchanged,
 *   user_deactivated, idempotency_key_reused, too_many_hashes; PreconditionFailed
 */
export async function changeProfile(
  deps: Deps,
  root: Root,
  change: ProfileChange,
  ifRevision?: number,
): Promise<{ position: bigint | undefined }> {
  const { userId, email, locale } = change
  const { state: person, revision, keyed } = await deps.streams.load(user, userId)
  if (!person) throw new Refusal('user_not_found')
  const begun = await begunBefore(deps, root, person, keyed)
  const password =
    begun.password || (begun.any && change.password === undefined)
      ? { passwordHash: '', replaces: '' }
      : await checked(deps, person, change, {
          at: root.at,
          ...(begun.any ? {} : { revision, ifRevision }),
        })
  const positions: (bigint | undefined)[] = []
  if (email !== undefined)
    positions.push((await changeEmail(deps, root, { userId, email })).position)
  if (change.password !== undefined)
    positions.push((await changePassword(deps, root, { userId, ...password })).position)
  if (locale !== undefined)
    positions.push((await changeLocale(deps, root, { userId, locale })).position)
  return { position: positions.findLast((position) => position !== undefined) }
}

/** What of this very wish was done before a repeat of it. */
async function begunBefore(
  deps: Deps,
  root: Root,
  person: User,
  keyed: ReadonlyMap<string, KeyedCommand>,
): Promise<{ any: boolean; password: boolean }> {
  if (root.digest === undefined) return { any: false, password: false }
  const password = keyed.get(step(deps.ids, root, 'password').commandId)
  // The change of address may be a worker's, without the key: then the claim behind it has the key.
  const { keyed: ofClaim } = await deps.streams.load(emailClaim, person.emailHmac)
  const known = [
    password,
    keyed.get(secondStepContext(deps, newId(deps.ids, root, 'claim')).commandId),
    ofClaim.get(step(deps.ids, root, 'claim').commandId),
    keyed.get(step(deps.ids, root, 'locale').commandId),
  ].filter((one) => one !== undefined)
  if (known.some(({ digest }) => digest !== root.digest))
    throw new Refusal('idempotency_key_reused')
  return { any: known.length > 0, password: password !== undefined }
}

/**
 * All that may be refused, but for what another request changes at the same moment. Without a revision:
 * for a repeat whose address is changed and whose password is not.
 */
async function checked(
  deps: Deps,
  person: User,
  change: ProfileChange,
  { at, revision, ifRevision }: { at: string; revision?: number; ifRevision?: number | undefined },
): Promise<{ passwordHash: string; replaces: string }> {
  if (revision !== undefined && ifRevision !== undefined && ifRevision !== revision)
    throw new PreconditionFailed(revision)
  const { email, password } = change
  const replaces = passwordHashOf(person) ?? ''
  if (email === undefined && password === undefined) return { passwordHash: '', replaces }
  await proveSelf(deps, change, at)
  if (email !== undefined && revision !== undefined) await assertFree(deps, person, email)
  if (password === undefined) return { passwordHash: '', replaces }
  const address = email ?? person.email
  assertAcceptablePassword(password, isErased(address) ? {} : { email: address })
  return { passwordHash: await deps.passwords.hash(password), replaces }
}

async function assertFree(deps: Deps, person: User, email: string): Promise<void> {
  const emailHmac = emailHmacOf(deps, email)
  if (emailHmac === person.emailHmac) throw new Refusal('email_unchanged')
  const { state: claim } = await deps.streams.load(emailClaim, emailHmac)
  if (claim.held && claim.held.userId !== person.userId) throw new Refusal('email_taken')
}
