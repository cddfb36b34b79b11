/**
 * The history: places come from the view, events from the log, and each is looked at once more before it
 * leaves. What belongs to somebody else is not there, whatever the view or the cursor says.
 */
import { parseStreamName } from '../../domain/decider.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { StoredEvent } from '../../ports/event-store.ts'
import {
  type AuditEntry,
  findAudit,
  nameOf,
  organizationOf,
} from '../../projections/audit-events.ts'
import type { Deps } from '../deps.ts'
import type { AuditReader } from './reader.ts'

export type HistoryDeps = Pick<Deps, 'streams' | 'views' | 'sealer'>

export interface HistoryFilter {
  /** First part of the stream's name. */
  readonly category?: string
  readonly stream?: string
  readonly type?: string
  /** Id of a user or key, name of a worker, or `operator`, `anonymous`. */
  readonly actor?: string
  readonly correlation?: string
  /** from ≤ time < to */
  readonly from?: string
  readonly to?: string
}
export interface HistoryWish extends HistoryFilter {
  readonly newestFirst: boolean
}

export interface HistoryPage {
  readonly events: readonly StoredEvent[]
  /** undefined: there is no more. */
  readonly next: string | undefined
}

/** So many places are looked through for one page that filters thin out. */
const LOOKED_THROUGH = 5_000
const ROWS = 500

/** A page may be short, even empty, and still have a next one. @throws Refusal not_found for a foreign stream */
export function historyPage(
  deps: HistoryDeps,
  reader: AuditReader,
  wish: HistoryWish,
  page: { readonly limit: number; readonly after?: string },
): Promise<HistoryPage> {
  return wish.stream === undefined
    ? pageOfPlaces(deps, reader, wish, page)
    : pageOfStream(deps, reader, { ...wish, stream: wish.stream }, page)
}

/** Everything that matched when it was asked for, page by page: whoever reads sets the pace. */
export async function* wholeHistory(
  deps: HistoryDeps,
  reader: AuditReader,
  wish: HistoryWish,
): AsyncIterable<readonly StoredEvent[]> {
  const end = deps.views.position()
  for (let after: string | undefined; ;) {
    const page = await historyPage(deps, reader, wish, {
      limit: ROWS,
      ...(after === undefined ? {} : { after }),
    })
    yield page.events.filter(({ position }) => position <= end)
    after = page.next
    if (after === undefined) return
    // Oldest first, all of this is newer than the question: no need to run after the log.
    if (
      !wish.newestFirst &&
      page.events.length > 0 &&
      page.events.every((one) => one.position > end)
    )
      return
  }
}

async function pageOfPlaces(
  deps: HistoryDeps,
  reader: AuditReader,
  wish: HistoryWish,
  page: { readonly limit: number; readonly after?: string },
): Promise<HistoryPage> {
  const { category, type, actor, correlation, from, to } = wish
  const keep = (place: AuditEntry) =>
    (category === undefined || parseStreamName(place.stream).category === category) &&
    (type === undefined || place.type === type) &&
    (actor === undefined || place.by === actor) &&
    (from === undefined || place.at >= from) &&
    (to === undefined || place.at < to)
  const places: AuditEntry[] = []
  let next = page.after
  for (let seen = 0; seen < LOOKED_THROUGH && places.length < page.limit;) {
    const filtered = category !== undefined || type !== undefined || actor !== undefined
    const found = await findAudit(
      deps.views,
      {
        ...(reader.orgId === undefined ? {} : { org: reader.orgId }),
        ...(correlation === undefined ? {} : { correlation }),
        ...(from === undefined ? {} : { from }),
        ...(to === undefined ? {} : { to }),
        descending: wish.newestFirst,
      },
      {
        limit: filtered ? ROWS : page.limit - places.length,
        ...(next === undefined ? {} : { after: next }),
      },
    )
    next = found.next
    for (const [index, place] of found.items.entries()) {
      seen++
      if (!keep(place)) continue
      places.push(place)
      if (places.length < page.limit) continue
      // The next page begins right behind the last that is shown.
      if (index < found.items.length - 1) next = found.cursors[index]
      break
    }
    if (next === undefined) break
  }
  return { events: await readPlaces(deps, reader, places), next }
}

