/** An ended call as OpenAI shows an answer: ids, finish reasons and usage in its words. */
import { z } from 'zod'
import type { answered } from '../../commands/invocation/ended-call.ts'
import type { ToolCall } from '../../domain/agent/conversation.ts'
import type { Terminal } from '../../domain/invocation/events.ts'
import { toolCallsSchema } from '../invocations/answer.ts'

/** Derived from the call's own id, and it from this one: an answer leads to its invocation. */
export const completionId = (invocationId: string): string =>
  `chatcmpl-${invocationId.slice('inv_'.length)}`

export const secondsOf = (at: string): number => Math.floor(Date.parse(at) / 1_000)

export interface CompletionUsage {
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly total_tokens: number
  readonly prompt_tokens_details: { readonly cached_tokens: number }
  readonly completion_tokens_details: { readonly reasoning_tokens: number }
}

/** undefined: nobody knows. It is left out then, and never told as nothing. */
export function usageOf({ data: { usage } }: Terminal): CompletionUsage | undefined {
  if (!usage || usage.basis === 'unknown') return undefined
  const { input_uncached, input_cached, output, reasoning } = usage.quantities
  const [prompt, completion] = [input_uncached + input_cached, output + reasoning]
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: input_cached },
    completion_tokens_details: { reasoning_tokens: reasoning },
  }
}

const finishReasons = new Set(['stop', 'length', 'tool_calls', 'content_filter', 'function_call'])

/** One of those that clients know. A call that was canceled is cut short, as one at its limit is. */
export function finishReasonOf(end: Terminal): string {
  if (end.type !== 'InvocationCompleted') return 'length'
  const { finishReason } = end.data
  return finishReasons.has(finishReason) ? finishReason : 'stop'
}

export const completionSchema = z
  .strictObject({
    id: z.string(),
    object: z.literal('chat.completion'),
    created: z.int(),
    model: z.string().meta({ description: 'As it was asked for.' }),
    choices: z.array(
      z.strictObject({
        index: z.literal(0),
        message: z.strictObject({
          role: z.literal('assistant'),
          content: z.nullable(z.string()),
          refusal: z.null(),
          tool_calls: z.exactOptional(toolCallsSchema),
        }),
        logprobs: z.null(),
        finish_reason: z.string(),
      }),
    ),
    usage: z.exactOptional(
      z.strictObject({
        prompt_tokens: z.int(),
        completion_tokens: z.int(),
        total_tokens: z.int(),
        prompt_tokens_details: z.strictObject({ cached_tokens: z.int() }),
        completion_tokens_details: z.strictObject({ reasoning_tokens: z.int() }),
      }),
    ),
  })
  .meta({ id: 'ChatCompletion' })

export interface Said {
  readonly id: string
  readonly created: number
  readonly model: string
}

export function showCompletion(
  { id, created, model }: Said,
  { end, text, toolCalls }: ReturnType<typeof answered>,
): Record<string, unknown> {
  const usage = usageOf(end)
  return {
    id,
    object: 'chat.completion',
    created,
    model,
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: contentOf(text, toolCalls),
          refusal: null,
          ...(toolCalls.length > 0 ? { tool_calls: toolCalls } : {}),
        },
        logprobs: null,
        finish_reason: finishReasonOf(end),
      },
    ],
    ...(usage ? { usage } : {}),
  }
}

const contentOf = (text: string, toolCalls: readonly ToolCall[]): string | null =>
  text === '' && toolCalls.length > 0 ? null : text
