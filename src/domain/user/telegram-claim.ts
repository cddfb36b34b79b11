/**
 * Who holds a Telegram account. The append to `telegramClaim-{HMAC of its id}` is the decision that keeps
 * one account with one person; what it carries lets anybody finish the following steps after a crash. The
 * same stream remembers which signed data was used to get in, so that each works once.
 */
import type { Decider } from '../decider.ts'
import type { Id } from '../ids.ts'
import { isErased } from '../personal.ts'
import { Refusal } from '../refusal.ts'
import { normalizeEmail } from './email.ts'
import type { TelegramClaimEvent } from './events.ts'
import type { LinkTelegram } from './telegram-account.ts'

export type TelegramClaimed = Extract<TelegramClaimEvent, { type: 'TelegramClaimed' }>['data']

export interface UsedLogin {
  readonly loginHash: string
  readonly signedAt: string
}

export interface TelegramClaim {
  /** The claim that holds the account, with all that the following steps need. */
  readonly held: TelegramClaimed | undefined
  /** Claims that were made and released: they never come back, whatever is retried. */
  readonly released: readonly Id<'claim'>[]
  /** Signed data that was used and could still be young enough. */
  readonly used: readonly UsedLogin[]
}

export type TelegramClaimCommand =
  /** What is written is what is asked: see TelegramClaimed. */
  | ({
      readonly type: 'ClaimTelegram'
      readonly telegramId: string
      readonly username?: string
      readonly name?: string
    } & Omit<TelegramClaimed, 'telegramId' | 'username' | 'name'>)
  | {
      readonly type: 'ReleaseTelegram'
      readonly claimId: Id<'claim'>
      readonly reason: 'unlinked' | 'refused'
      readonly at: string
    }
  | ({ readonly type: 'UseTelegramLogin'; readonly at: string } & UsedLogin)

/** The longest that an operator may accept signed data (TELEGRAM_LOGIN_SECONDS), and how far ahead. */
export const LOGIN_MAX_MS = 24 * 60 * 60_000
export const LOGIN_AHEAD_MS = 60_000

function decide(
  command: TelegramClaimCommand,
  state: TelegramClaim,
): readonly TelegramClaimEvent[] {
  const { held } = state
  switch (command.type) {
    case 'ClaimTelegram': {
      if (held || state.released.includes(command.claimId)) return []
      const { type: _, ...data } = command
      return [{ type: 'TelegramClaimed', data }]
    }
    case 'ReleaseTelegram': {
      const { claimId, reason, at } = command
      if (held?.claimId !== claimId) return []
      return [{ type: 'TelegramReleased', data: { claimId, userId: held.userId, reason, at } }]
    }
    case 'UseTelegramLogin': {
      const { loginHash, signedAt, at } = command
      if (state.used.some((one) => one.loginHash === loginHash))
        throw new Refusal('telegram_login_refused')
      return [{ type: 'TelegramLoginUsed', data: { loginHash, signedAt, at } }]
    }
  }
}

function evolve(state: TelegramClaim, event: TelegramClaimEvent): TelegramClaim {
  switch (event.type) {
    case 'TelegramClaimed':
      return { ...state, held: event.data }
    case 'TelegramReleased':
      return { ...state, held: undefined, released: [...state.released, event.data.claimId] }
    case 'TelegramLoginUsed': {
      const { loginHash, signedAt, at } = event.data
      // Twice as long as anything is accepted: clocks of two processes need not agree.
      const since = Date.parse(at) - 2 * LOGIN_MAX_MS
      const used = state.used.filter((one) => Date.parse(one.signedAt) >= since)
      return { ...state, used: [...used, { loginHash, signedAt }] }
    }
  }
}

export const telegramClaim: Decider<TelegramClaim, TelegramClaimCommand, TelegramClaimEvent> = {
  category: 'telegramClaim',
  initial: () => ({ held: undefined, released: [], used: [] }),
  decide,
  evolve,
}

/** What became of a claim, read from the state after it. */
export function telegramClaimOutcome(
  state: TelegramClaim,
  claimId: Id<'claim'>,
): 'held' | 'taken' | 'released' {
  if (state.held?.claimId === claimId) return 'held'
  return state.released.includes(claimId) ? 'released' : 'taken'
}

/**
 * The address of whoever has none: of the claim, so that everybody who finishes it makes the same, and
 * below a domain that never takes mail (RFC 2606).
 */
export const provisionalEmail = (claimId: Id<'claim'>): string =>
  normalizeEmail(`telegram-${claimId.slice(claimId.indexOf('_') + 1)}@users.invalid`)

/**
 * The command on `user-{userId}` that a held claim asks for. undefined where the values were erased
 * meanwhile: release the claim.
 */
export function linkOf(claimed: TelegramClaimed): LinkTelegram | undefined {
  const { telegramHmac, claimId, telegramId, username, purpose, at } = claimed
  if (isErased(telegramId) || isErased(username)) return undefined
  return {
    type: 'LinkTelegram',
    telegramHmac,
    claimId,
    telegramId,
    ...(username !== undefined && { username }),
    purpose,
    at,
  }
}
