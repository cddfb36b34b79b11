/**
 * Which requests an organization has made, as they were recorded. One document for each batch and
 * caller: a busy caller's requests cost one write every 200 ms, and a person's own are found by index.
 * Requests outside any organization are in the log only.
 */
import type { UsageItem } from '../domain/usage/events.ts'
import { usageEvents } from '../domain/usage/events.ts'
import { projection } from './projection.ts'
import type { FoundPage, Views } from './views.ts'

export interface UsageBatch {
  readonly key: string
  readonly orgId: string
  readonly userId?: string
  readonly keyId?: string
  /** Time of the batch, at most 200 ms after its requests. */
  readonly at: string
  readonly items: readonly Pick<
    UsageItem,
    'requestId' | 'at' | 'route' | 'method' | 'status' | 'latencyMs'
  >[]
}
/** One request. */
export type UsageRecord = UsageBatch['items'][number] & Pick<UsageBatch, 'userId' | 'keyId'>

/** Whose request it is, within its organization. */
const callerOf = (item: UsageItem): string => item.userId ?? item.keyId ?? '-'

export const usageRecords = projection<UsageBatch, typeof usageEvents>(usageEvents, {
  name: 'usage-records',
  version: 2,
  indexes: {
    org: { equals: ['orgId'], orderBy: 'at' },
    person: { equals: ['orgId', 'userId'], orderBy: 'at' },
    key: { equals: ['orgId', 'keyId'], orderBy: 'at' },
  },
  on: {
    UsageRecorded: {
      keys: ({ data, id }) => {
        const keys = new Set<string>()
        for (const item of data.items)
          if (item.orgId !== undefined) keys.add(`${item.orgId}|${id}|${callerOf(item)}`)
        return [...keys]
      },
      project(_batch, { data }, key) {
        const [org, , caller] = key.split('|')
        const items = data.items.filter((item) => item.orgId === org && callerOf(item) === caller)
        const [first] = items
        if (!first?.orgId) return undefined
        const { orgId, userId, keyId } = first
        return {
          key,
          orgId,
          ...(userId === undefined ? {} : { userId }),
          ...(keyId === undefined ? {} : { keyId }),
          at: data.recordedAt,
          items: items.map(({ requestId, at, route, method, status, latencyMs }) => ({
            requestId,
            at,
            route,
            method,
            status,
            latencyMs,
          })),
        }
      },
    },
  },
})

export interface UsageQuery {
  readonly orgId: string
  /** Only this person's own, or this key's. */
  readonly userId?: string
  readonly keyId?: string
  readonly from?: string
  readonly to?: string
  readonly descending: boolean
}

/** Where a page of requests ended: after `items` requests of the batch `key`, whose cursor this is. */
export interface UsagePlace {
  readonly cursor: string
  readonly key: string
  readonly items: number
}

const BATCHES = 20

function indexFor({ orgId, userId, keyId }: UsageQuery) {
  if (keyId !== undefined) return { index: 'key', equals: { orgId, keyId } }
  if (userId !== undefined) return { index: 'person', equals: { orgId, userId } }
  return { index: 'org', equals: { orgId } }
}

export async function findUsage(
  views: Views,
  query: UsageQuery,
  { limit, after }: { limit: number; after?: UsagePlace },
): Promise<{ items: UsageRecord[]; next: UsagePlace | undefined }> {
  const found: { record: UsageRecord; place: UsagePlace }[] = []
  const take = (batch: UsageBatch, cursor: string, from: number) => {
    const ordered = query.descending ? batch.items.toReversed() : batch.items
    for (const [index, item] of ordered.entries())
      if (index >= from)
        found.push({
          record: {
            ...item,
            ...(batch.userId === undefined ? {} : { userId: batch.userId }),
            ...(batch.keyId === undefined ? {} : { keyId: batch.keyId }),
          },
          place: { cursor, key: batch.key, items: index + 1 },
        })
  }
  const begun = after && (await views.get(usageRecords, after.key))
  if (after && begun) take(begun, after.cursor, after.items)
  // One more than asked for says whether there is a next page.
  for (let cursor = after?.cursor; found.length <= limit;) {
    const page: FoundPage<UsageBatch> = await views.find(usageRecords, {
      ...indexFor(query),
      descending: query.descending,
      limit: BATCHES,
      ...(cursor === undefined ? {} : { after: cursor }),
      ...(query.from === undefined ? {} : { from: query.from }),
      ...(query.to === undefined ? {} : { to: query.to }),
    })
    for (const [index, batch] of page.items.entries()) take(batch, page.cursors[index] ?? '', 0)
    cursor = page.next
    if (cursor === undefined) break
  }
  const shown = found.slice(0, limit)
  return {
    items: shown.map(({ record }) => record),
    next: found.length > limit ? shown.at(-1)?.place : undefined,
  }
}
