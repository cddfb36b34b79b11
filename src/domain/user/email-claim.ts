/**
 * Who holds an address. The append to `emailClaim-{HMAC of the address}` is the decision that keeps
 * addresses unique; what it carries lets anybody finish the second step after a crash. A claim whose
 * second step is refused, or whose owner has another address now, is released and may be made anew.
 */
import type { Decider } from '../decider.ts'
import type { Id } from '../ids.ts'
import { isErased } from '../personal.ts'
import type { ChangeEmail } from './address.ts'
import type { EmailClaimEvent } from './events.ts'
import type { RegisterUser } from './user.ts'

export type EmailClaimed = Extract<EmailClaimEvent, { type: 'EmailClaimed' }>['data']

export interface EmailClaim {
  /** The claim that holds the address, with all that the second step needs. */
  readonly held: EmailClaimed | undefined
  /** Claims that were made and released: they never come back, whatever is retried. */
  readonly released: readonly Id<'claim'>[]
  readonly lastAttemptAt: string | undefined
}

export type EmailClaimCommand =
  /** What is written is what is asked: see EmailClaimed. */
  | ({ readonly type: 'ClaimEmail'; readonly email: string; readonly passwordHash?: string } & Omit<
      EmailClaimed,
      'email' | 'passwordHash'
    >)
  | {
      readonly type: 'ReleaseEmail'
      readonly claimId: Id<'claim'>
      readonly reason: 'changed' | 'refused'
      readonly at: string
    }
  /** Somebody asked for an address that is taken, at a door that does not tell them so. */
  | { readonly type: 'NoteAttempt'; readonly claimId: Id<'claim'>; readonly at: string }

/** The owner of an address hears of attempts to register it at most once in this time. */
export const ATTEMPT_INTERVAL_MS = 60 * 60 * 1000

function decide(command: EmailClaimCommand, state: EmailClaim): readonly EmailClaimEvent[] {
  const { held } = state
  const { claimId, at } = command
  switch (command.type) {
    case 'ClaimEmail': {
      if (held?.claimId === claimId || state.released.includes(claimId)) return []
      if (!held) {
        const { type: _, ...data } = command
        return [{ type: 'EmailClaimed', data }]
      }
      // A change to one's own address, or to a taken one, is answered to the person who asks.
      if (command.purpose === 'change' || attemptedLately(state, at)) return []
      return [{ type: 'RegistrationAttempted', data: { claimId, userId: held.userId, at } }]
    }
    case 'NoteAttempt':
      return held && !attemptedLately(state, at)
        ? [{ type: 'RegistrationAttempted', data: { claimId, userId: held.userId, at } }]
        : []
    case 'ReleaseEmail': {
      if (held?.claimId !== claimId) return []
      const { userId } = held
      return [{ type: 'EmailReleased', data: { claimId, userId, reason: command.reason, at } }]
    }
  }
}

const attemptedLately = (state: EmailClaim, at: string): boolean =>
  state.lastAttemptAt !== undefined &&
  Date.parse(at) - Date.parse(state.lastAttemptAt) < ATTEMPT_INTERVAL_MS

function evolve(state: EmailClaim, event: EmailClaimEvent): EmailClaim {
  switch (event.type) {
    case 'EmailClaimed':
      return { ...state, held: event.data, lastAttemptAt: undefined }
    case 'EmailReleased':
      return { ...state, held: undefined, released: [...state.released, event.data.claimId] }
    case 'RegistrationAttempted':
      return { ...state, lastAttemptAt: event.data.at }
  }
}

export const emailClaim: Decider<EmailClaim, EmailClaimCommand, EmailClaimEvent> = {
  category: 'emailClaim',
  initial: () => ({ held: undefined, released: [], lastAttemptAt: undefined }),
  decide,
  evolve,
}

/** What became of a claim, read from the state after it: go on, or answer as if nothing were wrong. */
export function claimOutcome(
  state: EmailClaim,
  claimId: Id<'claim'>,
): 'held' | 'taken' | 'released' {
  if (state.held?.claimId === claimId) return 'held'
  return state.released.includes(claimId) ? 'released' : 'taken'
}

/**
 * The command on `user-{userId}` that a held claim asks for: what the handler sends next, and what the
 * sweep sends after a crash. undefined where the values were erased meanwhile: release the claim.
 * When the person's claimId is another one afterwards, the claim is to be released too.
 */
export function secondStep(claimed: EmailClaimed): RegisterUser | ChangeEmail | undefined {
  const { userId, claimId, email, emailHmac, passwordHash, locale, personalOrgId, at } = claimed
  if (isErased(email) || isErased(passwordHash)) return undefined
  if (claimed.purpose === 'change') return { type: 'ChangeEmail', email, emailHmac, claimId, at }
  if (locale === undefined || personalOrgId === undefined) return undefined
  return {
    type: 'RegisterUser',
    userId,
    claimId,
    email,
    emailHmac,
    provisional: claimed.provisional ?? false,
    ...(passwordHash !== undefined && { passwordHash }),
    locale,
    personalOrgId,
    roles: claimed.platformRoles ?? [],
    verified: claimed.verified ?? false,
    at,
  }
}
