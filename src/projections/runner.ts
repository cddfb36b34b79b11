/**
 * Feeds every projection from one subscription, so that every view passes every position and a reader
 * never waits for a filter. A projection that throws stops alone and says so in readiness; nothing is
 * skipped. A rebuild fills the next generation beside the served one, then switches.
 *
 * Where several processes share the views, the one with the lead projects and the others look on
 * (served.ts). Two that project at once, for a moment, only do the work twice.
 */
import type { EventStore, Position, StoredEvent } from '../ports/event-store.ts'
import { BEFORE_ALL } from '../ports/event-store.ts'
import type { Logger } from '../ports/logger.ts'
import type { ViewBatch, ViewCollection, ViewStore } from '../ports/view-store.ts'
import { ViewRemoved } from '../ports/view-store.ts'
import { folded } from './fold.ts'
import type { AnyProjection } from './projection.ts'
import { passes, said } from './failures.ts'
import { pause } from './pause.ts'
import { dropEarlier, fillGeneration, type OnProgress, rebuiltElsewhere } from './rebuild.ts'
import { createServed, generations, lookFirst, sameView, type StoredView } from './served.ts'
import { type Verified, verifyViews } from './verify.ts'
import { physical, type Views } from './views.ts'

const PAGE = 1_000
/** Before a batch, unless somebody waits: what comes meanwhile is folded together. */
const REST_MS = 20
const TEND_EVERY_MS = 1_000
/** Whoever reads an earlier generation has heard of the next one by then. */
const EARLIER_READ_WITHIN_MS = 10_000
/** A rolling update is over by then: what only an older release reads may go. */
const OLD_RELEASES_END_WITHIN_MS = 60 * 60_000

export interface ProjectionStatus {
  readonly name: string
  readonly version: number
  readonly generation: number
  readonly checkpoint: Position
  /** Why it stands still, in words for anybody (what a driver threw is only logged); undefined while it runs. */
  readonly stopped: string | undefined
}

export interface Runner {
  readonly views: Views
  /**
   * Alone: catches up with the log, then follows it; resolves when the views have caught up. Sharing: reading
   * fails until they have, whoever brings them there.
   * @throws StoreRefused where the views are ahead of the log
   */
  start(): Promise<void>
  stop(): Promise<void>
  status(): readonly ProjectionStatus[]
  /** Fills the next generation from the whole log, then serves it instead. */
  rebuild(name: string, onProgress?: OnProgress): Promise<void>
  /** Compares the documents of every view that runs with a fresh replay, byte for byte. */
  verify(onProgress?: OnProgress): Promise<readonly Verified[]>
  /** Told of every batch, in order, after the views of this process have it (reactions, caches). */
  onEvents(listener: (events: readonly StoredEvent[]) => void): void
}

export interface RunnerDeps {
  readonly events: EventStore
  readonly store: ViewStore
  readonly projections: readonly AnyProjection[]
  readonly upcast: (event: StoredEvent) => StoredEvent
  readonly logger: Logger
  /** Several processes share the views; undefined: this one is alone. */
  readonly sharing?: Sharing
}

export interface Sharing {
  /** Projects while this process has the lead. undefined: it never does. */
  readonly lead: Lead | undefined
}
/** Runs `work` whenever, and for as long as, this process has the lead. */
export type Lead = (work: (signal: AbortSignal) => Promise<void>) => { stop(): Promise<void> }

interface Running {
  readonly projection: AnyProjection
  target: ViewCollection
  generation: number
  checkpoint: Position
  stopped: string | undefined
  /** It was in the store when somebody last looked. */
  listed: boolean
}

