/**
 * RateLimit and RateLimit-Policy as draft-ietf-httpapi-ratelimit-headers has them: the tightest limit of
 * the request, named by its policy and by whom it counts for. A limit of calls at once has no window.
 */
import type { Rate } from '../commands/admission/limiter.ts'
import { limitDimensions } from '../domain/policy/events.ts'
import type { Facts } from '../messages/messages.ts'

/** What is counted, in the draft's words where it has one. */
const units = {
  requests: '',
  tokens: ';qu="tokens"',
  concurrency: ';qu="concurrent-requests"',
} as const
type Measure = keyof typeof units

/** Ids and words of ours: nothing in them ends a quoted string. */
export const rateName = ({ policyId, per }: Pick<Rate, 'policyId' | 'per'>): string =>
  `${policyId}/${per}`

export function rateHeaders(rate: Rate): Readonly<Record<string, string>> {
  const { measure, limit, windowSeconds, remaining, resetSeconds } = rate
  const name = `"${rateName(rate)}"`
  const window = windowSeconds === undefined ? '' : `;w=${Math.max(1, Math.round(windowSeconds))}`
  const reset = resetSeconds === undefined ? '' : `;t=${Math.ceil(resetSeconds)}`
  return {
    'ratelimit-policy': `${name};q=${limit}${units[measure]}${window}`,
    ratelimit: `${name};r=${Math.max(0, remaining)}${reset}`,
  }
}

/** The limit that refused the request, from the refusal's facts. */
export function rateOfRefusal(facts: Facts): Rate | undefined {
  const { policyId, dimension, measure, limit, windowSeconds, retryAfterMs } = facts
  const per = limitDimensions.find((one) => one === dimension)
  if (typeof policyId !== 'string' || per === undefined || typeof limit !== 'number')
    return undefined
  if (typeof measure !== 'string' || !Object.hasOwn(units, measure)) return undefined
  return {
    policyId,
    per,
    measure: measure as Measure,
    limit,
    windowSeconds: typeof windowSeconds === 'number' ? windowSeconds : undefined,
    remaining: 0,
    resetSeconds: typeof retryAfterMs === 'number' ? retryAfterMs / 1_000 : undefined,
  }
}
