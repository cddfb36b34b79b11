/**
 * A Telegram account becomes another way in for somebody who has an account: claim | TelegramLinked. The
 * claim decides; a crash after it is finished by the sweep. An account that is another person's stays
 * theirs.
 */
import { Refusal } from '../../../domain/refusal.ts'
import { telegramClaim, telegramClaimOutcome } from '../../../domain/user/telegram-claim.ts'
import { user } from '../../../domain/user/user.ts'
import { newId, type Root, step } from '../../context.ts'
import type { Deps } from '../../deps.ts'
import type { TelegramProfile } from './enter-by-telegram.ts'
import { finishTelegramClaim } from './finish-telegram-claim.ts'
import { findUserByTelegramHmac, telegramHmacOf } from './find-user-by-telegram.ts'

/**
 * Linked already to this very person: nothing is written, nothing refused.
 * @throws Refusal telegram_taken, telegram_already_linked, user_deactivated, user_not_found;
 *   token_unusable for a wish that was carried out and undone since.
 */
export async function linkTelegram(
  deps: Deps,
  root: Root,
  userId: string,
  profile: TelegramProfile,
): Promise<{ position: bigint | undefined }> {
  const { streams, ids } = deps
  const { telegramId, username, name } = profile
  const telegramHmac = telegramHmacOf(deps, telegramId)
  const owner = await findUserByTelegramHmac(deps, telegramHmac)
  if (owner) return ownedBy(owner.userId, userId)
  const claimId = newId(ids, root, 'claim')
  await assertLinkable(deps, userId, claimId)
  const claimed = await streams.transact(
    telegramClaim,
    telegramHmac,
    {
      type: 'ClaimTelegram',
      purpose: 'link',
      claimId,
      userId,
      telegramHmac,
      telegramId,
      ...(username !== undefined && { username }),
      ...(name !== undefined && { name }),
      at: root.at,
    },
    step(ids, root, `telegram-claim/${telegramHmac}`),
  )
  const outcome = telegramClaimOutcome(claimed.state, claimId)
  if (outcome === 'released') throw new Refusal('token_unusable')
  if (outcome === 'taken') return ownedBy(claimed.state.held?.userId, userId)
  const finished = await finishTelegramClaim(deps, telegramHmac, root)
  if (finished.refused) throw finished.refused
  // Somebody else took the second step, was refused, and has released the claim.
  if (!finished.user) throw new Refusal('telegram_already_linked')
  return { position: finished.position ?? claimed.position }
}

function ownedBy(ownerId: string | undefined, userId: string): { position: undefined } {
  if (ownerId !== userId) throw new Refusal('telegram_taken')
  return { position: undefined }
}

/** All that the second step would refuse now, before anything is claimed. */
async function assertLinkable(deps: Deps, userId: string, claimId: string): Promise<void> {
  const { state: person } = await deps.streams.load(user, userId)
  if (!person) throw new Refusal('user_not_found')
  if (!person.active) throw new Refusal('user_deactivated')
  if (person.telegramEnded.some((one) => one.claimId === claimId))
    throw new Refusal('token_unusable')
  if (person.telegram) throw new Refusal('telegram_already_linked')
}