export function createRunner(deps: RunnerDeps): Runner {
  const { events, store, projections, logger } = deps
  const running = new Map<string, Running>()
  const served = createServed({ store, projections, logger, sharing: deps.sharing !== undefined })
  const { progress } = served
  const listeners: ((events: readonly StoredEvent[]) => void)[] = []
  const abort = new AbortController()
  /** Batches and switches of generation never overlap. */
  let turn: Promise<void> = Promise.resolve()
  let following: Promise<void> = Promise.resolve()
  let leading: { stop(): Promise<void> } | undefined
  /** The lead's round ends when what it writes to is gone or no longer served; the next begins anew. */
  let round = { lost: new AbortController(), registeredAt: Number.POSITIVE_INFINITY }
  /** Why nothing is projected here: an event of a newer release, say. */
  let refused: string | undefined
  /** One at a time. */
  let rebuilding: Promise<void> = Promise.resolve()
  let switching = false
  /** When the generations go that a rebuild has replaced. */
  let dropAt = Number.POSITIVE_INFINITY
  /** One verification at a time: each reads the whole log. */
  let verifying: Promise<readonly Verified[]> = Promise.resolve([])

  const targets = () => [...running.values()].map(({ target }) => target)

  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = turn.then(work)
    turn = result.then(
      () => undefined,
      () => undefined,
    )
    return result
  }

  /** Where each projection goes on. Answers the position that all of them have passed. */
  function register(stored: readonly StoredView[], head: Position): Position {
    running.clear()
    refused = undefined
    let after = head
    for (const projection of projections) {
      const { target, generation, checkpoint } = served.of(projection.name)
      running.set(projection.name, {
        projection,
        target,
        generation,
        checkpoint,
        stopped: undefined,
        listed: stored.some((one) => sameView(one, target)),
      })
      if (checkpoint < after) after = checkpoint
    }
    return after
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

  /** A projection that cannot go on stands still; a store that is away is tried again by whoever called. */
  function stop(one: Running, error: unknown): void {
    if (deps.sharing && passes(error)) throw error
    one.stopped = said(error, one.checkpoint)
    logger.error(
      { projection: one.projection.name, after: String(one.checkpoint), error },
      'projection stopped',
    )
  }

  async function applyBatch(batch: readonly StoredEvent[]): Promise<void> {
    const last = batch.at(-1)?.position
    if (last === undefined) return
    const upcasted = batch.map(deps.upcast)
    const folds = [...running.values()].map(async (one) => {
      const made = await foldFor(one, upcasted, last)
      return made ? [{ one, made }] : []
    })
    const results = (await Promise.all(folds)).flat()
    try {
      await store.putMany(results.map(({ made }) => made))
    } catch (error) {
      if (deps.sharing && passes(error)) throw error
      // One by one, so that only those stop whose documents cannot be stored.
      for (const { one, made } of results)
        await store.putMany([made]).catch((reason: unknown) => stop(one, reason))
    }
    if (deps.sharing) await store.putMany([served.mark(last, running.values())])
    for (const { one } of results) {
      if (one.stopped !== undefined) continue
      one.checkpoint = last
      one.listed = true
    }
    for (const listener of listeners) listener(upcasted)
    progress.advance(last)
  }

  async function follow(after: Position, signal: AbortSignal): Promise<void> {
    for await (const batch of events.subscribe({ after, signal })) {
      // Under load a batch costs the same for one event as for fifty, and a request that runs should not
      // wait for the views of its own first event; a reader who waits ends the rest.
      if (batch.length < PAGE) await progress.rest(REST_MS, signal)
      await inTurn(() => applyBatch(batch))
      if (signal.aborted) return
    }
  }

  const dropOlder = (alsoVersions: boolean) => dropEarlier(store, running, alsoVersions)

  const refuse = (error: unknown): void => {
    logger.error({ error }, 'the log can no longer be followed')
    refused = said(error, progress.position())
  }

  async function startAlone(): Promise<void> {
    const { stored, head } = await lookFirst(deps, served)
    served.require(BEFORE_ALL)
    const after = register(stored, head)
    for (const { projection, generation } of running.values())
      for (const unfinished of generations(projection, stored))
        if (unfinished.generation > generation) await store.drop(unfinished)
    progress.advance(after)
    served.leading(true)
    following = follow(after, abort.signal).catch(refuse)
    while (!(await Promise.race([progress.passed(head, 1_000), following.then(() => true)])))
      logger.info({ position: String(progress.position()), head: String(head) }, 'catching up')
    await dropOlder(true)
  }

  async function startSharing({ lead }: Sharing): Promise<void> {
    const { head } = await lookFirst(deps, served)
    served.require(head)
    following = served.follow(abort.signal, ({ stored, begun }) => {
      if (begun > round.registeredAt && isLost(stored)) round.lost.abort()
    })
    leading = lead?.(project)
  }

  /** A view that was there is no longer; or never came to be there, and cannot be written. */
  function isLost(stored: readonly StoredView[]): boolean {
    let lost = false
    for (const one of running.values()) {
      const listed = stored.some((view) => sameView(view, one.target))
      if (!listed && (one.listed || one.stopped !== undefined)) lost = true
      // Another process's rebuild, which may have died before anything else told of it.
      if (!switching && served.of(one.projection.name).generation > one.generation) lost = true
      one.listed = listed
    }
    return lost
  }

  /**
   * Projects until `signal` aborts, whatever becomes of the stores meanwhile. Ends by itself where it
   * cannot read the log: then the lead is another process's, which may be of a newer release.
   */
  async function project(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted;) {
      round = { lost: new AbortController(), registeredAt: Number.POSITIVE_INFINITY }
      try {
        await projectOnce(AbortSignal.any([signal, round.lost.signal]))
        if (round.lost.signal.aborted) served.lost()
        failures = 0
      } catch (error) {
        if (!passes(error)) {
          refuse(error)
          break
        }
        if (error instanceof ViewRemoved) served.lost()
        logger.warn({ error }, 'projecting waits for a store')
        await pause(Math.min(250 * 2 ** failures++, 5_000), signal)
      }
    }
    running.clear()
  }

  /** One round: until `signal` aborts, a store is away, or the log cannot be read. */
  async function projectOnce(signal: AbortSignal): Promise<void> {
    const { stored, head } = await lookFirst(deps, served)
    const after = register(stored, head)
    // Whatever the store remembers of earlier rounds ends here.
    for (const view of [...served.own, ...targets()]) await store.checkpoint(view)
    round.registeredAt = performance.now()
    served.leading(true)
    await store.putMany([served.mark(after, running.values())])
    progress.advance(after)
    const over = new AbortController()
    const tended = tend(AbortSignal.any([signal, over.signal]))
    try {
      await follow(after, signal)
    } finally {
      over.abort()
      served.leading(false)
      await tended
    }
  }

  /** What else whoever has the lead does: rebuilds what others ask for, drops what nobody reads. */
  async function tend(signal: AbortSignal): Promise<void> {
    for (let old = performance.now() + OLD_RELEASES_END_WITHIN_MS; !signal.aborted;) {
      await pause(TEND_EVERY_MS, signal)
      if (signal.aborted) return
      try {
        for (const name of await served.wishes()) if (!signal.aborted) await rebuildHere(name)
        if (performance.now() > dropAt) {
          dropAt = Number.POSITIVE_INFINITY
          await dropOlder(false)
        }
        if (performance.now() < old) continue
        await dropOlder(true)
        old = Number.POSITIVE_INFINITY
      } catch (error) {
        logger.warn({ error }, 'the views could not be tended')
      }
    }
  }

  function rebuildHere(name: string, onProgress?: OnProgress): Promise<void> {
    const rebuilt = rebuilding.then(() => rebuildNow(name, onProgress))
    rebuilding = rebuilt.catch(() => undefined)
    return rebuilt
  }

  async function rebuildNow(name: string, onProgress?: OnProgress): Promise<void> {
    const one = running.get(name)
    if (!one) throw new Error(`no projection is called ${name}`)
    // Above all that exist: what a crash has left half filled is never filled on.
    const existing = generations(one.projection, await store.collections())
    const generation = Math.max(one.generation, ...existing.map((left) => left.generation)) + 1
    const target = physical(one.projection, generation)
    const head = await events.head()
    const filling = fillGeneration(deps, one.projection, target, (position) =>
      onProgress?.(position < head ? position : head, head),
    )
    await filling.toTheEnd()
    await inTurn(async () => {
      // What came meanwhile; the served views stand still for this moment.
      await filling.toTheEnd()
      switching = true
      await served.publish(one.projection, generation).finally(() => (switching = false))
      one.target = target
      one.generation = generation
      one.checkpoint = filling.position()
      one.stopped = undefined
      served.set(name, one)
    })
    if (deps.sharing) dropAt = performance.now() + EARLIER_READ_WITHIN_MS
    else await dropOlder(false)
    onProgress?.(head, head)
  }

  return {
    views: served.views,
    start: () => (deps.sharing ? startSharing(deps.sharing) : startAlone()),
    async stop() {
      await leading?.stop()
      abort.abort()
      await following
      await turn
    },
    status: () =>
      running.size > 0
        ? [...running.values()].map(({ projection, generation, checkpoint, stopped }) => ({
            name: projection.name,
            version: projection.version,
            generation,
            checkpoint,
            stopped: stopped ?? refused,
          }))
        : projections.map((projection) => {
            const { generation, checkpoint } = served.of(projection.name)
            const { name, version } = projection
            const stopped = refused ?? served.stopped(name)
            return { name, version, generation, checkpoint, stopped }
          }),
    rebuild: (name, onProgress) =>
      running.size > 0
        ? rebuildHere(name, onProgress)
        : rebuiltElsewhere({ ...deps, served, signal: abort.signal }, name, onProgress),
    verify(onProgress) {
      const work = () =>
        verifyViews({
          ...deps,
          projections: projections.filter(({ name }) => running.get(name)?.stopped === undefined),
          served: (name) => running.get(name)?.target ?? served.of(name).target,
          passed: (position, timeoutMs) => progress.passed(position, timeoutMs),
          onProgress,
        })
      const verified = verifying.then(work, work)
      verifying = verified
      return verified
    },
    onEvents: (listener) => listeners.push(listener),
  }
}
