/**
 * What people wrote to the bot does not outlast its handling: words that nobody took, and those that a crash
 * has left behind, go after two days. Then the key of their day is destroyed, so that no backup of the
 * contents tells them either.
 */
import { destroyDaysBefore, pagesOfContents } from '../../commands/contents.ts'
import { CONTENT_OWNER } from '../../commands/telegram/receive-update.ts'
import type { Sweep } from '../worker.ts'
import type { BotDeps } from './turn.ts'

const HOUR_MS = 60 * 60_000
const DAY_MS = 24 * HOUR_MS
/** Telegram itself keeps what was not taken for a day. */
const WORDS_LAST_MS = 2 * DAY_MS

export function expireWords(deps: BotDeps): Sweep {
  const { clock } = deps
  let last = Number.NEGATIVE_INFINITY
  let destroyed: string | undefined
  return {
    name: 'expire-telegram-words',
    async run(signal) {
      const now = clock.now().getTime()
      if (now - last < HOUR_MS) return 0
      const found = await deleteWords(deps, now - WORDS_LAST_MS, signal)
      // A day's key goes when its last words are as old as words may be.
      const day = new Date(now - WORDS_LAST_MS).toISOString()
      destroyed = await destroyDaysBefore(deps, { owner: CONTENT_OWNER, day, after: destroyed })
      last = now
      return found
    },
  }
}

async function deleteWords(
  deps: Pick<BotDeps, 'contents'>,
  before: number,
  signal: AbortSignal,
): Promise<number> {
  let found = 0
  for await (const page of pagesOfContents(deps, CONTENT_OWNER)) {
    const old = page.filter(({ storedAt }) => storedAt <= before)
    if (old.length > 0) await deps.contents.delete(old.map(({ key }) => key))
    found += old.length
    if (signal.aborted) break
  }
  return found
}
