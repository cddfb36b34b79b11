/**
 * Whoever comes with a Telegram account that somebody has vouched for (signed data, or an update of the
 * bot): the person it belongs to, or a new one. The claim is the decision: of many at once one makes the
 * person, and all get the same.
 */
import { Refusal } from '../../../domain/refusal.ts'
import { telegramClaim } from '../../../domain/user/telegram-claim.ts'
import type { User } from '../../../domain/user/user.ts'
import { newId, type Root, step } from '../../context.ts'
import type { Deps } from '../../deps.ts'
import { finishTelegramClaim } from './finish-telegram-claim.ts'
import { findUserByTelegramHmac, telegramHmacOf } from './find-user-by-telegram.ts'

/** A Telegram account as Telegram itself tells of it. */
export interface TelegramProfile {
  /** Decimal; above 2^31, so never a number. */
  readonly telegramId: string
  readonly username?: string
  readonly name?: string
}
export interface Entering extends TelegramProfile {
  /** One that we speak (localeFrom of what Telegram says). */
  readonly locale: string
  /** The caller has seen an invitation that is good: needed where registration is by invitation only. */
  readonly invited?: boolean
}
export interface Entered {
  readonly user: User
  readonly created: boolean
  readonly position: bigint | undefined
}

/** A claim may be released between our look and our append; more often than this nobody unlinks. */
const TRIES = 3

/** @throws Refusal registration_closed, user_deactivated. */
export async function enterByTelegram(
  deps: Deps,
  root: Root,
  entering: Entering,
): Promise<Entered> {
  const telegramHmac = telegramHmacOf(deps, entering.telegramId)
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const known = await findUserByTelegramHmac(deps, telegramHmac)
    if (known) return active({ user: known, created: false, position: undefined })
    const entered = await register(deps, root, telegramHmac, { entering, attempt })
    if (entered) return active(entered)
  }
  throw new Refusal('telegram_login_refused')
}

/** @throws Refusal registration_closed where nobody holds the account and nobody may register by it. */
export async function assertMayEnter(
  deps: Deps,
  { telegramId, invited = false }: Pick<Entering, 'telegramId' | 'invited'>,
): Promise<void> {
  const { state } = await deps.streams.load(telegramClaim, telegramHmacOf(deps, telegramId))
  if (!state.held) assertMayRegister(deps, invited)
}

function assertMayRegister({ settings }: Deps, invited: boolean): void {
  const { registration } = settings
  if (registration === 'closed' || (registration === 'invite' && !invited))
    throw new Refusal('registration_closed')
}

function active(entered: Entered): Entered {
  if (!entered.user.active) throw new Refusal('user_deactivated')
  return entered
}

/** undefined: the claim was released again, or somebody else's has just been. */
async function register(
  deps: Deps,
  root: Root,
  telegramHmac: string,
  { entering, attempt }: { entering: Entering; attempt: number },
): Promise<Entered | undefined> {
  const { ids } = deps
  const { telegramId, username, name, locale, invited = false } = entering
  assertMayRegister(deps, invited)
  // The claim of this very wish may have been released: the next try is another claim.
  const named = (noun: string) => (attempt === 0 ? noun : `${noun}:${attempt}`)
  const claimId = newId(ids, root, 'claim', named('claim'))
  const claimed = await deps.streams.transact(
    telegramClaim,
    telegramHmac,
    {
      type: 'ClaimTelegram',
      purpose: 'registration',
      claimId,
      userId: newId(ids, root, 'user', named('user')),
      personalOrgId: newId(ids, root, 'organization', named('organization')),
      telegramHmac,
      telegramId,
      ...(username !== undefined && { username }),
      ...(name !== undefined && { name }),
      locale,
      at: root.at,
    },
    step(ids, root, named('telegram-claim')),
  )
  const { user, position } = await finishTelegramClaim(deps, telegramHmac, root)
  if (!user) return undefined
  const created = user.telegram?.claimId === claimId
  return { user, created, position: position ?? claimed.position }
}
