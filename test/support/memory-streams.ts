/**
 * Streams in memory, for tests that run a flow some thousand times: decided and folded by the very
 * deciders, without a store. `dieAfter` lets the process die before its next append after so many.
 */
import { createIds } from '../../src/adapters/ids.ts'
import type { Root } from '../../src/commands/context.ts'
import type { Deps } from '../../src/commands/deps.ts'
import type { Streams } from '../../src/commands/streams.ts'
import { type Decider, type DomainEvent, streamName } from '../../src/domain/decider.ts'

export class Killed extends Error {}

type AnyDecider = Decider<unknown, unknown, DomainEvent>
interface Stream {
  state: unknown
  readonly events: DomainEvent[]
}

export function createMemory(): {
  readonly deps: Pick<Deps, 'streams' | 'ids'>
  /** What was written to a stream. */
  readonly eventsOf: <S, C, E extends DomainEvent>(
    decider: Decider<S, C, E>,
    id: string,
  ) => readonly E[]
  dieAfter(appends: number): void
  live(): void
  readonly appends: number
} {
  const all = new Map<string, Stream>()
  let appends = 0
  let left = Number.POSITIVE_INFINITY
  const streamOf = (decider: AnyDecider, id: string): Stream => {
    const name = streamName(decider.category, id)
    const known = all.get(name)
    if (known) return known
    const made = { state: decider.initial(), events: [] }
    all.set(name, made)
    return made
  }
  const loaded = ({ state, events }: Stream) => ({
    state,
    revision: events.length - 1,
    keyed: new Map(),
  })
  const streams = {
    transact(decider: AnyDecider, id: string, command: unknown) {
      const stream = streamOf(decider, id)
      const events = decider.decide(command, stream.state)
      if (events.length > 0) {
        if (left <= 0) throw new Killed()
        left--
        appends++
      }
      for (const event of events) stream.state = decider.evolve(stream.state, event)
      stream.events.push(...events)
      const position = events.length > 0 ? BigInt(appends) : undefined
      return Promise.resolve({ ...loaded(stream), events, position, duplicate: false })
    },
    load: (decider: AnyDecider, id: string) => Promise.resolve(loaded(streamOf(decider, id))),
    loadCurrent: (decider: AnyDecider, id: string) =>
      Promise.resolve(loaded(streamOf(decider, id))),
    revision(name: string) {
      const { length } = all.get(name)?.events ?? []
      return Promise.resolve(length > 0 ? length - 1 : undefined)
    },
  }
  return {
    // What a flow under test uses of them.
    deps: { streams: streams as unknown as Streams, ids: createIds() },
    eventsOf: <S, C, E extends DomainEvent>(decider: Decider<S, C, E>, id: string) =>
      (all.get(streamName(decider.category, id))?.events ?? []) as unknown as readonly E[],
    dieAfter(count) {
      left = count
    },
    live() {
      left = Number.POSITIVE_INFINITY
    },
    get appends() {
      return appends
    },
  }
}

/** What a worker does because of a message: the same message again is the same root. */
export const rootOf = (cause: string, at: string): Root => ({
  id: createIds().derive('5b1d6d1e-2f0c-4c52-9d5a-7f3f0a8c9e11', cause),
  actor: { kind: 'system', name: 'test' },
  at,
  correlationId: cause,
  causationId: cause,
})
