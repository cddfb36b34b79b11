/**
 * `events`, `stream`, `tree`: the history, as stored. Sealed values stay sealed, whoever reads: who may
 * see them is asked at the API, by who signs in there.
 */
import { z } from 'zod'
import type { App } from '../../app.ts'
import { type CausalNode, causalTree } from '../../commands/audit/causal-tree.ts'
import { type HistoryFilter, matches } from '../../commands/audit/read-history.ts'
import { operatorReader } from '../../commands/audit/reader.ts'
import { idSchema } from '../../domain/ids.ts'
import { Refusal } from '../../domain/refusal.ts'
import { BEFORE_ALL, type StoredEvent } from '../../ports/event-store.ts'
import { organizationOf } from '../../projections/audit-events.ts'
import { operation, OperationFailed } from '../operation.ts'

const PAGE = 1_000

const text = z.string().min(1).max(200).optional()
const moment = z.iso.datetime({ precision: 3 }).optional()
const position = z
  .string()
  .regex(/^\d{1,18}$/, 'a position: a whole number')
  .optional()
const limit = z.int().positive().optional()

const eventsInput = z.strictObject({
  category: text,
  stream: text,
  type: text,
  actor: text,
  organization: idSchema('organization').optional(),
  correlation: text,
  from: moment,
  to: moment,
  after: position,
  limit,
  follow: z.boolean(),
})
type EventsInput = z.output<typeof eventsInput>

const eventRow = ({
  position: place,
  stream,
  revision,
  id,
  type,
  data,
  metadata,
}: StoredEvent) => ({
  position: place.toString(),
  stream,
  revision,
  id,
  type,
  data,
  metadata,
})

const events = operation({
  name: 'events',
  input: eventsInput,
  async run(app, input, tell, signal, room) {
    const { organization, after: _after, limit: most, follow: _follow, ...given } = input
    const filter: HistoryFilter = Object.fromEntries(
      Object.entries(given).filter(([, value]) => value !== undefined),
    )
    let left = most ?? Number.POSITIVE_INFINITY
    for await (const batch of batches(app, input, signal)) {
      await room()
      for (const event of batch) {
        if (!matches(event, filter)) continue
        if (organization !== undefined && organizationOf(event) !== organization) continue
        tell({ kind: 'row', row: eventRow(event) })
        if (--left <= 0) return
      }
    }
  },
})

async function* batches(
  { engine }: App,
  { stream, after, follow }: EventsInput,
  signal: AbortSignal,
): AsyncGenerator<readonly StoredEvent[]> {
  const from = after === undefined ? BEFORE_ALL : BigInt(after)
  if (follow) return yield* engine.events.subscribe({ after: from, signal })
  for (let place: StoredEvent | undefined; !signal.aborted;) {
    const page: readonly StoredEvent[] =
      stream === undefined
        ? await engine.events.readAll({ after: place?.position ?? from, limit: PAGE })
        : await engine.events.readStream(stream, {
            limit: PAGE,
            ...(place && { after: place.revision }),
          })
    yield stream === undefined ? page : page.filter((event) => event.position > from)
    place = page.at(-1)
    if (page.length < PAGE) return
  }
}

const stream = operation({
  name: 'stream',
  input: z.strictObject({ name: z.string().min(1).max(200), limit }),
  async run({ engine }, { name, limit: most = Number.POSITIVE_INFINITY }, tell, signal, room) {
    let told = 0
    for (let after: number | undefined; !signal.aborted && told < most;) {
      const page = await engine.events.readStream(name, {
        limit: Math.min(PAGE, most - told),
        ...(after !== undefined && { after }),
      })
      await room()
      for (const event of page) tell({ kind: 'row', row: eventRow(event) })
      told += page.length
      after = page.at(-1)?.revision
      if (page.length < PAGE) break
    }
    if (told === 0) throw new OperationFailed(`there is no stream ${name}`)
  },
})

const tree = operation({
  name: 'tree',
  input: z.strictObject({
    request: z.string().min(1).max(200),
    organization: idSchema('organization').optional(),
  }),
  async run({ deps, engine }, { request, organization }, tell) {
    await deps.views.passed(await engine.events.head(), 10_000)
    const found = await causalTree(deps, operatorReader(organization), request).catch(
      (error: unknown) => {
        if (error instanceof Refusal && error.code === 'not_found')
          throw new OperationFailed(`no event belongs to the request ${request}`)
        throw error
      },
    )
    const tellNode = ({ event, caused }: CausalNode, depth: number) => {
      const cause = event.metadata.$causationId
      tell({ kind: 'row', row: { depth, caused_by: cause, ...eventRow(event) } })
      for (const one of caused) tellNode(one, depth + 1)
    }
    for (const { caused } of found.roots) for (const node of caused) tellNode(node, 0)
    if (!found.complete) tell({ kind: 'note', text: 'There is more than is shown.' })
  },
})

export const auditOperations = [events, stream, tree]
