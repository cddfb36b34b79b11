/**
 * Which keys an organization has, in order of issuing, when each was used last, and which of them are in
 * use, to be counted. What a key may do, and whether it still may, its own stream says.
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
  /** The organization; absent once it was revoked. */
  readonly liveOf?: string
  /** Who issued it; absent once it was revoked. */
  readonly liveBy?: string
  /** When it expires. */
  readonly endsAt: string
}

/** Of a key that never expires. */
const NEVER = '9999-12-31T23:59:59.999Z'

const events = { ...apiKeyEvents, ...usageEvents }

export const apiKeys = projection<ApiKeyRecord, typeof events>(events, {
  name: 'api-keys',
  version: 3,
  indexes: {
    org: { equals: ['orgId'], orderBy: 'issuedAt' },
    live: { equals: ['liveOf'], orderBy: 'endsAt' },
    issuer: { equals: ['liveBy'], orderBy: 'issuedAt' },
  },
  on: {
    ApiKeyIssued: {
      keys: ({ data }) => data.keyId,
      project: (view, { data: { keyId, orgId, issuedBy, expiresAt = NEVER, at } }) => ({
        ...view,
        keyId,
        orgId,
        liveOf: orgId,
        liveBy: issuedBy,
        endsAt: expiresAt,
        issuedAt: at,
      }),
    },
    ApiKeyRevoked: {
      keys: ({ data }) => data.keyId,
      project(view) {
        if (!view) return undefined
        const { liveOf: _ended, liveBy: _by, ...revoked } = view
        return revoked
      },
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

/** How many of the organization's keys are neither revoked nor expired, counted up to `most`. */
export async function liveKeysOf(
  views: Views,
  orgId: string,
  { at, most }: { readonly at: string; readonly most: number },
): Promise<number> {
  // One that expires now has expired.
  const from = new Date(Date.parse(at) + 1).toISOString()
  const query = { index: 'live', equals: { liveOf: orgId }, from, limit: most }
  return (await views.find(apiKeys, query)).items.length
}

/** All that a person has issued and nobody has revoked, expired ones too. */
export async function liveKeysBy(views: Views, userId: string): Promise<readonly ApiKeyRecord[]> {
  const found: ApiKeyRecord[] = []
  for (let after: string | undefined; ;) {
    const page = await views.find(apiKeys, {
      index: 'issuer',
      equals: { liveBy: userId },
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    })
    found.push(...page.items)
    after = page.next
    if (after === undefined) return found
  }
}
const PAGE = 500