/** How far apart events of one stream may stand and still be read at once. */
const GAP = 32

/** The events of places, in the order of the places. */
async function readPlaces(
  { streams }: HistoryDeps,
  reader: AuditReader,
  places: readonly AuditEntry[],
): Promise<StoredEvent[]> {
  const revisions = new Map<string, number[]>()
  for (const { stream, revision } of places) {
    const own = revisions.get(stream)
    if (own) own.push(revision)
    else revisions.set(stream, [revision])
  }
  const found = new Map<string, StoredEvent>()
  for (const [stream, wanted] of revisions)
    for (const { first, last } of runsOf(wanted)) {
      const limit = last - first + 1
      const options = first === 0 ? { limit } : { after: first - 1, limit }
      for (const event of await streams.sealed(stream, options))
        found.set(`${stream}/${event.revision}`, event)
    }
  return places.flatMap(({ stream, revision }) => {
    const event = found.get(`${stream}/${revision}`)
    return event && isOf(reader, event) ? [event] : []
  })
}

const isOf = ({ orgId }: AuditReader, event: StoredEvent): boolean =>
  orgId === undefined || organizationOf(event) === orgId

function runsOf(revisions: readonly number[]): { first: number; last: number }[] {
  const runs: { first: number; last: number }[] = []
  for (const revision of revisions.toSorted((a, b) => a - b)) {
    const run = runs.at(-1)
    if (run && revision - run.last <= GAP) run.last = revision
    else runs.push({ first: revision, last: revision })
  }
  return runs
}

async function pageOfStream(
  deps: HistoryDeps,
  reader: AuditReader,
  wish: HistoryWish & { readonly stream: string },
  page: { readonly limit: number; readonly after?: string },
): Promise<HistoryPage> {
  const { stream, newestFirst } = wish
  await assertOwnStream(deps, reader, stream)
  const last = (await deps.streams.revision(stream)) ?? -1
  const events: StoredEvent[] = []
  // The revision to begin with.
  let place = page.after === undefined ? (newestFirst ? last : 0) : Number(page.after)
  for (let seen = 0; seen < LOOKED_THROUGH && events.length < page.limit;) {
    if (place < 0 || place > last) return { events, next: undefined }
    const first = newestFirst ? Math.max(0, place - ROWS + 1) : place
    const limit = newestFirst ? place - first + 1 : ROWS
    const options = first === 0 ? { limit } : { after: first - 1, limit }
    const rows = await deps.streams.sealed(stream, options)
    // What came since `last` was asked for is on no page before the next question.
    const known = rows.filter(({ revision }) => revision <= last)
    if (known.length === 0) return { events, next: undefined }
    for (const event of newestFirst ? known.toReversed() : known) {
      seen++
      place = event.revision + (newestFirst ? -1 : 1)
      if (matches(event, wish)) events.push(event)
      if (events.length >= page.limit) break
    }
  }
  return { events, next: place < 0 || place > last ? undefined : String(place) }
}

export function matches(
  { stream, type, metadata }: StoredEvent,
  { category, type: wanted, actor, correlation, from, to }: HistoryFilter,
): boolean {
  return (
    (category === undefined || parseStreamName(stream).category === category) &&
    (wanted === undefined || type === wanted) &&
    (actor === undefined || nameOf(metadata.actor) === actor) &&
    (correlation === undefined || metadata.$correlationId === correlation) &&
    (from === undefined || metadata.recordedAt >= from) &&
    (to === undefined || metadata.recordedAt < to)
  )
}

/** A stream is its organization's from its first event on. @throws Refusal not_found */
async function assertOwnStream(
  { streams }: HistoryDeps,
  reader: AuditReader,
  stream: string,
): Promise<void> {
  const [first] = await streams.sealed(stream, { limit: 1 })
  if (!first || !isOf(reader, first)) throw new Refusal('not_found')
}
