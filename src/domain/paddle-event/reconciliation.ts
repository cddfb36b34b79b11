/**
 * How far Paddle's own list of events was read, and what was found to differ. Reading again without
 * finding anything says nothing new.
 */
import type { Decider } from '../decider.ts'
import type { PaddleReconciliationEvent } from './events.ts'

export interface Reconciliation {
  /** The last event that was read; undefined: nothing was read yet. */
  readonly cursor: string | undefined
  /** When that was. */
  readonly reachedAt: string | undefined
  /** The messages that were made of differing states. */
  readonly told: ReadonlySet<string>
}

export type ReconciliationCommand =
  | {
      readonly type: 'Reach'
      readonly cursor: string
      readonly read: number
      readonly missed: number
      readonly at: string
    }
  | {
      readonly type: 'DetectDrift'
      readonly entityId: string
      readonly eventId: string
      readonly differences: readonly string[]
      readonly at: string
    }

/** There is one list, so one stream. */
export const RECONCILIATION = 'paddle'
const MAX_DIFFERENCES = 20
const MAX_DIFFERENCE = 200

function decide(
  command: ReconciliationCommand,
  state: Reconciliation,
): readonly PaddleReconciliationEvent[] {
  switch (command.type) {
    case 'Reach': {
      const { type: _type, ...data } = command
      return data.cursor !== state.cursor ? [{ type: 'ReconciliationReached', data }] : []
    }
    case 'DetectDrift': {
      const { type: _type, differences, ...data } = command
      if (state.told.has(data.eventId)) return []
      const shown = differences.slice(0, MAX_DIFFERENCES).map((one) => one.slice(0, MAX_DIFFERENCE))
      return [{ type: 'PaddleDriftDetected', data: { ...data, differences: shown } }]
    }
  }
}

function evolve(state: Reconciliation, { type, data }: PaddleReconciliationEvent): Reconciliation {
  switch (type) {
    case 'ReconciliationReached':
      return { ...state, cursor: data.cursor, reachedAt: data.at }
    case 'PaddleDriftDetected':
      return { ...state, told: new Set(state.told).add(data.eventId) }
  }
}

export const reconciliation: Decider<
  Reconciliation,
  ReconciliationCommand,
  PaddleReconciliationEvent
> = {
  category: 'paddleReconciliation',
  initial: () => ({ cursor: undefined, reachedAt: undefined, told: new Set() }),
  decide,
  evolve,
}
