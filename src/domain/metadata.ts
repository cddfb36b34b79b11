/**
 * What every event says about itself besides its data: which command of whom wrote it, and when.
 */
import { z } from 'zod'

export const actorSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('anonymous') }),
  z.strictObject({ kind: z.literal('user'), id: z.string(), sessionId: z.string() }),
  z.strictObject({ kind: z.literal('apiKey'), id: z.string(), orgId: z.string() }),
  /** A worker or a sweep. */
  z.strictObject({ kind: z.literal('system'), name: z.string() }),
  /** A person at the command line of the machine. */
  z.strictObject({ kind: z.literal('operator') }),
])
/** Who acts, as events store it. Never a name or an address. */
export type ActorRef = z.output<typeof actorSchema>

export const eventMetadata = z.looseObject({
  /** Version of the event's schema. */
  v: z.int().positive(),
  /** When it was written: ISO 8601, UTC. Never used for order. */
  recordedAt: z.string(),
  /** The append of a flow that wrote it: the same however often the flow is repeated. */
  commandId: z.string(),
  /** The request (or the event, for a worker) at the root of the flow. */
  $correlationId: z.string(),
  /** What caused this append: the command's root, or an event's id. */
  $causationId: z.string(),
  actor: actorSchema,
  orgId: z.string().optional(),
  /** Keyed digest of the request, where a client sent an Idempotency-Key: another body is another wish. */
  digest: z.string().optional(),
  traceparent: z.string().optional(),
})
export type EventMetadata = z.output<typeof eventMetadata>
