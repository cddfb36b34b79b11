/**
 * A call that has ended and whose hold is settled: what an answer is made of, whether just now or years
 * later, and the problem that a caller is shown where there is no answer. A provider's view of the
 * seller's account never leaves here.
 */
import type { ToolCall } from '../../domain/agent/conversation.ts'
import type { FailureReason, Terminal } from '../../domain/invocation/events.ts'
import { type Invocation, settlementOf } from '../../domain/invocation/invocation.ts'
import { Refusal, type RefusalCode } from '../../domain/refusal.ts'
import type { Position } from '../../ports/event-store.ts'

export interface EndedCall {
  readonly invocation: Invocation
  /** '' where nothing was said; undefined where it was deleted. */
  readonly text: string | undefined
  /** What the model wants to have called. */
  readonly toolCalls: readonly ToolCall[]
  /** Balance of the account after this call. */
  readonly balanceNanos: bigint
  readonly position: Position
}

/** What the call cost the buyer; 0 where its hold went back. */
export function chargeOf(invocation: Invocation): bigint {
  const settled = settlementOf(invocation)
  return settled !== 'open' && settled.kind === 'settle' ? settled.chargeNanos : 0n
}

type PublicReason =
  | 'provider_unavailable'
  | 'provider_timeout'
  | 'provider_refused'
  | 'context_exceeded'
  | 'content_filtered'
  | 'cut_off'
  | 'nonsense'
  | 'expired'
  | 'interrupted'
  | 'content_erased'
  | 'calls_stopped'

const failures: Readonly<
  Record<FailureReason, { readonly code: RefusalCode; readonly reason: PublicReason }>
> = {
  unreachable: { code: 'provider_unavailable', reason: 'provider_unavailable' },
  rate_limited: { code: 'provider_unavailable', reason: 'provider_unavailable' },
  quota_exhausted: { code: 'provider_unavailable', reason: 'provider_unavailable' },
  refused_key: { code: 'provider_unavailable', reason: 'provider_unavailable' },
  unknown_model: { code: 'provider_unavailable', reason: 'provider_unavailable' },
  provider_error: { code: 'provider_unavailable', reason: 'provider_unavailable' },
  timeout: { code: 'provider_timeout', reason: 'provider_timeout' },
  refused_request: { code: 'provider_refused', reason: 'provider_refused' },
  content_filtered: { code: 'provider_refused', reason: 'content_filtered' },
  context_exceeded: { code: 'context_exceeded', reason: 'context_exceeded' },
  cut_off: { code: 'invocation_failed', reason: 'cut_off' },
  nonsense: { code: 'invocation_failed', reason: 'nonsense' },
  aborted: { code: 'invocation_failed', reason: 'interrupted' },
  expired: { code: 'invocation_failed', reason: 'expired' },
  interrupted: { code: 'invocation_failed', reason: 'interrupted' },
  content_erased: { code: 'content_erased', reason: 'content_erased' },
  calls_stopped: { code: 'calls_stopped', reason: 'calls_stopped' },
}

/** Why a call failed, as far as its buyer is concerned. */
export const publicReason = (reason: FailureReason): PublicReason => failures[reason].reason

/** What a caller is told instead of an answer; undefined where there is one. */
export function problemOf(end: Terminal): Refusal | undefined {
  if (end.type !== 'InvocationFailed') return undefined
  const { code, reason } = failures[end.data.reason]
  return new Refusal(code, { invocationId: end.data.invocationId, reason })
}

/** @throws Refusal: why there is no answer, or content_erased where its text is gone. */
export function answered(ended: EndedCall): {
  readonly end: Terminal
  readonly text: string
  readonly toolCalls: readonly ToolCall[]
} {
  const { invocation, text, toolCalls } = ended
  if (!invocation.end) throw new Error('the call has not ended')
  const problem = problemOf(invocation.end)
  if (problem) throw problem
  if (text === undefined)
    throw new Refusal('content_erased', { invocationId: invocation.end.data.invocationId })
  return { end: invocation.end, text, toolCalls }
}
