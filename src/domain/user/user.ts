/**
 * A person: who they are to us and what they may still do. Access to organizations is not here
 * (organization/), nor is the uniqueness of the address (email-claim.ts), which was decided before.
 */
import type { Decider } from '../decider.ts'
import type { Id } from '../ids.ts'
import { isErased, type Maybe } from '../personal.ts'
import { Refusal } from '../refusal.ts'
import {
  type AddressSide,
  type ChangeEmail,
  changeEmail,
  type RefuseEmailChange,
  refuseEmailChange,
} from './address.ts'
import type { Locale } from './email.ts'
import type { PlatformRole, UserEvent } from './events.ts'
import {
  type LinkTelegram,
  linkTelegram,
  type RefuseTelegramLink,
  refuseTelegramLink,
  type TelegramSide,
  withEnded,
} from './telegram-account.ts'

export interface User extends AddressSide, TelegramSide {
  readonly emailVerified: boolean
  readonly passwordHash: Maybe<string> | undefined
  /** Counts passwords, not hashes: a link to reset is good for the version it was made for. */
  readonly passwordVersion: number
  /**
   * When the account was taken over by a mail to an address that nobody had verified: sessions and keys from
   * before may be a stranger's.
   */
  readonly ownSince: string | undefined
  readonly locale: Locale
  readonly personalOrgId: Id<'organization'>
  readonly roles: readonly PlatformRole[]
  readonly termsVersion: string | undefined
  readonly registeredAt: string
}
/** undefined: nobody of this id has registered. */
export type UserState = User | undefined

export type RegisterUser = {
  readonly type: 'RegisterUser'
  readonly userId: Id<'user'>
  readonly claimId: Id<'claim'>
  readonly email: string
  readonly emailHmac: string
  readonly provisional: boolean
  readonly passwordHash?: string
  readonly locale: Locale
  readonly personalOrgId: Id<'organization'>
  /** Only an operator registers somebody with roles or a verified address. */
  readonly roles?: readonly PlatformRole[]
  readonly verified?: boolean
  readonly at: string
}

export type ChangePassword = {
  readonly type: 'ChangePassword'
  readonly passwordHash: string
  readonly at: string
} & (
  | /** `replaces`: the hash that the old password was verified against; empty where there was none. */
    {
      readonly cause: 'user' | 'rehash'
      readonly replaces: string
    } /** `passwordVersion`: the one that the reset link was made for. */
  | { readonly cause: 'reset'; readonly passwordVersion: number }
  | { readonly cause: 'operator' }
)

export type UserCommand =
  | RegisterUser
  | ChangeEmail
  | RefuseEmailChange
  | ChangePassword
  | LinkTelegram
  | RefuseTelegramLink
  | { readonly type: 'UnlinkTelegram'; readonly at: string }
  | { readonly type: 'VerifyEmail'; readonly emailHmac: string; readonly at: string }
  | { readonly type: 'ChangeLocale'; readonly locale: Locale; readonly at: string }
  | { readonly type: 'AcceptTerms'; readonly version: string; readonly at: string }
  | { readonly type: 'GrantPlatformRole'; readonly role: PlatformRole; readonly at: string }
  | { readonly type: 'RevokePlatformRole'; readonly role: PlatformRole; readonly at: string }
  | { readonly type: 'DeactivateUser'; readonly reason?: string; readonly at: string }
  | { readonly type: 'ReactivateUser'; readonly at: string }

function register(command: RegisterUser): readonly UserEvent[] {
  const { userId, claimId, email, emailHmac, provisional, locale, personalOrgId, at } = command
  const { passwordHash } = command
  return [
    {
      type: 'UserRegistered',
      data: {
        userId,
        claimId,
        email,
        emailHmac,
        provisional,
        ...(passwordHash !== undefined && { passwordHash }),
        locale,
        personalOrgId,
        at,
      },
    },
    ...(command.verified
      ? [{ type: 'EmailVerified', data: { userId, emailHmac, at } } as const]
      : []),
    ...Array.from(
      new Set(command.roles),
      (role) => ({ type: 'PlatformRoleGranted', data: { userId, role, at } }) as const,
    ),
  ]
}

