/** Calls of every kind, and what each must have cost, reckoned without the code under test. */
import type { CallStory } from './books.ts'

export const day = (n: number) => new Date(Date.UTC(2026, 9, n, 12)).toISOString()
const ends = ['completed', 'completed', 'failed', 'canceled', 'open', 'held'] as const

/** Calls of two organizations over 70 days, of every kind of end. */
export const stories: readonly CallStory[] = Array.from({ length: 60 }, (_, n) => ({
  org: n % 7 < 4 ? 1 : 2,
  ...(n % 8 === 0 ? {} : { user: 1 + (n % 5) }),
  agent: 1 + (n % 4),
  model: n % 5 === 0 ? 'second' : 'first',
  ...(n % 4 === 0 ? { endUser: `customer ${n % 8}` } : {}),
  metadata: n % 3 === 0 ? { team: `team ${n % 2}` } : {},
  at: day(1 + ((n * 7) % 70)),
  holdNanos: n % 9 === 0 ? 1_000n : 2_000n,
  practice: n % 11 === 0,
  ...(n % 13 === 0 ? { usage: { basis: 'unknown' } as const } : {}),
  end: ends[n % ends.length] ?? 'open',
}))

/** What a call must have cost, reckoned here anew. */
export function expected(story: CallStory) {
  const ended = story.end !== 'open' && story.end !== 'held'
  const known = ended && story.usage?.basis !== 'unknown'
  const waived = known && story.end === 'failed' ? 1_100n : 0n
  const due = known ? 1_100n - waived : 0n
  const hold = story.holdNanos ?? 2_000n
  const charge = due < hold ? due : hold
  return { ended, known, charge, waived, uncollected: due - charge, cost: known ? 450n : 0n }
}
