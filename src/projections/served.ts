/**
 * What readers see of the views: which generation of each is served, and how far they have come. Where
 * this process is alone, its runner says so. Where several share the views, whoever projects leaves a
 * mark in the view store and everybody looks for it: once a second, at once while somebody waits.
 *
 * Never shows views that were lost and are being rebuilt as if they were empty: reading them fails.
 */
import { BEFORE_ALL, type EventStore, type Position } from '../ports/event-store.ts'
import type { Logger } from '../ports/logger.ts'
import { StoreRefused } from '../ports/store-refused.ts'
import { Unavailable } from '../ports/unavailable.ts'
import type { ViewBatch, ViewCollection, ViewStore } from '../ports/view-store.ts'
import type { AnyProjection } from './projection.ts'
import {
  createProgress,
  createViews,
  generationOf,
  physical,
  type Progress,
  type Views,
} from './views.ts'
import { pause } from './pause.ts'

const LOOK_MS = 1_000
const LOOK_WHILE_WAITING_MS = 10
/** Views that are behind are not made slower by all who wait for them. */
const LONGEST_LOOK_WHILE_WAITING_MS = 100

/**
 * One document for each set of projections, written after everything that it speaks of: with the position the
 * generations in which it is, so that whoever waits for the one reads the other.
 */
const MARKS: ViewCollection = { name: 'views-passed', version: 1, indexes: {} }
interface Mark {
  readonly views: readonly Marked[]
}
interface Marked {
  readonly name: string
  readonly generation: number
  readonly stopped?: string
}
export interface Projected {
  readonly projection: AnyProjection
  readonly generation: number
  /** Why it stands still, in words for anybody. */
  readonly stopped: string | undefined
}
/** The generation that is served of a projection; its number is its position, so it never goes back. */
const SERVED: ViewCollection = { name: 'served-generations', version: 1, indexes: {} }
/** Generations that somebody without the lead wants replaced. */
const WISHES: ViewCollection = { name: 'rebuild-wishes', version: 1, indexes: {} }

export type StoredView = Awaited<ReturnType<ViewStore['collections']>>[number]

export interface Generation {
  readonly target: ViewCollection
  readonly generation: number
  readonly checkpoint: Position
}

export interface Served {
  readonly views: Views
  readonly progress: Progress
  /** What is kept beside the projections to serve them. */
  readonly own: readonly ViewCollection[]
  /** What is served of a projection, as this process last saw or said it. */
  of(name: string): Generation
  /** This process has moved on to another generation. */
  set(name: string, generation: Generation): void
  /** Tells every process, for ever, that this generation is served. */
  publish(projection: AnyProjection, generation: number): Promise<void>
  /** Reading fails until the views have passed this position. */
  require(position: Position): void
  /** The views are gone, or others are served: reading fails until they have come as far as was seen. */
  lost(): void
  /** This process projects, and knows better than any mark how far the views are. */
  leading(yes: boolean): void
  /** Looks now: every collection that exists. @throws Unavailable */
  look(): Promise<readonly StoredView[]>
  /** Looks again and again until `signal` aborts; tells what was found, and when the look began. */
  follow(signal: AbortSignal, onLook: (found: Look) => void): Promise<void>
  /** The mark that says how far the views have come, and in which generations. */
  mark(position: Position, views: Iterable<Projected>): ViewBatch
  /** Why a projection stands still where it is projected, as the mark has it. */
  stopped(name: string): string | undefined
  /** Asks whoever has the lead to rebuild what is served now. */
  wish(name: string): Promise<void>
  /** Names of the projections that somebody wants rebuilt. */
  wishes(): Promise<readonly string[]>
}

export interface Look {
  readonly stored: readonly StoredView[]
  readonly begun: number
}

