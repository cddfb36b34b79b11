/**
 * The decision on an address: one append to its own stream. What it carries lets anybody finish the
 * registration, so an answer may be given as soon as it is durable.
 */
import { newId, type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'
import { claimOutcome, emailClaim } from '../../domain/user/email-claim.ts'
import type { PlatformRole } from '../../domain/user/events.ts'
import { emailHmacOf } from './find-user.ts'

export interface NewAccount {
  /** Normalised. */
  readonly email: string
  readonly passwordHash: string
  readonly locale: string
  /** Only an operator gives these. */
  readonly platformRoles?: readonly PlatformRole[]
  readonly verified?: boolean
}

export async function claimForRegistration(
  deps: Pick<Deps, 'streams' | 'ids' | 'sealer'>,
  root: Root,
  account: NewAccount,
): Promise<{ emailHmac: string; outcome: ReturnType<typeof claimOutcome> }> {
  const { streams, ids } = deps
  const emailHmac = emailHmacOf(deps, account.email)
  const claimId = newId(ids, root, 'claim')
  const { platformRoles, ...rest } = account
  const context = step(ids, root, 'claim')
  const claimed = await streams.transact(
    emailClaim,
    emailHmac,
    {
      type: 'ClaimEmail',
      purpose: 'registration',
      claimId,
      userId: newId(ids, root, 'user'),
      personalOrgId: newId(ids, root, 'organization'),
      emailHmac,
      ...rest,
      ...(platformRoles && { platformRoles: [...platformRoles] }),
      at: root.at,
    },
    // The key alone finds its first effect again, whatever else the repeat says: a refusal here would
    // tell a stranger whether the address was free (same-wish.ts refuses before, for everybody alike).
    root.digest === undefined ? context : { ...context, digest: ids.sha256(claimId) },
  )
  return { emailHmac, outcome: claimOutcome(claimed.state, claimId) }
}
