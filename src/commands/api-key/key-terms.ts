/** A key's terms as people write them: the body of POST /api-keys. */
import { z } from 'zod'
import { type KeyTerms, keyTerms } from '../../domain/api-key/events.ts'
import { amountBody } from '../amount.ts'

const { shape } = keyTerms
const limits = shape.limits.unwrap().shape

export const keyTermsBody = z.strictObject({
  name: shape.name.meta({ description: 'For people. Not sealed: no place for personal data.' }),
  scopes: shape.scopes.meta({ description: 'What it may do; nothing else.' }),
  agents: shape.agents.meta({ description: 'Only these; where absent, all of the organization.' }),
  models: shape.models.meta({ description: 'Only calls that no other model can answer.' }),
  expires_at: z.exactOptional(
    z.iso
      .datetime()
      .transform((text) => new Date(text).toISOString())
      .meta({ description: 'From then on it is refused; never where absent.' }),
  ),
  limits: z.exactOptional(
    z
      .strictObject({
        requests_per_minute: limits.requestsPerMinute,
        tokens_per_minute: limits.tokensPerMinute,
        concurrent_invocations: limits.concurrentInvocations,
      })
      .meta({ description: 'Besides those of policies and plan.' }),
  ),
  budget: z.exactOptional(
    z
      .strictObject({ amount: amountBody, per: z.enum(['day', 'month']) })
      .meta({ description: 'What calls with it may cost in a day or month, UTC.' }),
  ),
})
export type KeyTermsBody = z.output<typeof keyTermsBody>

export function keyTermsOf(body: KeyTermsBody): KeyTerms {
  const { expires_at: expiresAt, limits: limited, budget, scopes, ...rest } = body
  return {
    ...rest,
    scopes: [...new Set(scopes)],
    ...(expiresAt !== undefined && { expiresAt }),
    ...(limited && {
      limits: {
        ...(limited.requests_per_minute !== undefined && {
          requestsPerMinute: limited.requests_per_minute,
        }),
        ...(limited.tokens_per_minute !== undefined && {
          tokensPerMinute: limited.tokens_per_minute,
        }),
        ...(limited.concurrent_invocations !== undefined && {
          concurrentInvocations: limited.concurrent_invocations,
        }),
      },
    }),
    ...(budget && { budget: { amountNanos: budget.amount, per: budget.per } }),
  }
}
