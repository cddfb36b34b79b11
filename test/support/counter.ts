/** The smallest decider there is, for tests of the spine: a counter that may not pass ten. */
import { z } from 'zod'
import type { Decider } from '../../src/domain/decider.ts'
import { event, type EventsOf } from '../../src/domain/event.ts'
import { clear, personal } from '../../src/domain/personal.ts'
import { Refusal } from '../../src/domain/refusal.ts'

export const counterEvents = {
  CounterRaised: event('A counter was raised.', {
    by: clear(z.int()),
    owner: clear(z.exactOptional(z.string())),
    note: z.exactOptional(personal(z.string(), 'owner')),
  }),
}
type CounterEvent = EventsOf<typeof counterEvents>
export interface Counter {
  readonly total: number
  readonly notes: readonly unknown[]
}
export type CounterCommand = { type: 'Raise'; by: number; max?: number; note?: string }

export const counter: Decider<Counter, CounterCommand, CounterEvent> = {
  category: 'counter',
  initial: () => ({ total: 0, notes: [] }),
  decide({ by, max = Number.POSITIVE_INFINITY, note }, { total }) {
    if (by === 0) return []
    if (total + by > max) throw new Refusal('insufficient_credit', { total })
    return [
      {
        type: 'CounterRaised',
        data: { by, ...(note === undefined ? {} : { owner: 'usr_1', note }) },
      },
    ]
  },
  evolve: (state, { data }) => ({
    total: state.total + data.by,
    notes: data.note === undefined ? state.notes : [...state.notes, data.note],
  }),
  snapshot: {
    version: 1,
    toJson: (state) => state,
    fromJson: (json) => json as Counter,
  },
}
