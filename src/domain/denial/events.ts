/**
 * The stored contract of denials: who was refused what by which rule, one stream for each run of a
 * process, in batches. The same refusal of the same caller is one item with a count, so that a flood
 * stays small.
 */
import { z } from 'zod'
import { event, type EventsOf } from '../event.ts'
import { idSchema, instant, instantText } from '../ids.ts'
import { clear } from '../personal.ts'
import { limitDimensions, ruling } from '../policy/events.ts'

/** Keeps a batch far below what one event may hold (256 KiB). */
export const MAX_DENIALS = 300

export const denialItem = z.strictObject({
  /** Of the first and of the last of them. */
  at: instantText,
  lastAt: instantText,
  times: z.int().positive(),
  /** As the caller was told: `rate_limited`, `policy_denied`, … */
  code: z.string().regex(/^[a-z][a-z0-9_]{0,63}$/),
  ruling,
  /** The route's pattern, never the address that was asked for. */
  route: z.string().min(1).max(200),
  method: z.string().regex(/^[A-Z]{1,16}$/),
  /** As the route declares them. */
  resource: z.string().min(1).max(64),
  action: z.string().min(1).max(64),
  userId: z.exactOptional(idSchema('user')),
  keyId: z.exactOptional(idSchema('apiKey')),
  orgId: z.exactOptional(idSchema('organization')),
  /** Of a limit. */
  dimension: z.exactOptional(z.enum(limitDimensions)),
})
export type DenialItem = z.output<typeof denialItem>

export const denialEvents = {
  AccessDenied: event('Requests were refused by roles, policies, limits or budgets.', {
    runId: clear(z.string().min(1).max(64)),
    /** From 1 within its stream. */
    batch: clear(z.int().positive()),
    recordedAt: instant,
    items: clear(z.array(denialItem).max(MAX_DENIALS)),
  }),
}
export type DenialEvent = EventsOf<typeof denialEvents>
