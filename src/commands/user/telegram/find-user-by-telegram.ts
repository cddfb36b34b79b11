/**
 * Finds a person by their Telegram account: by the claim's stream, never by a view, so the answer is of
 * this moment. A claim that a crash left half done is finished by whoever meets it first.
 */
import { telegramClaim } from '../../../domain/user/telegram-claim.ts'
import { type User, user } from '../../../domain/user/user.ts'
import type { Deps } from '../../deps.ts'
import { finishTelegramClaim } from './finish-telegram-claim.ts'

/** The name of a Telegram account in streams and look-ups. */
export const telegramHmacOf = ({ sealer }: Pick<Deps, 'sealer'>, telegramId: string): string =>
  sealer.hmac('telegram', telegramId)

/** Also a deactivated person: whoever asks looks at `active`. */
export const findUserByTelegram = (deps: Deps, telegramId: string): Promise<User | undefined> =>
  findUserByTelegramHmac(deps, telegramHmacOf(deps, telegramId))

export async function findUserByTelegramHmac(
  deps: Deps,
  telegramHmac: string,
): Promise<User | undefined> {
  const { state: claim } = await deps.streams.load(telegramClaim, telegramHmac)
  if (!claim.held) return undefined
  const { state: found } = await deps.streams.load(user, claim.held.userId)
  if (found?.telegram?.claimId === claim.held.claimId) return found
  return (await finishTelegramClaim(deps, telegramHmac)).user
}
