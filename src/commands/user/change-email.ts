/**
 * Another address: claim the new one | EmailChanged | release the old one. The claim decides; a crash
 * after it is finished by the sweep. A link to verify goes to the new address, a notice to the old one.
 */
import { Refusal } from '../../domain/refusal.ts'
import { claimOutcome, emailClaim } from '../../domain/user/email-claim.ts'
import { user } from '../../domain/user/user.ts'
import { newId, type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'
import { finishClaim } from './finish-claim.ts'
import { emailHmacOf } from './find-user.ts'

/** @throws Refusal email_taken, email_unchanged, user_deactivated. */
export async function changeEmail(
  deps: Deps,
  root: Root,
  { userId, email }: { userId: string; email: string },
): Promise<{ position: bigint | undefined }> {
  const { streams, ids } = deps
  const emailHmac = emailHmacOf(deps, email)
  const claimId = newId(ids, root, 'claim')
  const claimed = await streams.transact(
    emailClaim,
    emailHmac,
    { type: 'ClaimEmail', purpose: 'change', claimId, userId, email, emailHmac, at: root.at },
    step(ids, root, 'claim'),
  )
  const outcome = claimOutcome(claimed.state, claimId)
  if (outcome === 'taken')
    throw new Refusal(claimed.state.held?.userId === userId ? 'email_unchanged' : 'email_taken')
  // Released again: the change was made and has been followed by another since.
  if (outcome === 'released') return { position: claimed.position }
  const finished = await finishClaim(deps, emailHmac, root)
  if (finished.refused) throw finished.refused
  // Somebody else took the second step, was refused, and has released the claim.
  if (!finished.user) throw await refusalNow(deps, userId)
  return { position: finished.position ?? claimed.position }
}

async function refusalNow({ streams }: Pick<Deps, 'streams'>, userId: string): Promise<Refusal> {
  const { state: person } = await streams.load(user, userId)
  return new Refusal(person?.active ? 'email_unchanged' : 'user_deactivated')
}
