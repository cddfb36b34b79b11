/**
 * What Paddle told us, for whoever administers the installation: the list, one with its body, and the
 * ways to have it applied again, or to have done with it.
 */
import { z } from 'zod'
import {
  MAX_REOPENED,
  reopenPaddleEvent,
  reopenPaddleEvents,
} from '../../commands/paddle-event/reopen-paddle-event.ts'
import { applyPaddleEvent } from '../../commands/paddle-event/apply-paddle-event.ts'
import {
  dismissPaddleEvent,
  dismissPaddleEvents,
  MAX_DISMISSED,
} from '../../commands/paddle-event/dismiss-paddle-event.ts'
import type { Deps } from '../../commands/deps.ts'
import { streamName } from '../../domain/decider.ts'
import { idSchema, instantText } from '../../domain/ids.ts'
import {
  ignoredReasons,
  MAX_NOTE,
  paddleIdText,
  parkedReasons,
} from '../../domain/paddle-event/events.ts'
import { paddleEvent, paddleEventStatuses } from '../../domain/paddle-event/paddle-event.ts'
import { Refusal } from '../../domain/refusal.ts'
import {
  getPaddleEvent,
  listPaddleEvents,
  type ListedPaddleEvent,
  type PaddleEventFilter,
} from '../../projections/paddle-events.ts'
import { Problem } from '../errors.ts'
import { filteredPage, listPage, pageOf, pageQuery } from '../pages.ts'
import { type AnyRoute, route } from '../route.ts'
import { timeSchema } from '../schemas.ts'

const tag = 'admin'
const access = (action: string) =>
  ({ actor: 'administrator', resource: 'paddle_event', action, limits: ['request'] }) as const
const params = z.strictObject({ id: paddleIdText })

const reasons = [...ignoredReasons, ...parkedReasons] as const
const note = z
  .string()
  .trim()
  .min(1)
  .max(MAX_NOTE)
  .meta({ description: 'Why: it stays in the history.' })

const listed = {
  id: paddleIdText.meta({ description: 'Paddle’s `event_id`.' }),
  type: z.string(),
  entity_id: z.nullable(paddleIdText).meta({ description: 'What it is about.' }),
  status: z.enum(paddleEventStatuses),
  reason: z.nullable(z.enum(reasons)),
  note: z.nullable(z.string()).meta({ description: 'Where dismissed: why, by who did it.' }),
  waits_for: z.array(z.string()).meta({
    description: 'What is missing where it is parked: it is applied when one of these appears.',
  }),
  organization_id: z.nullable(idSchema('organization')).meta({ description: 'Where applied.' }),
  source: z.enum(['webhook', 'reconciler']),
  occurred_at: z.string().meta({ description: 'At Paddle, to the nanosecond.' }),
  received_at: timeSchema,
  changed_at: timeSchema,
}
const paddleEventSchema = z.strictObject(listed).meta({ id: 'PaddleEvent' })
const paddleEventWithBody = z
  .strictObject({
    ...listed,
    body: z.nullable(z.string()).meta({ description: 'As it came; null where it was erased.' }),
  })
  .meta({ id: 'PaddleEventWithBody' })

const show = (one: ListedPaddleEvent): z.output<typeof paddleEventSchema> => ({
  id: one.eventId,
  type: one.eventType,
  entity_id: one.entityId ?? null,
  status: one.status,
  reason: one.reason ?? null,
  note: one.note ?? null,
  waits_for: [...(one.waitsFor ?? [])],
  organization_id: one.orgId ?? null,
  source: one.source,
  occurred_at: one.occurredAt,
  received_at: one.receivedAt,
  changed_at: one.at,
})

export const paddleAdminRoutes = (deps: Deps): AnyRoute[] => [
  listRoute(deps),
  getRoute(deps),
  replayRangeRoute(deps),
  replayRoute(deps),
  dismissRangeRoute(deps),
  dismissRoute(deps),
]

const listRoute = (deps: Deps) =>
  route({
    method: 'GET',
    path: '/admin/paddle-events',
    tag,
    summary: 'What Paddle told us and what became of it, newest first',
    access: access('list'),
    query: z.strictObject({
      ...pageQuery,
      status: z.exactOptional(z.enum(paddleEventStatuses)),
      reason: z.exactOptional(z.enum(reasons)),
      type: z.exactOptional(z.string().min(1).max(100)),
      entity: z.exactOptional(paddleIdText),
    }),
    answers: { 200: { description: 'A page.', schema: pageOf(paddleEventSchema) } },
    reads: true,
    async handler({ query }) {
      const { status, reason, type, entity } = query
      const fits = (one: ListedPaddleEvent) =>
        (status === undefined || one.status === status) &&
        (reason === undefined || one.reason === reason) &&
        (type === undefined || one.eventType === type) &&
        (entity === undefined || one.entityId === entity)
      const filter = narrowest({ entity, type, status })
      const fetch = (page: { limit: number; after?: string }) =>
        filteredPage((part) => listPaddleEvents(deps.views, { ...filter, ...part }), page, fits)
      const list = ['paddle-events', status, reason, type, entity]
      return { body: await listPage(deps, list, query, fetch, show) }
    },
  })

