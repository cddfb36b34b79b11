/**
 * What Paddle told us and what became of it: for the administrator's list, and for whoever looks for what
 * is still to be applied. The bodies stay in their streams.
 */
import {
  type IgnoredReason,
  paddleEventEvents,
  type ParkedReason,
} from '../domain/paddle-event/events.ts'
import type { PaddleEventStatus } from '../domain/paddle-event/paddle-event.ts'
import { type ProjectedEvent, projection } from './projection.ts'
import type { Page, Views } from './views.ts'

export interface ListedPaddleEvent {
  readonly all: 1
  readonly eventId: string
  readonly eventType: string
  readonly entityId?: string
  readonly occurredAt: string
  readonly receivedAt: string
  readonly source: 'webhook' | 'reconciler'
  readonly status: PaddleEventStatus
  /** When it became what it is. */
  readonly at: string
  readonly reason?: IgnoredReason | ParkedReason
  /** Why it was dismissed. */
  readonly note?: string
  readonly orgId?: string
  readonly waitsFor?: readonly string[]
  /** The first of them, each in an index of its own. */
  readonly wait0?: string
  readonly wait1?: string
  readonly wait2?: string
}

const WAITS = ['wait0', 'wait1', 'wait2'] as const

const keys = (event: ProjectedEvent<{ readonly eventId: string }>) => event.data.eventId

type Now = Partial<Pick<ListedPaddleEvent, 'reason' | 'note' | 'orgId' | 'waitsFor'>>

function became(
  view: ListedPaddleEvent | undefined,
  status: PaddleEventStatus,
  at: string,
  now: Now,
): ListedPaddleEvent | undefined {
  if (!view) return undefined
  const { all, eventId, eventType, entityId, occurredAt, receivedAt, source } = view
  const waits = WAITS.flatMap((name, nth) => {
    const key = now.waitsFor?.[nth]
    return key === undefined ? [] : [[name, key] as const]
  })
  return {
    all,
    eventId,
    eventType,
    ...(entityId === undefined ? {} : { entityId }),
    occurredAt,
    receivedAt,
    source,
    status,
    at,
    ...now,
    ...Object.fromEntries(waits),
  }
}

export const paddleEvents = projection<ListedPaddleEvent, typeof paddleEventEvents>(
  paddleEventEvents,
  {
    name: 'paddle-events',
    version: 2,
    indexes: {
      all: { equals: ['all'], orderBy: 'receivedAt' },
      status: { equals: ['status'], orderBy: 'receivedAt' },
      type: { equals: ['eventType'], orderBy: 'receivedAt' },
      entity: { equals: ['entityId'], orderBy: 'receivedAt' },
      wait0: { equals: ['wait0'], orderBy: 'receivedAt' },
      wait1: { equals: ['wait1'], orderBy: 'receivedAt' },
      wait2: { equals: ['wait2'], orderBy: 'receivedAt' },
    },
    on: {
      PaddleEventReceived: {
        keys,
        project: (_view, { data }) => ({
          all: 1,
          eventId: data.eventId,
          eventType: data.eventType,
          ...(data.entityId === undefined ? {} : { entityId: data.entityId }),
          occurredAt: data.occurredAt,
          receivedAt: data.at,
          source: data.source,
          status: 'received',
          at: data.at,
        }),
      },
      PaddleEventApplied: {
        keys,
        project: (view, { data }) => became(view, 'applied', data.at, { orgId: data.orgId }),
      },
      PaddleEventIgnored: {
        keys,
        project(view, { data: { reason, note, at } }) {
          return became(view, 'ignored', at, { reason, ...(note === undefined ? {} : { note }) })
        },
      },
      PaddleEventParked: {
        keys,
        project(view, { data }) {
          const { reason, waitsFor } = data
          return became(view, 'parked', data.at, { reason, waitsFor })
        },
      },
      PaddleEventReopened: {
        keys,
        project: (view, { data }) => became(view, 'received', data.at, {}),
      },
    },
  },
)

export type PaddleEventFilter = 'status' | 'type' | 'entity'

/** Newest first. By one filter; of the others the reader takes out what does not fit. */
export function listPaddleEvents(
  views: Views,
  { by, value, ...page }: { by?: PaddleEventFilter; value?: string } & PageWish,
): Promise<Page<ListedPaddleEvent>> {
  const fields = { status: 'status', type: 'eventType', entity: 'entityId' } as const
  const index = by ?? 'all'
  const equals = by === undefined || value === undefined ? { all: 1 } : { [fields[by]]: value }
  return views.find(paddleEvents, { index, equals, descending: true, ...page })
}

interface PageWish {
  readonly limit: number
  readonly after?: string
}

/** Those that were received within a time, oldest first. */
export async function receivedWithin(
  views: Views,
  { from, to, limit }: { readonly from: string; readonly to: string; readonly limit: number },
): Promise<{ readonly items: readonly ListedPaddleEvent[]; readonly more: boolean }> {
  const { items, next } = await views.find(paddleEvents, {
    index: 'all',
    equals: { all: 1 },
    from,
    to,
    limit,
  })
  return { items, more: next !== undefined }
}

/** Those that are parked and were received within a time, oldest first. */
export async function parkedWithin(
  views: Views,
  page: { readonly from?: string | undefined; readonly to: string; readonly limit: number },
): Promise<{ readonly items: readonly ListedPaddleEvent[]; readonly more: boolean }> {
  const { from, to, limit } = page
  const { items, next } = await views.find(paddleEvents, {
    index: 'status',
    equals: { status: 'parked' },
    ...(from === undefined ? {} : { from }),
    to,
    limit,
  })
  return { items, more: next !== undefined }
}

export const getPaddleEvent = (
  views: Views,
  eventId: string,
): Promise<ListedPaddleEvent | undefined> => views.get(paddleEvents, eventId)

/** Every one of a status, oldest first. */
export async function* paddleEventsThatAre(
  views: Views,
  status: PaddleEventStatus,
): AsyncIterable<ListedPaddleEvent> {
  yield* every(views, 'status', { status })
}

/** Ids of those that wait for a link. */
export async function paddleEventsWaitingFor(
  views: Views,
  key: string,
): Promise<ReadonlySet<string>> {
  const found = new Set<string>()
  for (const name of WAITS)
    for await (const { eventId } of every(views, name, { [name]: key })) found.add(eventId)
  return found
}

/** All of a status, oldest first, in the pages that they are read in. */
export const pagesOfPaddleEvents = (
  views: Views,
  status: PaddleEventStatus,
): AsyncIterable<readonly ListedPaddleEvent[]> => pages(views, 'status', { status })

async function* every(
  views: Views,
  index: string,
  equals: Readonly<Record<string, string>>,
): AsyncIterable<ListedPaddleEvent> {
  for await (const page of pages(views, index, equals)) yield* page
}

async function* pages(
  views: Views,
  index: string,
  equals: Readonly<Record<string, string>>,
): AsyncIterable<readonly ListedPaddleEvent[]> {
  for (let after: string | undefined; ;) {
    const page: Page<ListedPaddleEvent> = await views.find(paddleEvents, {
      index,
      equals,
      limit: 200,
      ...(after === undefined ? {} : { after }),
    })
    yield page.items
    after = page.next
    if (after === undefined) return
  }
}
