/**
 * The stored contract of request records: one stream for each run of a process, in batches. What is
 * billed is never here, so losing the last 200 ms on a kill loses no money.
 */
import { z } from 'zod'
import { event, type EventsOf } from '../event.ts'
import { idSchema, instant, instantText } from '../ids.ts'
import { clear } from '../personal.ts'

/** Keeps a batch far below what one event may hold (256 KiB). */
export const MAX_ITEMS = 400
export const MAX_COUNTS = 200

const method = z.string().regex(/^[A-Z]{1,16}$/)
/** The route's pattern (`/agents/{agent_id}/invoke`), never the address that was asked for. */
const route = z.string().min(1).max(200)
const status = z.int().min(100).max(599)

/** One request that was answered. */
export const usageItem = z.strictObject({
  requestId: z.string().min(1).max(64),
  at: instantText,
  route,
  method,
  status,
  latencyMs: z.int().nonnegative(),
  userId: z.exactOptional(idSchema('user')),
  keyId: z.exactOptional(idSchema('apiKey')),
  orgId: z.exactOptional(idSchema('organization')),
})
export type UsageItem = z.output<typeof usageItem>

/** Requests of nobody we know, beyond those that are listed one by one. */
export const usageCount = z.strictObject({ route, method, status, requests: z.int().positive() })
export type UsageCount = z.output<typeof usageCount>

export const usageEvents = {
  UsageRecorded: event('Requests were answered.', {
    runId: clear(z.string().min(1).max(64)),
    /** From 1 within its stream. */
    batch: clear(z.int().positive()),
    recordedAt: instant,
    items: clear(z.array(usageItem).max(MAX_ITEMS)),
    counts: clear(z.array(usageCount).max(MAX_COUNTS)),
  }),
}
export type UsageEvent = EventsOf<typeof usageEvents>
