/** What the bodies of all kinds of providers are made of: chunks of a stream, usage, errors. */
import type { AttemptFailure } from '../../../src/domain/invocation/events.ts'
import type { ProviderKind, ProviderReply } from './server.ts'

export interface KnownFailure {
  readonly what: string
  readonly reason: AttemptFailure
  readonly reply: (canary: string) => ProviderReply
}
export interface KnownKind extends ProviderKind {
  /** How its usage comes to be known. */
  readonly basis: 'reported' | 'counted' | 'estimated'
  readonly failures: readonly KnownFailure[]
}

export type Json = Readonly<Record<string, unknown>>
export const json = (status: number, body: unknown, headers = {}): ProviderReply => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  pieces: [JSON.stringify(body)],
})
export const data = (chunk: unknown): string => `data: ${JSON.stringify(chunk)}\n\n`
export const DONE = 'data: [DONE]\n\n'

interface Dialect {
  readonly chunk: Json
  readonly choice?: Json
  /** Before the first chunk. */
  readonly before?: readonly string[]
  readonly every?: (words: number) => Json
  readonly last?: Json
  readonly end?: readonly string[]
}
export const usageOf = (words: number) => ({
  prompt_tokens: 11,
  completion_tokens: words,
  total_tokens: 11 + words,
})
export function stream(words: readonly string[], dialect: Dialect): ProviderReply {
  const { chunk, choice = {}, before = [], every = () => ({}), last = {}, end = [DONE] } = dialect
  const say = (delta: Json, finish: string | null, count: number) =>
    data({
      ...chunk,
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finish, ...choice }],
      ...every(count),
      ...(finish === null ? {} : last),
    })
  const spoken = words.map((content, index) => say({ content }, null, index + 1))
  const pieces = [...before, say({ role: 'assistant', content: '' }, null, 0), ...spoken]
  return { pieces: [...pieces, say({}, 'stop', words.length), ...end] }
}
export const about = (model: string): Json => ({
  id: 'chatcmpl-9',
  object: 'chat.completion.chunk',
  created: 1_760_000_000,
  model,
})

/** Usage in a chunk of its own, where asked for. */
export const lastUsage = (chunk: Json, words: readonly string[], body: Json): string[] =>
  body['stream_options'] === undefined
    ? [DONE]
    : [data({ ...chunk, choices: [], usage: usageOf(words.length) }), DONE]