export function createServed(deps: {
  readonly store: ViewStore
  readonly projections: readonly AnyProjection[]
  readonly logger: Logger
  /** Other processes project too, or somebody may empty the store. */
  readonly sharing: boolean
}): Served {
  const { store, projections, logger, sharing } = deps
  const served = new Map<string, Generation>()
  const progress = createProgress()
  /** Two releases may project different sets side by side: each has a mark of its own. */
  const markKey = projections.map(keyOf).sort().join(' ')
  let mark: Mark = { views: [] }
  let needed: Position | undefined
  let leading = false

  function of(name: string): Generation {
    const known = served.get(name)
    if (!known) throw new Error(`projection ${name} is not registered`)
    return known
  }

  function readable(name: string): ViewCollection {
    if (needed === undefined || progress.position() < needed)
      throw new Unavailable(
        'views',
        new Error(`at ${progress.position()} of ${needed ?? 'unknown'}`),
      )
    return of(name).target
  }

  async function marked(): Promise<Position> {
    // As of now: looks may overlap, and what another one sees meanwhile is no loss.
    const known = progress.position()
    const stored = await store.getMany(MARKS, [markKey])
    const found = stored.get(markKey)
    const position = found?.position ?? BEFORE_ALL
    if (!leading && position < known) lost()
    // Written by `mark`; that of an earlier release says nothing of its views.
    mark = { views: (found?.document as Partial<Mark> | undefined)?.views ?? [] }
    for (const one of mark.views) movedOn(one)
    return position
  }

  /** What the mark says is served by now; it never goes back. */
  function movedOn({ name, generation }: Marked): void {
    const known = served.get(name)
    const projection = projections.find((one) => one.name === name)
    if (leading || !known || !projection || generation <= known.generation) return
    const { checkpoint } = known
    served.set(name, { target: physical(projection, generation), generation, checkpoint })
  }

  /**
   * Views that were emptied a moment ago look as if nothing was ever there. The mark goes with them, so it is
   * read before anybody is told so.
   */
  async function assertThere(): Promise<void> {
    if (!sharing) return
    const known = progress.position()
    if ((await marked()) < known)
      throw new Unavailable('views', new Error(`they are not what was seen at ${known}`))
  }

  async function look(): Promise<readonly StoredView[]> {
    // First: as long as the rest takes, or where it fails, views that are gone would be read as empty.
    const position = await marked()
    const [stored, pointers] = await Promise.all([
      store.collections(),
      store.getMany(SERVED, projections.map(keyOf)),
    ])
    for (const projection of projections) {
      const existing = generations(projection, stored)
      const pointer = pointers.get(keyOf(projection))
      // Without a pointer nothing was ever rebuilt: what is above the lowest never came to its end.
      const generation = pointer ? Number(pointer.position) : (existing[0]?.generation ?? 0)
      const checkpoint = existing.find((one) => one.generation === generation)?.checkpoint
      served.set(projection.name, {
        target: physical(projection, generation),
        generation,
        checkpoint: checkpoint ?? BEFORE_ALL,
      })
    }
    seen(position)
    return stored
  }

  function seen(position: Position): void {
    if (!leading) progress.advance(position)
  }

  function lost(): void {
    const before = progress.position()
    logger.error({ before: String(before) }, 'the views are not what was seen: reading waits')
    needed = needed === undefined || before > needed ? before : needed
    progress.reset(BEFORE_ALL)
  }

  async function follow(signal: AbortSignal, onLook: (found: Look) => void): Promise<void> {
    let restMs = LOOK_WHILE_WAITING_MS
    for (let next = performance.now() + LOOK_MS; !signal.aborted;) {
      const before = progress.position()
      if (progress.waiting()) await pause(restMs, signal)
      else await progress.rest(Math.max(0, next - performance.now()), signal)
      if (signal.aborted) return
      const begun = performance.now()
      try {
        if (begun >= next) {
          onLook({ stored: await look(), begun })
          next = begun + LOOK_MS
        } else if (!leading) seen(await marked())
        const still = progress.waiting() && progress.position() === before
        restMs = still
          ? Math.min(restMs * 1.5, LONGEST_LOOK_WHILE_WAITING_MS)
          : LOOK_WHILE_WAITING_MS
      } catch (error) {
        logger.warn({ error }, 'the views cannot be looked at')
        await pause(LOOK_MS, signal)
      }
    }
  }

  return {
    views: createViews(store, readable, progress, assertThere),
    progress,
    own: [MARKS, SERVED, WISHES],
    of,
    set: (name, generation) => void served.set(name, generation),
    publish: (projection, generation) =>
      store.putMany([pointerTo(SERVED, keyOf(projection), generation)]),
    require(position) {
      needed = position
    },
    lost,
    leading(yes) {
      leading = yes
    },
    look,
    follow,
    mark(position, projected) {
      const views = [...projected].map(({ projection: { name }, generation, stopped }): Marked =>
        stopped === undefined ? { name, generation } : { name, generation, stopped },
      )
      const document: Mark = { views }
      return {
        view: MARKS,
        documents: [{ key: markKey, document, position }],
        checkpoint: position,
      }
    },
    stopped: (name) =>
      // A rebuild has mended what stood still in an earlier generation.
      mark.views.find((one) => one.name === name && one.generation === of(name).generation)
        ?.stopped,
    wish: (name) => store.putMany([pointerTo(WISHES, wishKey(of(name)), 1)]),
    async wishes() {
      const names = new Map([...served].map(([name, one]) => [wishKey(one), name]))
      const found = await store.getMany(WISHES, [...names.keys()])
      return [...found.keys()].flatMap((key) => names.get(key) ?? [])
    },
  }
}

const keyOf = ({ name, version }: { name: string; version: number }): string => `${name}@${version}`
const wishKey = ({ target }: Generation): string => keyOf(target)

const pointerTo = (view: ViewCollection, key: string, number: number): ViewBatch => ({
  view,
  documents: [{ key, document: {}, position: BigInt(number) }],
  checkpoint: BigInt(number),
})

export const sameView = (
  one: { name: string; version: number },
  other: { name: string; version: number },
): boolean => one.name === other.name && one.version === other.version

/** The generations that exist of this version of a projection, lowest first. */
export const generations = (projection: ViewCollection, stored: readonly StoredView[]) =>
  stored
    .filter(({ name }) => name === projection.name)
    .map((one) => ({ ...one, generation: generationOf(projection, one.version) }))
    .filter((one): one is StoredView & { generation: number } => one.generation !== undefined)
    .sort((a, b) => a.generation - b.generation)

/**
 * What is stored, and then where the log ends: while others go on projecting, views may well be ahead of
 * where it ended a moment before.
 * @throws StoreRefused where they are ahead of where it ends now
 */
export async function lookFirst(
  {
    events,
    projections,
  }: { readonly events: Pick<EventStore, 'head'>; readonly projections: readonly AnyProjection[] },
  served: Pick<Served, 'look'>,
): Promise<{ readonly stored: readonly StoredView[]; readonly head: Position }> {
  const stored = await served.look()
  const head = await events.head()
  assertBehind(projections, stored, head)
  return { stored, head }
}

/** @throws StoreRefused: such views belong to another log */
function assertBehind(
  projections: readonly AnyProjection[],
  stored: readonly StoredView[],
  head: Position,
): void {
  for (const projection of projections)
    for (const { checkpoint } of generations(projection, stored))
      if (checkpoint > head)
        throw new StoreRefused(
          `the view ${projection.name} is ahead of the log (${checkpoint} > ${head}): this is ` +
            'another log, or the log was restored from an older backup; delete the views, they ' +
            'are rebuilt',
        )
}
