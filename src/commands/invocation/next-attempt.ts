/**
 * What follows an attempt that gave no answer: the next model of the chain, the last one again, or the
 * end. Only before the first byte of an answer (the invocation's stream makes sure) and before the call's
 * time is up.
 */
import type { Accepted } from '../../domain/invocation/events.ts'
import type { LlmFailure, LlmFailureReason } from '../../ports/llm.ts'

const FIRST_RETRY_MS = 250
/** A provider that asks for a longer rest gets no second try. */
const LONGEST_RETRY_MS = 10_000

/** Whether another model may answer where one gave this. What was refused for what it says goes nowhere. */
const another: Readonly<Record<LlmFailureReason, boolean>> = {
  unreachable: true,
  timeout: true,
  rate_limited: true,
  quota_exhausted: true,
  refused_key: true,
  unknown_model: true,
  provider_error: true,
  cut_off: true,
  nonsense: true,
  refused_request: false,
  content_filtered: false,
  context_exceeded: false,
  aborted: false,
}

export interface NextAttempt {
  readonly again: boolean
  /** Before it. */
  readonly pauseMs: number
}

/** @param attempt the one that failed, from 1; each model of the chain has one, the last one the rest */
export function nextAttempt(
  { chain }: Pick<Accepted, 'chain'>,
  { reason, retry, retryAfterMs }: Pick<LlmFailure, 'reason' | 'retry' | 'retryAfterMs'>,
  attempt: number,
): NextAttempt {
  if (attempt < chain.length) return { again: another[reason], pauseMs: 0 }
  const pauseMs = retryAfterMs ?? FIRST_RETRY_MS * 2 ** (attempt - 1)
  const again = retry && (retryAfterMs ?? 0) <= LONGEST_RETRY_MS
  return { again, pauseMs: Math.min(pauseMs, LONGEST_RETRY_MS) }
}
