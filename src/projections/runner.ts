/**
 * Feeds every projection from one subscription, so that every view passes every position and a reader
 * never waits for a filter. A projection that throws stops alone and says so in readiness; nothing is
 * skipped. A rebuild fills the next generation beside the served one, then switches.
 */
import type { EventStore, Position, StoredEvent } from '../ports/event-store.ts'
import { BEFORE_ALL } from '../ports/event-store.ts'
import type { Logger } from '../ports/logger.ts'
import type { ViewBatch, ViewCollection, ViewStore } from '../ports/view-store.ts'
import { foldBatch, folded } from './fold.ts'
import type { AnyProjection } from './projection.ts'
import { type Verified, verifyViews } from './verify.ts'
import { createProgress, createViews, generationOf, physical, type Views } from './views.ts'

const PAGE = 1_000
/** Before a batch, unless somebody waits: what comes meanwhile is folded together. */
const REST_MS = 20

export interface ProjectionStatus {
  readonly name: string
  readonly version: number
  readonly generation: number
  readonly checkpoint: Position
  /** Why it stands still; undefined while it runs. */
  readonly stopped: string | undefined
}

export interface Runner {
  readonly views: Views
  /** Catches up with the log, then follows it. Resolves when the views have caught up. */
  start(): Promise<void>
  stop(): Promise<void>
  status(): readonly ProjectionStatus[]
  /** Fills the next generation from the whole log, then serves it instead. */
  rebuild(name: string, onProgress?: (done: Position, head: Position) => void): Promise<void>
  /** Compares the documents of every view that runs with a fresh replay, byte for byte. */
  verify(onProgress?: (done: Position, head: Position) => void): Promise<readonly Verified[]>
  /** Told of every batch, in order, after the views have it (reactions, caches). */
  onEvents(listener: (events: readonly StoredEvent[]) => void): void
}

export interface RunnerDeps {
  readonly events: EventStore
  readonly store: ViewStore
  readonly projections: readonly AnyProjection[]
  readonly upcast: (event: StoredEvent) => StoredEvent
  readonly logger: Logger
}

type StoredView = Awaited<ReturnType<ViewStore['collections']>>[number]

interface Running {
  readonly projection: AnyProjection
  target: ViewCollection
  generation: number
  checkpoint: Position
  stopped: string | undefined
}

