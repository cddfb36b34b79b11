/**
 * A Telegram account stops being a way in: TelegramUnlinked | release of the claim. The person's stream
 * decides, so that nobody is left without a way in; a crash in between is finished by the sweep. Sessions that
 * began by it end, but for the one that asks.
 */
import { user } from '../../../domain/user/user.ts'
import { endSessionsAfter } from '../../session/end-sessions.ts'
import { type Root, step } from '../../context.ts'
import type { Deps } from '../../deps.ts'
import { releaseTelegramClaim } from './finish-telegram-claim.ts'

/** Not linked: nothing is written. @throws Refusal last_way_in, user_deactivated, user_not_found. */
export async function unlinkTelegram(
  deps: Deps,
  root: Root,
  userId: string,
): Promise<{ position: bigint | undefined }> {
  const { state, events, position } = await deps.streams.transact(
    user,
    userId,
    { type: 'UnlinkTelegram', at: root.at },
    step(deps.ids, root, 'unlink-telegram'),
  )
  const unlinked = events.find((event) => event.type === 'TelegramUnlinked')?.data
  if (unlinked && state) await releaseTelegramClaim(deps, unlinked, 'unlinked')
  if (position !== undefined) await endSessionsAfter(deps, userId, position)
  return { position }
}