function changePassword(command: ChangePassword, user: User): readonly UserEvent[] {
  const { passwordHash, cause, at } = command
  if (user.passwordHash === passwordHash) return []
  // A hash that another request has replaced meanwhile proves nothing about the present password.
  if (cause === 'rehash' && user.passwordHash !== command.replaces) return []
  if (cause === 'user' && (user.passwordHash ?? '') !== command.replaces)
    throw new Refusal('invalid_credentials')
  // Any password since then, this link's own included, makes the link unusable: it works once.
  if (cause === 'reset' && user.passwordVersion !== command.passwordVersion)
    throw new Refusal('token_unusable')
  const changed = {
    type: 'PasswordChanged',
    data: { userId: user.userId, passwordHash, cause, at },
  } as const
  return cause === 'reset' && !user.emailVerified ? [changed, ...takenOver(user, at)] : [changed]
}

/**
 * Anybody may have named an address that nobody verified. Whoever reads its mail takes the account over by a
 * new password, which shows whose address it is; then nobody else may have a way in that was made before.
 */
function takenOver({ userId, emailHmac, telegram }: User, at: string): readonly UserEvent[] {
  const verified = { type: 'EmailVerified', data: { userId, emailHmac, at } } as const
  if (!telegram) return [verified]
  const { telegramHmac, claimId } = telegram
  return [verified, { type: 'TelegramUnlinked', data: { userId, telegramHmac, claimId, at } }]
}

function unlinkTelegram(user: User, at: string): readonly UserEvent[] {
  const { userId, telegram } = user
  if (!telegram) return []
  if (!hasAnotherWayIn(user)) throw new Refusal('last_way_in')
  const { telegramHmac, claimId } = telegram
  return [{ type: 'TelegramUnlinked', data: { userId, telegramHmac, claimId, at } }]
}

/** A password for an address that is theirs, or mail by which they choose one. */
export const hasAnotherWayIn = ({ provisional, passwordHash, emailVerified }: User): boolean =>
  !provisional && (passwordHash !== undefined || emailVerified)

function assertActive(user: User): void {
  if (!user.active) throw new Refusal('user_deactivated')
}

function decide(command: UserCommand, user: UserState): readonly UserEvent[] {
  if (command.type === 'RegisterUser') return user ? [] : register(command)
  if (!user) throw new Refusal('user_not_found')
  const { userId } = user
  const { at } = command
  switch (command.type) {
    case 'VerifyEmail': {
      assertActive(user)
      // The link was sent to an address that is no longer this person's.
      if (command.emailHmac !== user.emailHmac) throw new Refusal('token_unusable')
      if (user.emailVerified) return []
      return [{ type: 'EmailVerified', data: { userId, emailHmac: user.emailHmac, at } }]
    }
    case 'ChangeEmail':
      return changeEmail(command, user)
    case 'RefuseEmailChange':
      return refuseEmailChange(command, user)
    case 'ChangePassword': {
      if (command.cause !== 'operator') assertActive(user)
      return changePassword(command, user)
    }
    case 'ChangeLocale': {
      assertActive(user)
      if (command.locale === user.locale) return []
      return [{ type: 'LocaleChanged', data: { userId, locale: command.locale, at } }]
    }
    case 'LinkTelegram':
      return linkTelegram(command, user)
    case 'RefuseTelegramLink':
      return refuseTelegramLink(command, user)
    case 'UnlinkTelegram': {
      assertActive(user)
      return unlinkTelegram(user, at)
    }
    case 'AcceptTerms': {
      assertActive(user)
      if (command.version === user.termsVersion) return []
      return [{ type: 'TermsAccepted', data: { userId, version: command.version, at } }]
    }
    case 'GrantPlatformRole': {
      if (user.roles.includes(command.role)) return []
      return [{ type: 'PlatformRoleGranted', data: { userId, role: command.role, at } }]
    }
    case 'RevokePlatformRole': {
      if (!user.roles.includes(command.role)) return []
      return [{ type: 'PlatformRoleRevoked', data: { userId, role: command.role, at } }]
    }
    case 'DeactivateUser': {
      if (!user.active) return []
      const { reason } = command
      return [
        {
          type: 'UserDeactivated',
          data: { userId, ...(reason !== undefined && { reason }), at },
        },
      ]
    }
    case 'ReactivateUser':
      return user.active ? [] : [{ type: 'UserReactivated', data: { userId, at } }]
  }
}

