/**
 * GET /usage/export.csv: everything of a range, oldest first, streamed page by page: memory does not grow
 * with the length of the file, and the reader's pace is the pace. An end that is not clean cuts the
 * connection, so a file that arrived whole is whole.
 */
import { Readable } from 'node:stream'
import { z } from 'zod'
import { publicReason } from '../../commands/invocation/ended-call.ts'
import type { Deps } from '../../commands/deps.ts'
import { CURRENCY, tokenClasses } from '../../domain/money.ts'
import {
  chargedNanosOf,
  invocationHistory,
  type InvocationRecord,
} from '../../projections/invocation-history.ts'
import { findUsage, type UsagePlace } from '../../projections/usage-records.ts'
import type { Page } from '../../projections/views.ts'
import { type AnyRoute, route } from '../route.ts'
import { bounds, type RangeQuery, rangeQuery } from '../schemas.ts'
import { type Cell, csvRow } from './csv.ts'
import { openText, readAccess, type Reader, readerOf } from './reader.ts'

type ExportDeps = Pick<Deps, 'views' | 'sealer'>
const PAGE = 500

export const exportRoute = (deps: ExportDeps): AnyRoute =>
  route({
    method: 'GET',
    path: '/usage/export.csv',
    tag: 'usage',
    summary: 'Usage as a CSV file',
    description:
      'Requests, or calls with tokens and money. Cells that a spreadsheet would take for a formula ' +
      'begin with an apostrophe.',
    access: readAccess('usage', 'export'),
    query: z.strictObject({
      ...rangeQuery,
      rows: z.enum(['requests', 'invocations']).default('requests'),
    }),
    answers: {
      200: { description: 'The file.', schema: z.string(), contentType: 'text/csv' },
    },
    reads: true,
    async handler({ query, actor, reply, signal }) {
      const reader = readerOf(actor)
      const lines =
        query.rows === 'requests'
          ? requestLines(deps, reader, query)
          : invocationLines(deps, reader, query)
      reply.header('content-type', 'text/csv; charset=utf-8')
      reply.header('content-disposition', `attachment; filename="${query.rows}.csv"`)
      await reply.send(Readable.from(until(lines, signal), { highWaterMark: 1 }))
      return { sent: true }
    },
  })

async function* until(lines: AsyncIterable<string>, signal: AbortSignal): AsyncIterable<string> {
  for await (const line of lines) {
    signal.throwIfAborted()
    yield line
  }
}

async function* requestLines(
  { views }: ExportDeps,
  reader: Reader,
  range: RangeQuery,
): AsyncIterable<string> {
  yield csvRow([
    'at',
    'request_id',
    'endpoint',
    'method',
    'status',
    'latency_ms',
    'user_id',
    'key_id',
  ])
  for (let after: UsagePlace | undefined; ;) {
    const page = await findUsage(
      views,
      { ...reader, ...bounds(range), descending: false },
      { limit: PAGE, ...(after && { after }) },
    )
    yield page.items
      .map((one) =>
        csvRow([
          one.at,
          one.requestId,
          one.route,
          one.method,
          one.status,
          one.latencyMs,
          one.userId,
          one.keyId,
        ]),
      )
      .join('')
    after = page.next
    if (!after) return
  }
}

async function* invocationLines(
  deps: ExportDeps,
  reader: Reader,
  range: RangeQuery,
): AsyncIterable<string> {
  yield csvRow(invocationColumns.map(([name]) => name))
  for (let after: string | undefined; ;) {
    const page: Page<InvocationRecord> = await deps.views.find(invocationHistory, {
      index: reader.keyId !== undefined ? 'key' : reader.userId === undefined ? 'org' : 'person',
      equals: { ...reader },
      ...bounds(range),
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    })
    let text = ''
    for (const call of page.items) {
      const endUser = await openText(deps, call.endUserText)
      text += csvRow(invocationColumns.map(([, cell]) => cell(call, endUser)))
    }
    yield text
    after = page.next
    if (after === undefined) return
  }
}

const nanos = (text: string | undefined): bigint | undefined =>
  text === undefined ? undefined : BigInt(text)

const invocationColumns: readonly (readonly [
  string,
  (call: InvocationRecord, endUser: string | undefined) => Cell,
])[] = [
  ['accepted_at', (call) => call.acceptedAt],
  ['invocation_id', (call) => call.invocationId],
  ['status', (call) => call.status],
  ['reason', (call) => call.reason && publicReason(call.reason)],
  ['agent_id', (call) => call.agentId],
  ['agent_version', (call) => call.agentVersion],
  ['model', (call) => call.model],
  ['user_id', (call) => call.userId],
  ['key_id', (call) => call.keyId],
  ['user', (_call, endUser) => endUser],
  ['usage_basis', (call) => call.usage?.basis],
  ...tokenClasses.map(
    (one) =>
      [
        one,
        ({ usage }: InvocationRecord): Cell =>
          usage && usage.basis !== 'unknown' ? usage.quantities[one] : undefined,
      ] as const,
  ),
  ['hold', (call) => nanos(call.holdNanos)],
  ['charge', (call) => chargedNanosOf(call)],
  ['waived', (call) => nanos(call.waivedNanos)],
  ['uncollected', (call) => nanos(call.uncollectedNanos)],
  ['adjusted', (call) => nanos(call.adjustedNanos)],
  ['currency', () => CURRENCY],
  ['latency_ms', (call) => call.latencyMs],
  ['practice', (call) => String(call.practice)],
  ['request_id', (call) => call.requestId],
  ['metadata', (call) => JSON.stringify(call.metadata ?? {})],
]
