/**
 * What of a person is about Telegram: the account that is linked, and the claims that never link again. A
 * claim is released only after one of its ends is written here, so a late link finds it.
 */
import type { Id } from '../ids.ts'
import type { Maybe } from '../personal.ts'
import { Refusal } from '../refusal.ts'
import type { UserEvent } from './events.ts'

/** The Telegram account that is linked. */
export interface TelegramAccount {
  readonly telegramHmac: string
  readonly claimId: Id<'claim'>
  readonly telegramId: Maybe<string>
  readonly username: Maybe<string> | undefined
}

type LinkRefused = Extract<UserEvent, { type: 'TelegramLinkRefused' }>['data']

/** A claim that does not link any more, whatever is retried. */
export interface EndedTelegramClaim {
  readonly claimId: Id<'claim'>
  readonly telegramHmac: string
  readonly why: 'unlinked' | LinkRefused['reason']
}

export interface TelegramSide {
  readonly userId: Id<'user'>
  readonly active: boolean
  readonly telegram: TelegramAccount | undefined
  readonly telegramEnded: readonly EndedTelegramClaim[]
}

export type LinkTelegram = {
  readonly type: 'LinkTelegram'
  readonly telegramHmac: string
  readonly claimId: Id<'claim'>
  readonly telegramId: string
  readonly username?: string
  /** `registration`: it is how the person came; nothing may keep the link from following. */
  readonly purpose: 'registration' | 'link'
  readonly at: string
}

/** What LinkTelegram was refused for becomes final, so that the claim can be released. */
export type RefuseTelegramLink = {
  readonly type: 'RefuseTelegramLink'
} & Omit<LinkRefused, 'userId'>

const saidOf = {
  unlinked: 'token_unusable',
  another_linked: 'telegram_already_linked',
  deactivated: 'user_deactivated',
} as const

export function linkTelegram(command: LinkTelegram, user: TelegramSide): readonly UserEvent[] {
  const { type: _, ...account } = command
  const { telegram, userId } = user
  if (isLinkedBy(user, account)) return []
  const ended = endedBy(user, account)
  if (ended) throw new Refusal(saidOf[ended.why])
  if (telegram) throw new Refusal('telegram_already_linked')
  if (account.purpose === 'link' && !user.active) throw new Refusal('user_deactivated')
  return [{ type: 'TelegramLinked', data: { userId, ...account } }]
}

type Claimed = Pick<LinkTelegram, 'claimId' | 'telegramHmac'>

/** One code may have claimed two accounts, under one id. */
export const isLinkedBy = (
  { telegram }: Pick<TelegramSide, 'telegram'>,
  { claimId, telegramHmac }: Claimed,
): boolean => telegram?.claimId === claimId && telegram.telegramHmac === telegramHmac

export const endedBy = (
  { telegramEnded }: Pick<TelegramSide, 'telegramEnded'>,
  claimed: Claimed,
): EndedTelegramClaim | undefined =>
  telegramEnded.find(({ claimId }) => claimId === claimed.claimId)

export function refuseTelegramLink(
  command: RefuseTelegramLink,
  user: TelegramSide,
): readonly UserEvent[] {
  if (isLinkedBy(user, command) || endedBy(user, command)) return []
  const { type: _, ...refused } = command
  return [{ type: 'TelegramLinkRefused', data: { userId: user.userId, ...refused } }]
}

export const withEnded = (
  { telegramEnded }: Pick<TelegramSide, 'telegramEnded'>,
  { claimId, telegramHmac }: Claimed,
  why: EndedTelegramClaim['why'],
): readonly EndedTelegramClaim[] => [...telegramEnded, { claimId, telegramHmac, why }]
