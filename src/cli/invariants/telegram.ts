/** A1 for Telegram accounts: one is one person's, claimed for them before, and a person has one. */
import type { TelegramClaimEvent, UserEvent } from '../../domain/user/events.ts'
import { LOGIN_MAX_MS, type UsedLogin } from '../../domain/user/telegram-claim.ts'
import type { StoredEvent } from '../../ports/event-store.ts'
import { type Checker, placed, type Say } from './checker.ts'

export function telegramChecker(say: Say): Checker {
  const claims = new Map<string, { claimId: string; userId: string }>()
  const accountOf = new Map<string, string>()
  const used = new Map<string, readonly UsedLogin[]>()
  /** Links that were refused for ever, by account and claim. */
  const refused = new Set<string>()

  function readClaim(event: StoredEvent): void {
    const { type, data } = placed<TelegramClaimEvent>(event)
    const held = claims.get(event.stream)
    switch (type) {
      case 'TelegramClaimed':
        if (held) say('A1', event, `the account of ${held.userId} was also given to ${data.userId}`)
        claims.set(event.stream, { claimId: data.claimId, userId: data.userId })
        return
      case 'TelegramReleased':
        if (held?.claimId !== data.claimId)
          say('A1', event, `claim ${data.claimId} was released and did not hold the account`)
        if (held && accountOf.get(held.userId) === event.stream)
          say('A1', event, `the account is free while it is linked to ${held.userId}`)
        claims.delete(event.stream)
        return
      case 'TelegramLoginUsed': {
        const { loginHash, signedAt, at } = data
        const recent = (used.get(event.stream) ?? []).filter(
          (one) => Date.parse(at) - Date.parse(one.signedAt) <= LOGIN_MAX_MS,
        )
        if (recent.some((one) => one.loginHash === loginHash))
          say('A1', event, 'signed data got somebody in twice')
        used.set(event.stream, [...recent, { loginHash, signedAt }])
      }
    }
  }

  return {
    read(event) {
      if (event.stream.startsWith('telegramClaim-')) return readClaim(event)
      if (!event.stream.startsWith('user-')) return undefined
      const { type, data } = placed<UserEvent>(event)
      if (type === 'TelegramUnlinked') accountOf.delete(data.userId)
      if (type !== 'TelegramLinked' && type !== 'TelegramLinkRefused') return undefined
      const account = `telegramClaim-${data.telegramHmac}`
      const wish = `${account} ${data.claimId}`
      if (type === 'TelegramLinkRefused') {
        if (accountOf.get(data.userId) === account)
          say('A1', event, `the account of ${data.userId} was refused while it was linked`)
        refused.add(wish)
        return undefined
      }
      if (refused.has(wish)) say('A1', event, `${data.userId} has an account that was refused`)
      const claim = claims.get(account)
      if (claim?.claimId !== data.claimId || claim.userId !== data.userId)
        say('A1', event, `${data.userId} has an account that was not claimed for them`)
      if (accountOf.has(data.userId)) say('A1', event, `${data.userId} has two accounts`)
      accountOf.set(data.userId, account)
      return undefined
    },
  }
}
