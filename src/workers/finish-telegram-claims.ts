/**
 * Forward recovery of claims on Telegram accounts, by the event at once and by the sweep after a crash:
 * the person and the link of a claim that was made, the release of one that was unlinked.
 */
import type { Deps } from '../commands/deps.ts'
import { finishTelegramClaim } from '../commands/user/telegram/finish-telegram-claim.ts'
import type { StoredEvent } from '../ports/event-store.ts'
import {
  telegramClaimsToFinish,
  type UnfinishedTelegramClaim,
} from '../projections/unfinished-telegram-claims.ts'
import type { Sweep, Worker } from './worker.ts'

const NAME = 'finish-telegram-claims'

function job({ id, data, metadata }: StoredEvent) {
  const payload: UnfinishedTelegramClaim = {
    telegramHmac: String(data['telegramHmac']),
    eventId: id,
    correlationId: metadata.$correlationId,
  }
  return { id, payload }
}

export const finishTelegramClaims = (deps: Deps): Worker => ({
  name: NAME,
  concurrency: 4,
  on: { TelegramClaimed: job, TelegramUnlinked: job },
  handle: (claim: UnfinishedTelegramClaim) => finish(deps, claim),
})

async function finish(
  deps: Deps,
  { telegramHmac, eventId, correlationId }: UnfinishedTelegramClaim,
): Promise<void> {
  await finishTelegramClaim(deps, telegramHmac, { correlationId, causationId: eventId })
}

export const finishTelegramClaimsSweep = (deps: Deps): Sweep => ({
  name: NAME,
  async run(signal) {
    let found = 0
    for await (const { document } of telegramClaimsToFinish(deps.views)) {
      if (signal.aborted) return found
      await finish(deps, document)
      found++
    }
    return found
  },
})
