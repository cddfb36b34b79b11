/**
 * One attempt at a provider: a place in its share, the call within its time, and what the provider showed
 * of how much it takes. Fails with LlmFailure alone, and without having sent anything where the key is
 * not here.
 */
import type { Prompt } from '../../domain/agent/conversation.ts'
import type { Accepted } from '../../domain/invocation/events.ts'
import type { ModelInput } from '../../domain/model/events.ts'
import { LlmFailure, type LlmRequest, type LlmResult, type LlmTarget } from '../../ports/llm.ts'
import type { Deps, Settings } from '../deps.ts'
import type { Sign } from './provider-share.ts'
import { targetOf, timeoutsOf } from './target.ts'
import { outputLimit } from './terms.ts'

/** So long a call waits for its turn at a provider that is asked too much. */
const LONGEST_WAIT_MS = 10_000
/** And so long where another model may answer instead. */
const WAIT_BEFORE_FALLBACK_MS = 2_000

export interface Asked {
  readonly orgId: string
  /** undefined: its key is not here. */
  readonly target: LlmTarget | undefined
  readonly request: Omit<LlmRequest, 'target'>
  /** Longest time of the attempt, the wait for a place left out. */
  readonly totalMs: number
  /** Another model may answer where this one cannot. */
  readonly hasFallback: boolean
  /** When the call must be over. */
  readonly deadline: string
}

/** What is asked in this attempt of the call, from 1. Nothing is sent that the model does not take. */
export function askedOf(
  settings: Settings,
  { orgId, parameters, endUser, chain, deadline }: Accepted,
  terms: ModelInput,
  { messages, options }: Prompt,
  attempt: number,
): Asked {
  const { maxTokens, temperature } = parameters
  const { parameters: takes } = terms
  const limit = outputLimit(terms, maxTokens)
  const { totalMs, ...timeouts } = timeoutsOf(settings, terms)
  const request = {
    messages,
    ...(options === undefined ? {} : { options }),
    parameters: {
      ...(takes.maxTokens === 'max_tokens'
        ? { max_tokens: limit }
        : { max_completion_tokens: limit }),
      ...(temperature === undefined || !takes.temperature ? {} : { temperature }),
    },
    ...(takes.streamUsage === false ? { streamUsage: false } : {}),
    ...(endUser === undefined ? {} : { endUser }),
    timeouts,
  }
  const target = targetOf(settings, terms)
  return { orgId, target, request, totalMs, hasFallback: attempt < chain.length, deadline }
}

export interface Listeners {
  readonly onText: (text: string) => void
  readonly onToolCall?: Parameters<Deps['llm']['complete']>[3]
}

/** @throws LlmFailure */
export async function askProvider(
  { llm, share, clock }: Pick<Deps, 'llm' | 'share' | 'clock'>,
  asked: Asked,
  listeners: Listeners,
  signal: AbortSignal,
): Promise<LlmResult> {
  const { orgId, target, request } = asked
  if (!target)
    throw new LlmFailure('refused_key', { detail: 'the key that the model names is not set here' })
  const leftMs = Date.parse(asked.deadline) - clock.now().getTime()
  const longestMs = asked.hasFallback ? WAIT_BEFORE_FALLBACK_MS : LONGEST_WAIT_MS
  const waitMs = Math.max(0, Math.min(longestMs, leftMs))
  const place = await share.enter({ target, orgId, waitMs, signal })
  let sign: Sign = { kind: 'unknown' }
  const time = new AbortController()
  const timer = setTimeout(() => time.abort(), asked.totalMs)
  try {
    const both = AbortSignal.any([signal, time.signal])
    const { onText, onToolCall } = listeners
    const result = await llm.complete({ ...request, target }, onText, both, onToolCall)
    sign = { kind: 'taken' }
    return result
  } catch (error) {
    if (!(error instanceof LlmFailure)) throw error
    sign = signOf(error)
    if (error.reason === 'aborted' && time.signal.aborted && !signal.aborted) throw outOfTime(error)
    throw error
  } finally {
    clearTimeout(timer)
    place(sign)
  }
}

function signOf({ reason, firstByte, retryAfterMs }: LlmFailure): Sign {
  if (reason === 'rate_limited') return { kind: 'refused', retryAfterMs }
  return { kind: firstByte ? 'taken' : 'unknown' }
}

const outOfTime = ({ firstByte, text, toolCalls, usage }: LlmFailure): LlmFailure =>
  new LlmFailure('timeout', { firstByte, text, toolCalls, usage, detail: 'not whole in its time' })
