/** How the history is worded in HTTP. `data` is the event's own, as docs/events.md words it. */
import { z } from 'zod'
import type { ShownEvent } from '../../commands/audit/shown-event.ts'
import type { CausalTree } from '../../commands/audit/causal-tree.ts'
import { timeSchema } from '../schemas.ts'

export const auditEventSchema = z
  .strictObject({
    position: z.string().meta({ description: 'Place in the log.' }),
    stream: z.string(),
    revision: z.int().meta({ description: 'Place in its stream, from 0.' }),
    id: z.string(),
    category: z.string().meta({ description: 'First part of the name of the stream.' }),
    type: z.string(),
    recorded_at: timeSchema,
    actor: z.strictObject({
      kind: z.string(),
      id: z.exactOptional(z.string()),
      session_id: z.exactOptional(z.string()),
      name: z.exactOptional(z.string()),
    }),
    organization_id: z.nullable(z.string()),
    correlation_id: z.string().meta({ description: 'The request: its X-Request-Id.' }),
    causation_id: z.string().meta({ description: 'The command or the event that caused it.' }),
    command_id: z.string().meta({ description: 'The same for all that was written together.' }),
    data: z.record(z.string(), z.unknown()).meta({
      description:
        'As docs/events.md words it, in snake_case, amounts as money. `{ "sealed": true }`: not for ' +
        'this reader. `{ "erased": true }`: gone for everybody.',
    }),
  })
  .meta({ id: 'AuditEvent' }) satisfies z.ZodType<ShownEvent>

/** An event with what it caused, to any depth. */
export interface ShownNode {
  readonly event: ShownEvent
  readonly caused: ShownNode[]
}
export const causalNodeSchema: z.ZodType<ShownNode> = z
  .strictObject({
    event: auditEventSchema,
    get caused() {
      return z.array(causalNodeSchema)
    },
  })
  .meta({ id: 'CausalNode' })

export const causalTreeSchema = z.strictObject({
  correlation_id: z.string(),
  events: z.int(),
  complete: z.boolean().meta({ description: 'false: there is more than is shown.' }),
  roots: z
    .array(z.strictObject({ causation_id: z.string(), caused: z.array(causalNodeSchema) }))
    .meta({ description: 'By what caused them: the request, or a command of a worker.' }),
})

type Node = CausalTree['roots'][number]['caused'][number]
type Show = (event: Node['event']) => Promise<ShownEvent>

export async function shownTree(
  tree: CausalTree,
  show: Show,
): Promise<z.output<typeof causalTreeSchema>> {
  const roots = tree.roots.map(async ({ causationId, caused }) => ({
    causation_id: causationId,
    caused: await Promise.all(caused.map((node) => shownNode(node, show))),
  }))
  return {
    correlation_id: tree.correlationId,
    events: tree.events,
    complete: tree.complete,
    roots: await Promise.all(roots),
  }
}

const shownNode = async ({ event, caused }: Node, show: Show): Promise<ShownNode> => ({
  event: await show(event),
  caused: await Promise.all(caused.map((node) => shownNode(node, show))),
})
