/**
 * Claims on addresses whose second step is missing: a person to be registered, an address to be changed,
 * an old claim to be released. Empty but for the moments in between, and for what a crash has left.
 */
import { emailClaimEvents, userEvents } from '../domain/user/events.ts'
import { type ProjectedEvent, projection } from './projection.ts'
import type { Views } from './views.ts'

export interface UnfinishedClaim {
  readonly claimId: string
  readonly emailHmac: string
  /** The event that left it unfinished. */
  readonly eventId: string
  readonly correlationId: string
}

const events = { ...emailClaimEvents, ...userEvents }

const unfinished = (
  { claimId, emailHmac }: Pick<UnfinishedClaim, 'claimId' | 'emailHmac'>,
  { id, metadata }: ProjectedEvent<unknown>,
): UnfinishedClaim => ({
  claimId,
  emailHmac,
  eventId: id,
  correlationId: metadata.$correlationId,
})
const keys = (event: ProjectedEvent<{ readonly claimId: string }>) => event.data.claimId

export const unfinishedClaims = projection<UnfinishedClaim, typeof events>(events, {
  name: 'unfinished-claims',
  version: 1,
  indexes: {},
  on: {
    EmailClaimed: { keys, project: (_view, event) => unfinished(event.data, event) },
    UserRegistered: { keys, project: () => undefined },
    EmailChanged: {
      keys: ({ data }) => [data.claimId, data.previousClaimId],
      project: (_view, event, key) =>
        key === event.data.claimId
          ? undefined
          : unfinished({ claimId: key, emailHmac: event.data.previousEmailHmac }, event),
    },
    EmailReleased: { keys, project: () => undefined },
  },
})

export const claimsToFinish = (
  views: Views,
): AsyncIterable<{ key: string; document: UnfinishedClaim }> => views.all(unfinishedClaims)
