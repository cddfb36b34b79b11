/**
 * Claims on Telegram accounts whose following steps are missing: the person and the link, or the release
 * of what was unlinked. Empty but for the moments in between, and for what a crash has left.
 */
import { parseStreamName } from '../domain/decider.ts'
import { telegramClaimEvents, userEvents } from '../domain/user/events.ts'
import { type ProjectedEvent, projection } from './projection.ts'
import type { Views } from './views.ts'

export interface UnfinishedTelegramClaim {
  readonly telegramHmac: string
  /** The event that left it unfinished. */
  readonly eventId: string
  readonly correlationId: string
}

const events = { ...telegramClaimEvents, ...userEvents }
type Named = ProjectedEvent<{ readonly telegramHmac: string }>

/** An account has one claim at a time, so what is written about the account is about that. */
const keys = ({ data }: Named) => data.telegramHmac
const unfinished = (
  _view: UnfinishedTelegramClaim | undefined,
  { data, id, metadata }: Named,
): UnfinishedTelegramClaim => ({
  telegramHmac: data.telegramHmac,
  eventId: id,
  correlationId: metadata.$correlationId,
})

export const unfinishedTelegramClaims = projection<UnfinishedTelegramClaim, typeof events>(events, {
  name: 'unfinished-telegram-claims',
  version: 1,
  indexes: {},
  on: {
    TelegramClaimed: { keys, project: unfinished },
    TelegramLinked: { keys, project: () => undefined },
    TelegramUnlinked: { keys, project: unfinished },
    TelegramReleased: {
      keys: ({ stream }) => parseStreamName(stream).id,
      project: () => undefined,
    },
  },
})

export const telegramClaimsToFinish = (
  views: Views,
): AsyncIterable<{ key: string; document: UnfinishedTelegramClaim }> =>
  views.all(unfinishedTelegramClaims)
