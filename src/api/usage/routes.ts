/** What was used and what it did to the account: requests, calls, sums, the ledger and open holds. */
import { z } from 'zod'
import type { Deps } from '../../commands/deps.ts'
import { idSchema } from '../../domain/ids.ts'
import { invocationHistory, type InvocationRecord } from '../../projections/invocation-history.ts'
import { findUsage, type UsagePlace, type UsageRecord } from '../../projections/usage-records.ts'
import {
  decodeCursor,
  encodeCursor,
  filteredPage,
  type ListKey,
  listPage,
  pageOf,
  pageQuery,
} from '../pages.ts'
import { type AnyRoute, route } from '../route.ts'
import { bounds, defined, rangeQuery, timeSchema } from '../schemas.ts'
import { billingRoutes } from './billing.ts'
import { exportRoute } from './export.ts'
import { invocationSchema, invocationStatuses, showInvocation } from './invocation-json.ts'
import { readAccess, type Reader, readerOf } from './reader.ts'
import { summaryRoutes } from './summary.ts'

export type UsageDeps = Pick<Deps, 'views' | 'sealer' | 'clock'>

export const usageRoutes = (deps: UsageDeps): AnyRoute[] => [
  requestsRoute(deps),
  ...summaryRoutes(deps),
  exportRoute(deps),
  invocationsRoute(deps),
  ...billingRoutes(deps),
]

const requestSchema = z.strictObject({
  at: timeSchema,
  request_id: z.string(),
  endpoint: z.string().meta({ description: "The route's pattern, never the address." }),
  method: z.string(),
  status: z.int(),
  latency_ms: z.int(),
  user_id: z.exactOptional(z.string()),
  key_id: z.exactOptional(z.string()),
})

const showRequest = (one: UsageRecord) =>
  defined({
    at: one.at,
    request_id: one.requestId,
    endpoint: one.route,
    method: one.method,
    status: one.status,
    latency_ms: one.latencyMs,
    user_id: one.userId,
    key_id: one.keyId,
  })

const requestsRoute = ({ views, sealer }: UsageDeps): AnyRoute =>
  route({
    method: 'GET',
    path: '/usage',
    tag: 'usage',
    summary: 'Requests that were answered, newest first',
    description:
      'A member sees their own, a key its own, an auditor, admin or owner the organization’s. A request is listed ' +
      'at most a second after its answer.',
    access: readAccess('usage'),
    query: z.strictObject({
      ...pageQuery,
      ...rangeQuery,
      user_id: z.exactOptional(idSchema('user')),
    }),
    answers: { 200: { description: 'A page of requests.', schema: pageOf(requestSchema) } },
    reads: true,
    async handler({ query, actor }) {
      const reader = readerOf(actor, query.user_id)
      const { orgId, userId, keyId } = reader
      const list: ListKey = ['usage', orgId, userId, keyId, query.from, query.to]
      const cursor = decodeCursor(sealer, list, query.cursor)
      const page = await findUsage(
        views,
        {
          ...reader,
          ...bounds(query),
          descending: true,
        },
        {
          limit: query.limit,
          // Signed by us, so it is a place that we have given out.
          ...(cursor === undefined ? {} : { after: JSON.parse(cursor) as UsagePlace }),
        },
      )
      return {
        body: {
          items: page.items.map(showRequest),
          next_cursor: page.next ? encodeCursor(sealer, list, JSON.stringify(page.next)) : null,
        },
      }
    },
  })

const invocationsRoute = (deps: UsageDeps): AnyRoute =>
  route({
    method: 'GET',
    path: '/invocations',
    tag: 'invocations',
    summary: 'Calls, newest first',
    description:
      'A member sees their own, a key its own, an auditor, admin or owner the organization’s. A page may be shorter ' +
      'than `limit` and still have a next one.',
    access: readAccess('invocation', 'list'),
    query: z.strictObject({
      ...pageQuery,
      ...rangeQuery,
      user_id: z.exactOptional(idSchema('user')),
      agent_id: z.exactOptional(idSchema('agent')),
      status: z.exactOptional(z.enum(invocationStatuses)),
    }),
    answers: { 200: { description: 'A page of calls.', schema: pageOf(invocationSchema) } },
    reads: true,
    async handler({ query, actor }) {
      const reader = readerOf(actor, query.user_id)
      const { orgId, userId, keyId } = reader
      const { agent_id: agentId, status, from, to } = query
      const index = indexFor(reader, agentId)
      const keep = (call: InvocationRecord) =>
        (agentId === undefined || call.agentId === agentId) &&
        (status === undefined || call.status === status)
      return {
        body: await listPage(
          deps,
          ['invocations', orgId, userId, keyId, agentId, status, from, to],
          query,
          (place) =>
            filteredPage(
              (page) =>
                deps.views.find(invocationHistory, {
                  ...index,
                  ...bounds(query),
                  ...page,
                  descending: true,
                }),
              place,
              keep,
            ),
          (call) => showInvocation(deps, call),
        ),
      }
    },
  })

function indexFor({ orgId, userId, keyId }: Reader, agentId: string | undefined) {
  if (keyId !== undefined) return { index: 'key', equals: { orgId, keyId } }
  if (userId !== undefined) return { index: 'person', equals: { orgId, userId } }
  if (agentId !== undefined) return { index: 'agent', equals: { orgId, agentId } }
  return { index: 'org', equals: { orgId } }
}
