/**
 * Which keys an organization has, in order of issuing, and when each was used last. What a key may do,
 * and whether it still may, its own stream says.
 */
import { apiKeyEvents } from '../domain/api-key/events.ts'
import { usageEvents } from '../domain/usage/events.ts'
import { projection } from './projection.ts'
import type { Page, Views } from './views.ts'

export interface ApiKeyRecord {
  readonly keyId: string
  readonly orgId: string
  readonly issuedAt: string
  /** Time of its last request that was answered. */
  readonly lastUsedAt?: string
}

const events = { ...apiKeyEvents, ...usageEvents }

export const apiKeys = projection<ApiKeyRecord, typeof events>(events, {
  name: 'api-keys',
  version: 1,
  indexes: { org: { equals: ['orgId'], orderBy: 'issuedAt' } },
  on: {
    ApiKeyIssued: {
      keys: ({ data }) => data.keyId,
      project: (view, { data: { keyId, orgId, at } }) => ({
        ...view,
        keyId,
        orgId,
        issuedAt: at,
      }),
    },
    UsageRecorded: {
      keys({ data }) {
        const used = new Set<string>()
        for (const { keyId } of data.items) if (keyId !== undefined) used.add(keyId)
        return [...used]
      },
      project(view, { data }, key) {
        if (!view) return undefined
        let { lastUsedAt } = view
        for (const { keyId, at } of data.items)
          if (keyId === key && (lastUsedAt === undefined || at > lastUsedAt)) lastUsedAt = at
        return lastUsedAt === undefined ? view : { ...view, lastUsedAt }
      },
    },
  },
})

/** Newest first. */
export const keysOf = (
  views: Views,
  orgId: string,
  page: { limit: number; after?: string },
): Promise<Page<ApiKeyRecord>> =>
  views.find(apiKeys, { index: 'org', equals: { orgId }, descending: true, ...page })
