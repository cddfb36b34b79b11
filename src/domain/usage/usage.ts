/**
 * The request records of one run of a process: appended batch by batch by their one writer, never
 * refused and never changed.
 */
import type { Decider } from '../decider.ts'
import type { UsageCount, UsageEvent, UsageItem } from './events.ts'

/** The writer goes on to stream n + 1 when one holds this many. */
export const MAX_BATCHES = 10_000

export interface RecordUsage {
  readonly type: 'RecordUsage'
  readonly runId: string
  /** From 1, one more each time: a batch that was appended is not appended again. */
  readonly batch: number
  readonly recordedAt: string
  readonly items: readonly UsageItem[]
  readonly counts: readonly UsageCount[]
}

export interface UsageLog {
  /** Number of the last batch, 0 before the first. */
  readonly batch: number
}

function decide(command: RecordUsage, log: UsageLog): readonly UsageEvent[] {
  const { type: _type, items, counts, ...rest } = command
  if (items.length + counts.length === 0 || command.batch <= log.batch) return []
  return [{ type: 'UsageRecorded', data: { ...rest, items: [...items], counts: [...counts] } }]
}

export const usageDecider: Decider<UsageLog, RecordUsage, UsageEvent> = {
  category: 'usage',
  initial: () => ({ batch: 0 }),
  decide,
  evolve: (_log, event) => ({ batch: event.data.batch }),
}

/** Stream n of a run, from 1. */
export const usageStreamId = (runId: string, n: number): string => `${runId}-${n}`
