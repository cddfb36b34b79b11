/**
 * Where each event of the log stands: whose it is, when, by whom and for which request. The history is
 * found here and read from the log, so no data of an event is ever in this view.
 */
import { catalogue } from '../domain/catalogue.ts'
import { parseStreamName } from '../domain/decider.ts'
import type { EventDefinitions } from '../domain/event.ts'
import type { ActorRef } from '../domain/metadata.ts'
import type { Handler, ProjectedEvent } from './projection.ts'
import { projection } from './projection.ts'
import type { FoundPage, Views } from './views.ts'

export interface AuditEntry {
  readonly all: 1
  /** The organization, or `-` for what is nobody's but the platform's. */
  readonly org: string
  readonly at: string
  readonly position: string
  readonly stream: string
  readonly revision: number
  readonly type: string
  /** Id of the user or key, name of the worker, or the kind of actor. */
  readonly by: string
  readonly correlation: string
}

/** What is no organization's. */
export const PLATFORM = '-'

/** The stream's id is the organization's. */
const OF_ONE_ORGANIZATION = new Set([
  'organization',
  'account',
  'subscription',
  'payment',
  'policySet',
])
/** The event, or who asked for it, says whose it is. */
const OWNED = new Set(['agent', 'invocation', 'apiKey', 'slugClaim', 'trialClaim'])

/**
 * The organization whose fact it is. Only kinds of streams that are named here are an organization's: what
 * a person does with their own account, mails, and records of many organizations at once are not.
 */
export function organizationOf({
  stream,
  data,
  metadata,
}: Pick<ProjectedEvent, 'stream' | 'data' | 'metadata'>): string | undefined {
  const { category, id } = parseStreamName(stream)
  if (OF_ONE_ORGANIZATION.has(category)) return organizationId(id)
  if (!OWNED.has(category)) return undefined
  const own = data['orgId'] ?? data['owner'] ?? data['scope']
  return organizationId(own === undefined ? metadata.orgId : own)
}

const organizationId = (value: unknown): string | undefined =>
  typeof value === 'string' && value.startsWith('org_') ? value : undefined

export function nameOf(actor: ActorRef): string {
  if (actor.kind === 'user' || actor.kind === 'apiKey') return actor.id
  return actor.kind === 'system' ? actor.name : actor.kind
}

/** As keys are texts, in the order of positions. */
const keyOf = (position: bigint): string => position.toString().padStart(20, '0')

const entry: Handler<AuditEntry, Readonly<Record<string, unknown>>> = {
  keys: ({ position }) => keyOf(position),
  project: (_entry, event) => ({
    all: 1,
    org: organizationOf(event) ?? PLATFORM,
    at: event.metadata.recordedAt,
    position: event.position.toString(),
    stream: event.stream,
    revision: event.revision,
    type: event.type,
    by: nameOf(event.metadata.actor),
    correlation: event.metadata.$correlationId,
  }),
}

export const auditEvents = projection<AuditEntry, EventDefinitions>(catalogue, {
  name: 'audit-events',
  version: 3,
  indexes: {
    all: { equals: ['all'], orderBy: 'at' },
    organization: { equals: ['org'], orderBy: 'at' },
    /** By organization, so that nobody else's requests of the same id are ever in the way. */
    correlation: { equals: ['correlation'], orderBy: 'org' },
  },
  on: Object.fromEntries(Object.keys(catalogue).map((type) => [type, entry as never])),
})

export interface AuditWish {
  /** Every organization, and what is nobody's, where left out. */
  readonly org?: string
  readonly correlation?: string
  readonly from?: string
  readonly to?: string
  readonly descending: boolean
}

/** A page of places, in order of time; of one request by organization, then as they were written. */
export function findAudit(
  views: Views,
  { org, correlation, from, to, descending }: AuditWish,
  page: { readonly limit: number; readonly after?: string },
): Promise<FoundPage<AuditEntry>> {
  if (correlation !== undefined)
    return views.find(auditEvents, {
      index: 'correlation',
      equals: { correlation },
      // Above every id that begins so.
      ...(org === undefined ? {} : { from: org, to: `${org}~` }),
      descending,
      ...page,
    })
  return views.find(auditEvents, {
    ...(org === undefined
      ? { index: 'all', equals: { all: 1 } }
      : { index: 'organization', equals: { org } }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    descending,
    ...page,
  })
}
