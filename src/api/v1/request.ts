/**
 * What a client that speaks OpenAI's language asks for, made into an invocation: the last message of the
 * user is the input, the turns around it are the conversation. Every parameter has one fate, which
 * docs/openai.md lists: honored, lowered, dropped and named, or refused by name. Nothing is silently lost.
 */
import { z } from 'zod'
import type { ChatMessage, Conversation, PassedOptions } from '../../domain/agent/conversation.ts'
import { type FieldIssue, Problem } from '../errors.ts'
import { conversationOf, messageBody } from './messages.ts'

const MAX_MESSAGES = 2_000
const MAX_TOOLS = 128

const tool = z
  .looseObject({ type: z.literal('function', { error: 'only tools of type "function"' }) })
  .meta({ description: 'A function that the model may call, as OpenAI describes it.' })
const limit = z.int().positive().max(1_000_000).nullish()

export const completionBody = z
  .looseObject({
    model: z.string().min(1).max(200).meta({
      description: 'An agent: its short name, name@label, agent/name, or an alias.',
    }),
    messages: z.array(messageBody).min(1).max(MAX_MESSAGES),
    stream: z.boolean().nullish(),
    stream_options: z
      .looseObject({ include_usage: z.boolean().nullish() })
      .nullish()
      .meta({ description: 'include_usage: a last chunk has the usage.' }),
    max_tokens: limit.meta({ description: 'Lowers what the agent allows, never raises it.' }),
    max_completion_tokens: limit,
    n: z
      .literal(1, { error: 'one answer is made for a request: n is 1' })
      .nullish()
      .meta({ description: 'Only 1.' }),
    user: z.string().min(1).max(256).nullish().meta({
      description: 'Your own end user: usage is grouped by it.',
    }),
    safety_identifier: z.string().min(1).max(256).nullish(),
    metadata: z.record(z.string().min(1).max(64), z.string()).nullish().meta({
      description: 'Values of the variables that the agent declares; the rest are your own tags.',
    }),
    tools: z.array(tool).max(MAX_TOOLS).nullish(),
    tool_choice: z
      .union([z.enum(['none', 'auto', 'required']), z.looseObject({ type: z.string() })])
      .nullish(),
    parallel_tool_calls: z.boolean().nullish(),
    response_format: z
      .looseObject({ type: z.enum(['text', 'json_object', 'json_schema']) })
      .nullish(),
  })
  .meta({ id: 'ChatCompletionRequest' })
export type CompletionBody = z.output<typeof completionBody>

/** What a call is made of, beside the agent and who asks. */
export interface Wanted {
  readonly input: string
  readonly conversation: Conversation
  readonly maxTokens: number | undefined
  readonly user: string | undefined
  readonly metadata: Readonly<Record<string, string>>
  readonly stream: boolean
  readonly includeUsage: boolean
  /** Names of parameters that change nothing here. */
  readonly dropped: readonly string[]
}

/** Parameters that ask for what is not here: a client that gets something else would not notice. */
const refused: Readonly<Record<string, (value: unknown) => boolean>> = {
  logprobs: (value) => value !== false,
  top_logprobs: (value) => value !== 0,
  functions: () => true,
  function_call: () => true,
  audio: () => true,
  modalities: (value) => !(Array.isArray(value) && value.every((one) => one === 'text')),
  web_search_options: () => true,
}
const known = new Set([...Object.keys(completionBody.shape), ...Object.keys(refused)])
const MAX_NAMED = 20

/** @throws Problem invalid_input */
export function wantedOf(body: CompletionBody): Wanted {
  const issues: FieldIssue[] = []
  for (const [name, isRefused] of Object.entries(refused))
    if (isGiven(body[name]) && isRefused(body[name]))
      issues.push({ path: `body.${name}`, message: 'is not supported here' })
  const conversation = conversationOf(body.messages, issues)
  const options = optionsOf(body)
  if (options.tool_choice !== undefined && options.tools === undefined)
    issues.push({ path: 'body.tool_choice', message: 'is only for requests with tools' })
  if (!conversation || issues.length > 0) throw new Problem('invalid_input', {}, issues)
  const limits = [body.max_tokens, body.max_completion_tokens].filter(isGiven)
  return {
    input: conversation.input,
    conversation: { ...conversation, options },
    maxTokens: limits.length > 0 ? Math.min(...limits) : undefined,
    user: body.user ?? body.safety_identifier ?? undefined,
    metadata: body.metadata ?? {},
    stream: body.stream === true,
    includeUsage: body.stream_options?.include_usage === true,
    dropped: droppedOf(body),
  }
}

const isGiven = <T>(value: T | null | undefined): value is T =>
  value !== undefined && value !== null

function optionsOf(body: CompletionBody): PassedOptions {
  const { tools, tool_choice, parallel_tool_calls, response_format } = body
  return {
    // No tools are as good as none given; some clients always send the list.
    ...(isGiven(tools) && tools.length > 0 ? { tools } : {}),
    ...(isGiven(tool_choice) ? { tool_choice } : {}),
    ...(isGiven(parallel_tool_calls) ? { parallel_tool_calls } : {}),
    // Text is what is answered anyway.
    ...(isGiven(response_format) && response_format.type !== 'text' ? { response_format } : {}),
  }
}

/** Printable names only: they go into a header. */
const droppedOf = (body: CompletionBody): string[] =>
  Object.keys(body)
    .filter((name) => !known.has(name) && isGiven(body[name]) && /^[\w.-]{1,64}$/.test(name))
    .slice(0, MAX_NAMED)

export type { ChatMessage }
