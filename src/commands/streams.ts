/**
 * The spine: read a stream, fold it, decide, append at the revision read. On a conflict read the tail
 * and decide again. Commands on one stream run through that stream's lane (lane.ts), so a hot account
 * does not fight with itself. The folded state of recent streams is kept (bounded) and never trusted
 * for a decision without the revision check of the append.
 */
import type { Decider, DomainEvent } from '../domain/decider.ts'
import { streamName } from '../domain/decider.ts'
import { Refusal } from '../domain/refusal.ts'
import type { EventStore, Position, StoredEvent } from '../ports/event-store.ts'
import type { Logger } from '../ports/logger.ts'
import type { SnapshotStore } from '../ports/view-store.ts'
import type { CommandContext } from './context.ts'
import type { EventCodec, ReadEvent } from './event-codec.ts'
import {
  createLanes,
  type KeyedCommand,
  type Loaded,
  type TransactOptions,
  type Transacted,
} from './lane.ts'

export { type Loaded, PreconditionFailed, type Transacted } from './lane.ts'

const PAGE = 1_000
const CACHED_STREAMS = 5_000
/**
 * A snapshot is written when this many events came after the last one: so many are folded in some ten
 * milliseconds, and the snapshot of a hot account is large.
 */
const SNAPSHOT_EVERY = 5_000

export interface Streams {
  transact<S, C, E extends DomainEvent>(
    decider: Decider<S, C, E>,
    id: string,
    command: C,
    context: CommandContext,
    options?: TransactOptions,
  ): Promise<Transacted<S, E>>
  /** The stream's state now, as this process knows it (see `observe`). */
  load<S, C, E extends DomainEvent>(decider: Decider<S, C, E>, id: string): Promise<Loaded<S>>
  /** As the log has it, whatever this process has heard. */
  loadCurrent<S, C, E extends DomainEvent>(
    decider: Decider<S, C, E>,
    id: string,
  ): Promise<Loaded<S>>
  /** @throws what the stream refuses the command with now; writes nothing. */
  check<S, C, E extends DomainEvent>(
    decider: Decider<S, C, E>,
    id: string,
    command: C,
  ): Promise<void>
  /** Every event of a stream, opened. */
  read(stream: string): Promise<ReadEvent[]>
  /** One event of a stream, opened; undefined where the stream is shorter. */
  readOne(stream: string, revision: number): Promise<ReadEvent | undefined>
  /** Events of a stream as projections see them: classed fields stay sealed. */
  sealed(stream: string, options: { after?: number; limit: number }): Promise<StoredEvent[]>
  /** Revision of a stream's last event; undefined where there is none. */
  revision(stream: string): Promise<number | undefined>
  /** Told of what is in the log, by whoever wrote it: what is kept of a stream must not stay behind. */
  observe(events: readonly StoredEvent[]): void
  /** Forgets folded states (after an erasure: they may hold values in clear). */
  forget(): void
  /** Position of the last event that this process has written. */
  lastWritten(): Position
}

interface Kept extends Loaded<unknown> {
  /** The highest revision that is known to be in the log: above `revision`, what is kept is behind. */
  seen: number
  readonly snapshotAt: number
}

export interface StreamsDeps {
  readonly events: EventStore
  readonly snapshots: SnapshotStore
  readonly codec: EventCodec
  readonly logger: Logger
  /** No other process writes: what is kept is current. */
  readonly alone?: boolean
}

