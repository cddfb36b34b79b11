/**
 * Keys with which programs act for an organization: the stored contract. The log has only the SHA-256 of
 * a secret of 256 random bits; the secret itself is shown once and kept nowhere.
 */
import { z } from 'zod'
import { digestText } from '../agent/events.ts'
import { event, type EventsOf } from '../event.ts'
import { idField, idSchema, instant, instantText } from '../ids.ts'
import { modelName } from '../model/events.ts'
import { nanosText } from '../money.ts'
import { clear, NOBODY, shownTo } from '../personal.ts'

/** What a key may do. None of them changes anything but calls. */
export const keyScopes = [
  'invoke',
  'agents:read',
  'invocations:read',
  'usage:read',
  'billing:read',
  'audit:read',
] as const
export const keyScope = z.enum(keyScopes)
export type KeyScope = z.output<typeof keyScope>

const count = z.exactOptional(z.int().positive().max(1_000_000))

/** What a person decides about a key. */
export const keyTerms = z.strictObject({
  name: z.string().trim().min(1).max(120),
  scopes: z.array(keyScope).min(1).max(keyScopes.length),
  /** Bound to these; all that the organization may use where left out. */
  agents: z.exactOptional(z.array(idSchema('agent')).min(1).max(100)),
  models: z.exactOptional(z.array(modelName).min(1).max(100)),
  expiresAt: z.exactOptional(instantText),
  limits: z.exactOptional(
    z.strictObject({
      requestsPerMinute: count,
      tokensPerMinute: z.exactOptional(z.int().positive().max(1_000_000_000)),
      concurrentInvocations: count,
    }),
  ),
  budget: z.exactOptional(
    z.strictObject({
      amountNanos: nanosText.refine(
        (text) => !text.startsWith('-') && text !== '0',
        'above nothing',
      ),
      per: z.enum(['day', 'month']),
    }),
  ),
})
export type KeyTerms = z.output<typeof keyTerms>

const shape = keyTerms.shape
export const apiKeyEvents = {
  ApiKeyIssued: event('A program that has the secret may act for the organization.', {
    keyId: idField('apiKey'),
    orgId: idField('organization'),
    /** Whoever issued it; it acts for the organization, and stays when that person leaves. */
    issuedBy: idField('user'),
    name: clear(shape.name),
    scopes: clear(shape.scopes),
    agents: clear(shape.agents),
    models: clear(shape.models),
    expiresAt: clear(shape.expiresAt),
    limits: clear(shape.limits),
    budget: clear(shape.budget),
    /** SHA-256 of the secret. */
    secretDigest: shownTo(NOBODY, clear(digestText)),
    at: instant,
  }),
  ApiKeyRotated: event('The key has another secret; the one before works for a while longer.', {
    keyId: idField('apiKey'),
    secretDigest: shownTo(NOBODY, clear(digestText)),
    /** Until when the secret before is taken. */
    overlapUntil: instant,
    at: instant,
  }),
  ApiKeyRevoked: event('Nobody may act with the key any more.', {
    keyId: idField('apiKey'),
    by: idField('user'),
    at: instant,
  }),
}
export type ApiKeyEvent = EventsOf<typeof apiKeyEvents>
