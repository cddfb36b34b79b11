/** What an ended call has cost the seller, for the ceiling: whatever is in doubt counts whole. */
import type { FailureReason, Terminal } from '../../domain/invocation/events.ts'

/** The provider has said that it did not take the call, or was never reached. */
const costsNothing: ReadonlySet<FailureReason> = new Set<FailureReason>([
  'unreachable',
  'rate_limited',
  'quota_exhausted',
  'refused_key',
  'refused_request',
  'unknown_model',
  'context_exceeded',
  'expired',
  'content_erased',
  'calls_stopped',
])

/** undefined: nobody knows. */
export function knownCostOf(end: Terminal | undefined): bigint | undefined {
  if (!end) return undefined
  const { settlement } = end.data
  if (settlement.kind === 'settle') return BigInt(settlement.costNanos)
  return end.type === 'InvocationFailed' && costsNothing.has(end.data.reason) ? 0n : undefined
}
