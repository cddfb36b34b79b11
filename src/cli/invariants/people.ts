/** A1, A2, A8: whose an address is, which refresh token is good, who owns an organization. */
import type { OrganizationEvent } from '../../domain/organization/events.ts'
import type { SessionEvent } from '../../domain/session/events.ts'
import type { EmailClaimEvent, UserEvent } from '../../domain/user/events.ts'
import type { StoredEvent } from '../../ports/event-store.ts'
import { type Checker, type Place, placed, type Say } from './checker.ts'

/** A1. Also that a person never has an address that was not claimed for them before. */
export function addressesChecker(say: Say): Checker {
  const claims = new Map<string, { claimId: string; userId: string }>()
  const addressOf = new Map<string, string>()
  const claimOf = new Map<string, string>()
  const holderOf = new Map<string, string>()
  /** Changes that were refused for ever, by claim. */
  const refused = new Set<string>()

  function readClaim(event: StoredEvent): void {
    const { type, data } = placed<EmailClaimEvent>(event)
    const held = claims.get(event.stream)
    switch (type) {
      case 'EmailClaimed':
        if (held) say('A1', event, `the address of ${held.userId} was also given to ${data.userId}`)
        claims.set(event.stream, { claimId: data.claimId, userId: data.userId })
        return
      case 'EmailReleased':
        if (held?.claimId !== data.claimId)
          say('A1', event, `claim ${data.claimId} was released and did not hold the address`)
        else if (claimOf.get(held.userId) === held.claimId)
          say('A1', event, `the address of ${held.userId} was released while it was theirs`)
        claims.delete(event.stream)
        return
      case 'RegistrationAttempted':
    }
  }

  function takes(event: StoredEvent, userId: string, emailHmac: string, claimId: string): void {
    const claim = claims.get(`emailClaim-${emailHmac}`)
    if (claim?.claimId !== claimId || claim.userId !== userId)
      say('A1', event, `${userId} has an address that was not claimed for them`)
    if (refused.has(claimId)) say('A1', event, `${userId} has an address that was refused`)
    const holder = holderOf.get(emailHmac)
    if (holder !== undefined && holder !== userId)
      say('A1', event, `${holder} and ${userId} have the same address`)
    const before = addressOf.get(userId)
    if (before !== undefined) holderOf.delete(before)
    addressOf.set(userId, emailHmac)
    claimOf.set(userId, claimId)
    holderOf.set(emailHmac, userId)
  }

  return {
    read(event) {
      if (event.stream.startsWith('emailClaim-')) return readClaim(event)
      if (!event.stream.startsWith('user-')) return undefined
      const { type, data } = placed<UserEvent>(event)
      if (type === 'UserRegistered' || type === 'EmailChanged')
        takes(event, data.userId, data.emailHmac, data.claimId)
      if (type === 'EmailChangeRefused') {
        if (claimOf.get(data.userId) === data.claimId)
          say('A1', event, `the address of ${data.userId} was refused while it was theirs`)
        refused.add(data.claimId)
      }
      return undefined
    },
  }
}

const ENDED = -1

/** A2: generations count up one by one, and none follows the end of its session. */
export function sessionsChecker(say: Say): Checker {
  const generations = new Map<string, number>()
  return {
    read(event) {
      if (!event.stream.startsWith('session-')) return
      const { type, data } = placed<SessionEvent>(event)
      const { sessionId } = data
      const generation = generations.get(sessionId)
      switch (type) {
        case 'SessionStarted':
          if (generation !== undefined) say('A2', event, `${sessionId} was started twice`)
          generations.set(sessionId, 1)
          return
        case 'SessionRefreshed':
          if (generation === ENDED) say('A2', event, `${sessionId} was refreshed after its end`)
          else if (data.generation !== (generation ?? 0) + 1)
            say('A2', event, `generation ${data.generation} of ${sessionId} follows ${generation}`)
          if (generation !== ENDED) generations.set(sessionId, data.generation)
          return
        case 'SessionRevoked':
          generations.set(sessionId, ENDED)
          return
        case 'OrganizationSelected':
      }
    },
  }
}

/** A8. */
export function ownersChecker(say: Say): Checker {
  const owners = new Map<string, { place: Place; ids: Set<string> }>()
  return {
    read(event) {
      if (!event.stream.startsWith('organization-')) return
      const { type, data } = placed<OrganizationEvent>(event)
      const known = owners.get(event.stream)
      if (type === 'OrganizationCreated') {
        const { position, stream } = event
        owners.set(stream, { place: { position, stream }, ids: new Set([data.ownerId]) })
        return
      }
      if (!known) return say('A8', event, `${type} comes before the organization`)
      if (type === 'MemberAdded' || type === 'MemberRoleChanged') {
        if (data.role === 'owner') known.ids.add(data.userId)
        else known.ids.delete(data.userId)
      } else if (type === 'MemberRemoved') known.ids.delete(data.userId)
      else return undefined
      if (known.ids.size === 0) say('A8', event, `${data.orgId} has no owner after ${type}`)
      return undefined
    },
  }
}