export function createRunner(deps: RunnerDeps): Runner {
  const { events, store } = deps
  const running = new Map<string, Running>()
  const served = new Map<string, ViewCollection>()
  const progress = createProgress()
  const listeners: ((events: readonly StoredEvent[]) => void)[] = []
  const abort = new AbortController()
  /** Batches and switches of generation never overlap. */
  let turn: Promise<void> = Promise.resolve()
  let following: Promise<void> = Promise.resolve()
  /** One verification at a time: they share collections. */
  let verifying: Promise<readonly Verified[]> = Promise.resolve([])

  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = turn.then(work)
    turn = result.then(
      () => undefined,
      () => undefined,
    )
    return result
  }

  async function register(
    projection: AnyProjection,
    stored: readonly StoredView[],
    head: Position,
  ): Promise<void> {
    const generations = stored
      .filter(({ name }) => name === projection.name)
      .map((stored) => ({ ...stored, generation: generationOf(projection, stored.version) }))
      .filter((stored) => stored.generation !== undefined)
      .sort((a, b) => a.version - b.version)
    // The lowest is the one that was served: a higher one is a rebuild that did not come to its end.
    const generation = generations[0]?.generation ?? 0
    const target = physical(projection, generation)
    const checkpoint = (await store.checkpoint(target)) ?? BEFORE_ALL
    if (checkpoint > head)
      throw new Error(
        `the view ${projection.name} is ahead of the log (${checkpoint} > ${head}): this is another ` +
          'log, or the log was restored from an older backup; delete the views, they are rebuilt',
      )
    for (const stale of generations.slice(1))
      await store.drop({ name: projection.name, version: stale.version })
    running.set(projection.name, { projection, target, generation, checkpoint, stopped: undefined })
    served.set(projection.name, target)
  }

  /** What the batch makes of one view; undefined where it has seen it, or stands still. */
  async function foldFor(
    one: Running,
    batch: readonly StoredEvent[],
    last: Position,
  ): Promise<ViewBatch | undefined> {
    if (one.stopped !== undefined || last <= one.checkpoint) return undefined
    const first = batch[0]
    const fresh =
      first && first.position > one.checkpoint
        ? batch
        : batch.filter((event) => event.position > one.checkpoint)
    try {
      return await folded(store, one.projection, one.target, fresh, last)
    } catch (error) {
      stop(one, error)
      return undefined
    }
  }

  function stop(one: Running, error: unknown): void {
    one.stopped = error instanceof Error ? error.message : String(error)
    deps.logger.error(
      { projection: one.projection.name, after: String(one.checkpoint), error },
      'projection stopped',
    )
  }

  async function applyBatch(batch: readonly StoredEvent[]): Promise<void> {
    const last = batch.at(-1)?.position
    if (last === undefined) return
    const upcasted = batch.map(deps.upcast)
    const results: { readonly one: Running; readonly made: ViewBatch }[] = []
    for (const one of running.values()) {
      const made = await foldFor(one, upcasted, last)
      if (made) results.push({ one, made })
    }
    try {
      await store.putMany(results.map(({ made }) => made))
    } catch {
      // One by one, so that only those stop whose documents cannot be stored.
      for (const { one, made } of results)
        await store.putMany([made]).catch((error: unknown) => stop(one, error))
    }
    for (const { one } of results) if (one.stopped === undefined) one.checkpoint = last
    for (const listener of listeners) listener(upcasted)
    progress.advance(last)
  }

  async function follow(after: Position): Promise<void> {
    for await (const batch of events.subscribe({ after, signal: abort.signal })) {
      // Under load a batch costs the same for one event as for fifty, and a request that runs should not
      // wait for the views of its own first event; a reader who waits ends the rest.
      if (batch.length < PAGE) await progress.rest(REST_MS)
      await inTurn(() => applyBatch(batch))
    }
  }

  async function dropOlder(): Promise<void> {
    for (const { name, version } of await store.collections()) {
      const one = running.get(name)
      if (one && version < one.target.version) await store.drop({ name, version })
    }
  }

  async function start(): Promise<void> {
    const head = await events.head()
    const stored = await store.collections()
    for (const projection of deps.projections) await register(projection, stored, head)
    let after = head
    for (const one of running.values()) if (one.checkpoint < after) after = one.checkpoint
    progress.advance(after)
    following = follow(after).catch((error: unknown) => {
      deps.logger.error({ error }, 'the log can no longer be followed')
      for (const one of running.values()) one.stopped ??= 'the log can no longer be followed'
    })
    while (!(await Promise.race([progress.passed(head, 1_000), following.then(() => true)])))
      deps.logger.info({ position: String(progress.position()), head: String(head) }, 'catching up')
    await dropOlder()
  }

  async function rebuild(
    name: string,
    onProgress?: (done: Position, head: Position) => void,
  ): Promise<void> {
    const one = running.get(name)
    if (!one) throw new Error(`no projection is called ${name}`)
    const generation = one.generation + 1
    const target = physical(one.projection, generation)
    await store.drop(target)
    let position: Position = BEFORE_ALL
    const fill = async (): Promise<boolean> => {
      const page = await events.readAll({ after: position, limit: PAGE })
      const last = page.at(-1)
      if (!last) return false
      await foldBatch(store, one.projection, target, page.map(deps.upcast), last.position)
      position = last.position
      return page.length === PAGE
    }
    const head = await events.head()
    while (await fill()) onProgress?.(position, head)
    await inTurn(async () => {
      // What came meanwhile; the served views stand still for this moment.
      while (await fill());
      const old = one.target
      one.target = target
      one.generation = generation
      one.checkpoint = position
      one.stopped = undefined
      served.set(name, target)
      await store.drop(old)
    })
    onProgress?.(position, head)
  }

  return {
    views: createViews(store, served, progress),
    start,
    async stop() {
      abort.abort()
      await following
      await turn
    },
    status: () =>
      [...running.values()].map(({ projection, generation, checkpoint, stopped }) => ({
        name: projection.name,
        version: projection.version,
        generation,
        checkpoint,
        stopped,
      })),
    rebuild,
    verify(onProgress) {
      const work = () => {
        const going = [...running.values()].filter((one) => one.stopped === undefined)
        return verifyViews({ ...deps, served: going, inTurn, onProgress })
      }
      const verified = verifying.then(work, work)
      verifying = verified
      return verified
    },
    onEvents: (listener) => listeners.push(listener),
  }
}