/** The filter that leaves the fewest: few events are about one thing. */
function narrowest(
  given: Readonly<Record<PaddleEventFilter, string | undefined>>,
): { readonly by: PaddleEventFilter; readonly value: string } | object {
  for (const by of ['entity', 'type', 'status'] as const) {
    const value = given[by]
    if (value !== undefined) return { by, value }
  }
  return {}
}

const getRoute = (deps: Deps) =>
  route({
    method: 'GET',
    path: '/admin/paddle-events/{id}',
    tag,
    summary: 'One event of Paddle with its body',
    access: access('read'),
    params,
    answers: { 200: { description: 'The event.', schema: paddleEventWithBody } },
    problems: ['paddle_event_not_found'],
    reads: true,
    async handler({ params: { id } }) {
      return { body: { ...(await shown(deps, id)), body: await bodyOf(deps, id) } }
    },
  })

async function shown({ views }: Deps, id: string): Promise<z.output<typeof paddleEventSchema>> {
  const found = await getPaddleEvent(views, id)
  if (!found) throw new Refusal('paddle_event_not_found')
  return show(found)
}

async function bodyOf({ streams }: Deps, id: string): Promise<string | null> {
  const first = await streams.readOne(streamName(paddleEvent.category, id), 0)
  const body = first?.data['body']
  return typeof body === 'string' ? body : null
}

const replayRoute = (deps: Deps) =>
  route({
    method: 'POST',
    path: '/admin/paddle-events/{id}/replay',
    tag,
    summary: 'Apply one event of Paddle again',
    description: 'Where nothing has changed since, nothing comes of it: a message counts once.',
    access: access('replay'),
    params,
    answers: {
      200: {
        description: 'What became of it.',
        schema: z.strictObject({ id: paddleIdText, status: z.enum(paddleEventStatuses) }),
      },
    },
    problems: ['paddle_event_not_found'],
    async handler({ params: { id }, root }) {
      const position = await reopenPaddleEvent(deps, root, id)
      const status = await applyPaddleEvent(deps, id)
      return { body: { id, status }, position }
    },
  })

const replayRangeRoute = (deps: Deps) =>
  route({
    method: 'POST',
    path: '/admin/paddle-events/replay',
    tag,
    summary: 'Apply again what Paddle told us within a time',
    description:
      `Oldest first, at most ${MAX_REOPENED} at once: where \`next\` is given there are more, and it ` +
      'is the `from` to go on with. They are applied soon afterwards.',
    access: access('replay'),
    body: z.strictObject({
      from: instantText.meta({ description: 'Received at this time or later.' }),
      to: instantText.meta({ description: 'Received before this time.' }),
    }),
    answers: {
      202: {
        description: 'They are open again.',
        schema: z.strictObject({ reopened: z.int(), next: z.nullable(timeSchema) }),
      },
    },
    reads: true,
    async handler({ body, root }) {
      if (body.from >= body.to)
        throw new Problem('invalid_input', {}, [
          { path: 'body.to', message: 'a time later than from' },
        ])
      const { reopened, next, position } = await reopenPaddleEvents(deps, root, body)
      return { status: 202, body: { reopened, next: next ?? null }, position }
    },
  })

const dismissRoute = (deps: Deps) =>
  route({
    method: 'POST',
    path: '/admin/paddle-events/{id}/dismiss',
    tag,
    summary: 'Have done with a parked event of Paddle',
    description:
      'It is ignored from now on and stays on the list, with the reason `dismissed`. A replay puts it back.',
    access: access('dismiss'),
    params,
    body: z.strictObject({ note }),
    answers: {
      200: {
        description: 'What became of it.',
        schema: z.strictObject({ id: paddleIdText, status: z.literal('ignored') }),
      },
    },
    problems: ['paddle_event_not_found', 'paddle_event_not_parked'],
    async handler({ params: { id }, body, root }) {
      const position = await dismissPaddleEvent(deps, root, { eventId: id, note: body.note })
      return { body: { id, status: 'ignored' as const }, position }
    },
  })

const dismissRangeRoute = (deps: Deps) =>
  route({
    method: 'POST',
    path: '/admin/paddle-events/dismiss',
    tag,
    summary: 'Have done with parked events of Paddle',
    description:
      `Oldest first, at most ${MAX_DISMISSED} are looked at: where \`next\` is given there are more, and ` +
      'it is the `from` to go on with.',
    access: access('dismiss'),
    body: z.strictObject({
      note,
      reason: z.exactOptional(z.enum(parkedReasons)).meta({ description: 'Parked for this only.' }),
      from: z.exactOptional(instantText).meta({ description: 'Received at this time or later.' }),
      before: instantText.meta({ description: 'Received before this time.' }),
    }),
    answers: {
      200: {
        description: 'So many were dismissed.',
        schema: z.strictObject({ dismissed: z.int(), next: z.nullable(timeSchema) }),
      },
    },
    reads: true,
    async handler({ body, root }) {
      const { dismissed, next, position } = await dismissPaddleEvents(deps, root, body)
      return { body: { dismissed, next: next ?? null }, position }
    },
  })