function evolve(user: UserState, event: UserEvent): UserState {
  if (event.type === 'UserRegistered') {
    const { userId, email, emailHmac, claimId, provisional, locale, personalOrgId, at } = event.data
    return {
      userId,
      email,
      emailHmac,
      emailVerified: false,
      emailSince: at,
      claimId,
      emailEnded: [],
      provisional,
      passwordHash: event.data.passwordHash,
      passwordVersion: 1,
      ownSince: undefined,
      locale,
      personalOrgId,
      active: true,
      roles: [],
      termsVersion: undefined,
      telegram: undefined,
      telegramEnded: [],
      registeredAt: at,
    }
  }
  return user && change(user, event)
}

function change(user: User, event: Exclude<UserEvent, { type: 'UserRegistered' }>): User {
  switch (event.type) {
    case 'EmailVerified':
      return { ...user, emailVerified: true }
    case 'EmailChanged': {
      const { email, emailHmac, claimId, previousClaimId, at } = event.data
      const followed = { claimId: previousClaimId, why: 'followed' } as const
      const emailEnded = [...user.emailEnded, followed]
      const address = { email, emailHmac, claimId, emailSince: at, emailEnded }
      return { ...user, ...address, emailVerified: false, provisional: false }
    }
    case 'EmailChangeRefused': {
      const { claimId, reason } = event.data
      return { ...user, emailEnded: [...user.emailEnded, { claimId, why: reason }] }
    }
    case 'PasswordChanged': {
      const { passwordHash, cause, at } = event.data
      const passwordVersion = user.passwordVersion + (cause === 'rehash' ? 0 : 1)
      const ownSince = cause === 'reset' && !user.emailVerified ? at : user.ownSince
      return { ...user, passwordHash, passwordVersion, ownSince }
    }
    case 'LocaleChanged':
      return { ...user, locale: event.data.locale }
    case 'TelegramLinked': {
      const { telegramHmac, claimId, telegramId, username } = event.data
      return { ...user, telegram: { telegramHmac, claimId, telegramId, username } }
    }
    case 'TelegramUnlinked':
      return {
        ...user,
        telegram: undefined,
        telegramEnded: withEnded(user, event.data, 'unlinked'),
      }
    case 'TelegramLinkRefused':
      return { ...user, telegramEnded: withEnded(user, event.data, event.data.reason) }
    case 'TermsAccepted':
      return { ...user, termsVersion: event.data.version }
    case 'PlatformRoleGranted':
      return { ...user, roles: [...user.roles, event.data.role] }
    case 'PlatformRoleRevoked':
      return { ...user, roles: user.roles.filter((role) => role !== event.data.role) }
    case 'UserDeactivated':
      return { ...user, active: false }
    case 'UserReactivated':
      return { ...user, active: true }
  }
}

export const user: Decider<UserState, UserCommand, UserEvent> = {
  category: 'user',
  initial: () => undefined,
  decide,
  evolve,
}

/** The hash to verify a password against; undefined where there is none or it was erased. */
export function passwordHashOf(state: UserState): string | undefined {
  const hash = state?.passwordHash
  return hash === undefined || isErased(hash) ? undefined : hash
}

/** Made before the account was taken over: it may be a stranger's. */
export const isFromBefore = (state: UserState, at: string): boolean =>
  state?.ownSince !== undefined && at < state.ownSince
