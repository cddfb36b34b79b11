/**
 * The history for auditors: what happened in an organization, stream by stream and request by request.
 * Reads only. Whose events are shown comes from who asks; which of their values, from the events' schemas.
 */
import { Readable } from 'node:stream'
import { z } from 'zod'
import type { AccessRule } from '../../commands/access.ts'
import { causalTree } from '../../commands/audit/causal-tree.ts'
import {
  type HistoryDeps,
  historyPage,
  type HistoryWish,
  wholeHistory,
} from '../../commands/audit/read-history.ts'
import { type AuditReader, auditReader } from '../../commands/audit/reader.ts'
import { shownEvent } from '../../commands/audit/shown-event.ts'
import { idSchema } from '../../domain/ids.ts'
import { decodeCursor, encodeCursor, pageOf, pageQuery } from '../pages.ts'
import { type AnyRoute, type Call, route } from '../route.ts'
import { rangeQuery } from '../schemas.ts'
import { auditEventSchema, causalTreeSchema, shownTree } from './schemas.ts'

const tag = 'audit'
const NDJSON = 'application/x-ndjson'

const access = (action: string): AccessRule => ({
  actor: 'user',
  role: 'auditor',
  wholeOrganization: true,
  orAdministrator: true,
  scope: 'audit:read',
  resource: 'audit',
  action,
  limits: ['request'],
})

export const auditRoutes = (deps: HistoryDeps): AnyRoute[] => [
  eventsRoute(deps),
  streamRoute(deps),
  correlationRoute(deps),
]

const streamText = z
  .string()
  .max(200)
  .regex(/^[a-z][A-Za-z]*-[\x21-\x7e]+$/, 'the name of a stream, as account-org_…')
const correlationText = z
  .string()
  .max(200)
  .regex(/^[\x21-\x7e]+$/, 'an X-Request-Id')
const order = z.enum(['newest', 'oldest'])
const organization = z.exactOptional(
  idSchema('organization').meta({ description: 'For administrators of the platform.' }),
)

const eventsQuery = z.strictObject({
  ...pageQuery,
  ...rangeQuery,
  category: z.exactOptional(
    z
      .string()
      .max(64)
      .regex(/^[a-z][A-Za-z]*$/, 'a kind of stream, as account'),
  ),
  stream: z.exactOptional(streamText),
  type: z.exactOptional(
    z
      .string()
      .max(64)
      .regex(/^[A-Z][A-Za-z]*$/, 'a type of event, as HoldSettled'),
  ),
  actor: z.exactOptional(
    z
      .string()
      .max(64)
      .regex(/^[\w-]+$/, 'the id of a user or key, the name of a worker, operator or anonymous'),
  ),
  correlation: z.exactOptional(correlationText),
  organization,
  order: order.default('newest'),
})
type EventsQuery = z.output<typeof eventsQuery>

const wishOf = ({ order: by, ...query }: EventsQuery): HistoryWish => {
  const { category, stream, type, actor, correlation, from, to } = query
  return {
    newestFirst: by === 'newest',
    ...(category !== undefined && { category }),
    ...(stream !== undefined && { stream }),
    ...(type !== undefined && { type }),
    ...(actor !== undefined && { actor }),
    ...(correlation !== undefined && { correlation }),
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
  }
}

const eventsRoute = (deps: HistoryDeps): AnyRoute =>
  route({
    method: 'GET',
    path: '/audit/events',
    tag,
    summary: 'What happened, newest first',
    description:
      'For auditors, admins and owners: the facts of their organization. An administrator of the ' +
      'platform who names no organization sees every one’s. A page may be shorter than `limit` and ' +
      `still have a next one. With \`Accept: ${NDJSON}\` everything that matches, one event in a ` +
      'line; `limit` and `cursor` do not apply. A file that arrived whole is whole.',
    access: access('read'),
    query: eventsQuery,
    answers: { 200: { description: 'A page of events.', schema: pageOf(auditEventSchema) } },
    problems: ['not_found'],
    reads: true,
    async handler(call) {
      const { query, actor, request } = call
      const reader = auditReader(actor, query.organization)
      const wish = wishOf(query)
      if (request.headers.accept?.includes(NDJSON)) return bulk(deps, reader, wish, call)
      return { body: await listed(deps, reader, wish, query) }
    },
  })

const streamRoute = (deps: HistoryDeps): AnyRoute =>
  route({
    method: 'GET',
    path: '/audit/streams/{stream}',
    tag,
    summary: 'What happened to one thing, from its beginning',
    description: 'A stream is a kind and an id: `account-org_…`, `invocation-inv_…`.',
    access: access('read'),
    params: z.strictObject({ stream: streamText }),
    query: z.strictObject({ ...pageQuery, order: order.default('oldest') }),
    answers: { 200: { description: 'A page of events.', schema: pageOf(auditEventSchema) } },
    problems: ['not_found'],
    reads: true,
    async handler({ params: { stream }, query, actor }) {
      const wish = { stream, newestFirst: query.order === 'newest' }
      return { body: await listed(deps, auditReader(actor), wish, query) }
    },
  })

const correlationRoute = (deps: HistoryDeps): AnyRoute =>
  route({
    method: 'GET',
    path: '/audit/correlations/{id}',
    tag,
    summary: 'What one request made happen, and what caused what',
    description:
      '`id`: the X-Request-Id of the request, which is the correlation id of its events.',
    access: access('read'),
    params: z.strictObject({ id: correlationText }),
    query: z.strictObject({ organization }),
    answers: { 200: { description: 'Its events, by cause.', schema: causalTreeSchema } },
    problems: ['not_found'],
    reads: true,
    async handler({ params: { id }, query, actor }) {
      const reader = auditReader(actor, query.organization)
      const tree = await causalTree(deps, reader, id)
      return { body: await shownTree(tree, (event) => shownEvent(deps, event, reader.as)) }
    },
  })

async function listed(
  deps: HistoryDeps,
  reader: AuditReader,
  wish: HistoryWish,
  query: { readonly limit: number; readonly cursor?: string },
): Promise<z.output<ReturnType<typeof pageOf<typeof auditEventSchema>>>> {
  const list = ['audit', reader.orgId, JSON.stringify(wish)]
  const after = decodeCursor(deps.sealer, list, query.cursor)
  const place = { limit: query.limit, ...(after === undefined ? {} : { after }) }
  const page = await historyPage(deps, reader, wish, place)
  return {
    items: await Promise.all(page.events.map((event) => shownEvent(deps, event, reader.as))),
    next_cursor: page.next === undefined ? null : encodeCursor(deps.sealer, list, page.next),
  }
}

/** The reader's pace is the pace: no more than a page or two are in memory, however much there is. */
async function bulk(
  deps: HistoryDeps,
  reader: AuditReader,
  wish: HistoryWish,
  { reply, signal }: Pick<Call<unknown, unknown, unknown>, 'reply' | 'signal'>,
): Promise<{ sent: true }> {
  const pages = wholeHistory(deps, reader, wish)[Symbol.asyncIterator]()
  // What is refused, is refused before the first byte.
  const first = await pages.next()
  async function* lines(): AsyncIterable<string> {
    for (let page = first; !page.done; page = await pages.next()) {
      signal.throwIfAborted()
      let text = ''
      for (const event of page.value)
        text += `${JSON.stringify(await shownEvent(deps, event, reader.as))}\n`
      if (text !== '') yield text
    }
  }
  reply.header('content-type', `${NDJSON}; charset=utf-8`)
  await reply.send(Readable.from(lines(), { highWaterMark: 1 }))
  return { sent: true }
}