export function createStreams(deps: StreamsDeps): Streams {
  const { events, codec, alone = false } = deps
  const cache = new Map<string, Kept>()
  const loading = new Map<string, Promise<Loaded<unknown>>>()
  /** The highest revision that was seen of a stream while it was being read. */
  const seenWhileLoading = new Map<string, number>()
  let lastWritten: Position = -1n

  function keep(stream: string, loaded: Loaded<unknown>, snapshotAt: number) {
    // A slow reader must not put back an older state than a commit has left.
    const before = cache.get(stream)
    if (loaded.revision < (before?.revision ?? -1)) return
    // The answer to an append, or to a read, may come after the news of what was written behind it.
    const seen = Math.max(before?.seen ?? -1, seenWhileLoading.get(stream) ?? -1)
    cache.delete(stream)
    cache.set(stream, { ...loaded, seen, snapshotAt })
    if (cache.size > CACHED_STREAMS) {
      const oldest = cache.keys().next()
      if (!oldest.done) cache.delete(oldest.value)
    }
  }

  async function foldTail<S, C, E extends DomainEvent>(
    decider: Decider<S, C, E>,
    stream: string,
    from: Loaded<S>,
  ): Promise<Loaded<S>> {
    let { state, revision } = from
    const keyed = new Map(from.keyed)
    for (;;) {
      const page = await events.readStream(
        stream,
        revision < 0 ? { limit: PAGE } : { after: revision, limit: PAGE },
      )
      for (const stored of page) {
        const event = await codec.open(stored)
        // The catalogue guarantees that a category's stream holds that category's events only.
        state = decider.evolve(state, event as unknown as E)
        revision = stored.revision
        remember(keyed, stored)
      }
      if (page.length < PAGE) return { state, revision, keyed }
    }
  }

  async function loadFresh<S, C, E extends DomainEvent>(
    decider: Decider<S, C, E>,
    stream: string,
  ): Promise<Loaded<S>> {
    const known = cache.get(stream) as (Loaded<S> & { snapshotAt: number }) | undefined
    let start: Loaded<S> = known ?? { state: decider.initial(), revision: -1, keyed: new Map() }
    let snapshotAt = known?.snapshotAt ?? -1
    if (!known && decider.snapshot) {
      const snapshot = await deps.snapshots.load(stream, decider.snapshot.version)
      if (snapshot) {
        start = fromSnapshot(decider.snapshot, snapshot)
        snapshotAt = snapshot.revision
      }
    }
    const loaded = await foldTail(decider, stream, start)
    keep(stream, loaded, snapshotAt)
    return loaded
  }

  async function load<S, C, E extends DomainEvent>(
    decider: Decider<S, C, E>,
    id: string,
  ): Promise<Loaded<S>> {
    const stream = streamName(decider.category, id)
    const known = cache.get(stream)
    if (!known || known.seen > known.revision) return readTail(decider, stream)
    // What was used last goes last.
    cache.delete(stream)
    cache.set(stream, known)
    return known as Loaded<S>
  }

  /** One read at a time, for everybody who asks meanwhile. */
  function readTail<S, C, E extends DomainEvent>(
    decider: Decider<S, C, E>,
    stream: string,
  ): Promise<Loaded<S>> {
    const running = loading.get(stream)
    if (running) return running as Promise<Loaded<S>>
    const promise = loadFresh(decider, stream).finally(() => {
      loading.delete(stream)
      seenWhileLoading.delete(stream)
    })
    loading.set(stream, promise)
    return promise
  }

  async function loadCurrent<S, C, E extends DomainEvent>(
    decider: Decider<S, C, E>,
    id: string,
  ): Promise<Loaded<S>> {
    const stream = streamName(decider.category, id)
    // A read that has begun before may have looked before the change.
    await loading.get(stream)?.catch(() => undefined)
    return readTail(decider, stream)
  }

  /** After a commit: the new state is kept, and now and then written as a snapshot. */
  function committed<S>(
    decider: Pick<Decider<S, never, never>, 'snapshot'>,
    stream: string,
    loaded: Loaded<S>,
    position: Position,
  ) {
    if (position > lastWritten) lastWritten = position
    const before = cache.get(stream)
    // It went from the cache meanwhile, and with it the news of what others wrote: the next look reads it.
    if (!before) return
    const { snapshotAt } = before
    const due = decider.snapshot && loaded.revision - snapshotAt >= SNAPSHOT_EVERY
    keep(stream, loaded, due ? loaded.revision : snapshotAt)
    if (!due || !decider.snapshot) return
    deps.snapshots
      .save(stream, decider.snapshot.version, loaded.revision, toSnapshot(decider.snapshot, loaded))
      .catch((error: unknown) => deps.logger.warn({ stream, error }, 'snapshot not written'))
  }

  const lanes = createLanes({
    append: (stream, expected, batch) => events.append(stream, expected, batch),
    encode: codec.encode,
    load,
    loadCurrent,
    alone,
    committed,
  })

  return {
    transact: lanes.transact,
    load,
    loadCurrent,
    async check(decider, id, command) {
      const { state } = await load(decider, id)
      try {
        decider.decide(command, state)
      } catch (error) {
        if (alone || !(error instanceof Refusal)) throw error
        decider.decide(command, (await loadCurrent(decider, id)).state)
      }
    },
    async read(stream) {
      const all: ReadEvent[] = []
      for (let after: number | undefined; ;) {
        const page = await events.readStream(
          stream,
          after === undefined ? { limit: PAGE } : { after, limit: PAGE },
        )
        for (const stored of page) all.push(await codec.open(stored))
        after = page.at(-1)?.revision
        if (page.length < PAGE) return all
      }
    },
    async readOne(stream, revision) {
      const options = revision > 0 ? { after: revision - 1, limit: 1 } : { limit: 1 }
      const [stored] = await events.readStream(stream, options)
      return stored && codec.open(stored)
    },
    sealed: async (stream, options) =>
      (await events.readStream(stream, options)).map((event) => codec.upcast(event)),
    revision: (stream) => events.revision(stream),
    observe(observed) {
      for (const event of observed) {
        const known = cache.get(event.stream)
        if (known) known.seen = Math.max(known.seen, event.revision)
        if (loading.has(event.stream)) seenWhileLoading.set(event.stream, event.revision)
      }
    },
    forget: () => cache.clear(),
    lastWritten: () => lastWritten,
  }
}

/** A stored event of a command that came with a key is remembered by its commandId. */
export function remember(keyed: Map<string, KeyedCommand>, stored: StoredEvent): void {
  const { commandId, digest } = stored.metadata
  if (digest !== undefined)
    keyed.set(commandId, {
      digest,
      revision: stored.revision,
      position: stored.position.toString(),
    })
}

type Snapshot<S> = NonNullable<Decider<S, never, never>['snapshot']>

const toSnapshot = <S>(snapshot: Snapshot<S>, loaded: Loaded<S>): unknown => ({
  state: snapshot.toJson(loaded.state),
  keyed: [...loaded.keyed],
})

function fromSnapshot<S>(
  snapshot: Snapshot<S>,
  stored: { revision: number; state: unknown },
): Loaded<S> {
  // Written by toSnapshot of the same version.
  const json = stored.state as { state: unknown; keyed: [string, KeyedCommand][] }
  return {
    state: snapshot.fromJson(json.state),
    revision: stored.revision,
    keyed: new Map(json.keyed),
  }
}
