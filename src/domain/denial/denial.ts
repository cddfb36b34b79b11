/**
 * The denials of one run of a process: appended batch by batch by their one writer, never refused and
 * never changed.
 */
import type { Decider } from '../decider.ts'
import type { DenialEvent, DenialItem } from './events.ts'

/** The writer goes on to stream n + 1 when one holds this many. */
export const MAX_BATCHES = 10_000

export interface RecordDenials {
  readonly type: 'RecordDenials'
  readonly runId: string
  /** From 1, one more each time: a batch that was appended is not appended again. */
  readonly batch: number
  readonly recordedAt: string
  readonly items: readonly DenialItem[]
}

export interface DenialLog {
  /** Number of the last batch, 0 before the first. */
  readonly batch: number
}

function decide(command: RecordDenials, log: DenialLog): readonly DenialEvent[] {
  const { type: _type, items, ...rest } = command
  if (items.length === 0 || command.batch <= log.batch) return []
  return [{ type: 'AccessDenied', data: { ...rest, items: [...items] } }]
}

export const denialDecider: Decider<DenialLog, RecordDenials, DenialEvent> = {
  category: 'denial',
  initial: () => ({ batch: 0 }),
  decide,
  evolve: (_log, event) => ({ batch: event.data.batch }),
}

/** Stream n of a run, from 1. */
export const denialStreamId = (runId: string, n: number): string => `${runId}-${n}`
