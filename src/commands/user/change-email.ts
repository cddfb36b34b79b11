/**
 * Another address: claim the new one | EmailChanged | release the old one. The claim decides; a crash
 * after it is finished by the sweep. A link to verify goes to the new address, a notice to the old one.
 */
import { Refusal } from '../../domain/refusal.ts'
import { endOf } from '../../domain/user/address.ts'
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
  if (outcome === 'released') {
    // The change was made and has been followed by another since; or it never was.
    const ended = await endedFor(deps, userId, claimId)
    if (ended === 'deactivated') throw new Refusal('user_deactivated')
    return { position: claimed.position }
  }
  const finished = await finishClaim(deps, emailHmac, root)
  if (finished.refused) throw finished.refused
  // Somebody else took the second step, was refused, and has released the claim.
  if (!finished.user) {
    const ended = await endedFor(deps, userId, claimId)
    throw new Refusal(ended === 'deactivated' ? 'user_deactivated' : 'email_unchanged')
  }
  return { position: finished.position ?? claimed.position }
}

/** Why a claim that was released never brings the address any more, as the person's own stream says. */
async function endedFor({ streams }: Pick<Deps, 'streams'>, userId: string, claimId: string) {
  const { state: person } = await streams.load(user, userId)
  return person && endOf(person, claimId)?.why
}
