/**
 * Reads the body of a chat completion as it arrives: server-sent events, or one JSON document from a
 * server that ignores `stream`. Any cutting of the same bytes gives the same result. Trusts nothing:
 * whatever is not a chat completion ends as `nonsense`, and memory is bounded.
 *
 * Lines end in LF or CRLF, and each `data:` line is one JSON document, as every provider sends them.
 */
import { StringDecoder } from 'node:string_decoder'
import type OpenAI from 'openai'
import type { TokenQuantities } from '../domain/money.ts'
import type { LlmFailureReason, ToolCall, ToolCallDelta } from '../ports/llm.ts'
import { providerError } from './openai-failures.ts'
import type { ProviderError } from './openai-failures.ts'
import { type ToolCallPiece, ToolCalls } from './openai-tool-calls.ts'

const MAX_LINE_LENGTH = 1024 * 1024
const MAX_TEXT_LENGTH = 16 * 1024 * 1024
const MAX_JSON_LENGTH = 16 * 1024 * 1024

export type Trouble =
  | { readonly reason: LlmFailureReason; readonly detail: string }
  | { readonly error: ProviderError }

/** Chunks and answers as the openai package types them, with nothing certain to be there. */
type Unsure<T> = T extends readonly (infer Item)[]
  ? readonly Unsure<Item>[] | null | undefined
  : T extends object
    ? { readonly [Key in keyof T]?: Unsure<T[Key]> } | null | undefined
    : T | null | undefined
type Chunk = Unsure<OpenAI.ChatCompletionChunk> & { readonly error?: unknown }
type Answer = Unsure<OpenAI.ChatCompletion> & { readonly error?: unknown }
type Usage = Unsure<OpenAI.CompletionUsage>

export class ChatBody {
  text = ''
  finishReason: string | undefined
  /** Some of an answer has come: comments, filters' remarks and errors are none. */
  begun = false
  /** The provider said that the answer is over; nothing more is read. */
  done = false
  trouble: Trouble | undefined
  readonly #onText: (text: string) => void
  readonly #toolCalls: ToolCalls
  readonly #decoder = new StringDecoder('utf8')
  #rest = ''
  #format: 'unknown' | 'events' | 'json' = 'unknown'
  #event = ''
  #sawData = false
  #usage: unknown

  constructor(
    onText: (text: string) => void,
    onToolCall: (delta: ToolCallDelta) => void = () => undefined,
  ) {
    this.#onText = onText
    this.#toolCalls = new ToolCalls(onToolCall)
  }

  get toolCalls(): readonly ToolCall[] {
    return this.#toolCalls.whole
  }

  get usage(): TokenQuantities | undefined {
    return quantitiesOf(this.#usage)
  }

  push(bytes: Buffer): void {
    if (this.done || this.trouble) return
    let text = this.#decoder.write(bytes)
    if (this.#format === 'unknown') {
      // The first character that is no blank (a byte order mark is one) tells events from a document.
      text = text.trimStart()
      if (text === '') return
      this.#format = text.startsWith('{') || text.startsWith('[') ? 'json' : 'events'
    }
    if (this.#format === 'json') {
      this.#rest += text
      if (this.#rest.length > MAX_JSON_LENGTH) this.#nonsense('a JSON body beyond all bounds')
      return
    }
    this.#lines(text)
  }

  /** The body is complete. What is missing then is told by `finishReason` and `trouble`. */
  end(): void {
    if (this.done || this.trouble) return
    if (this.#format === 'json') return this.#answer(this.#rest)
    // The last line may lack its end.
    this.#lines('\n')
    if (!this.#sawData && !this.trouble) this.#nonsense('not a stream of events')
  }

  #lines(text: string): void {
    let end = text.indexOf('\n')
    if (end < 0) {
      this.#rest += text
      if (this.#rest.length > MAX_LINE_LENGTH) this.#nonsense('a line beyond all bounds')
      return
    }
    this.#line(this.#rest + text.slice(0, end))
    let start = end + 1
    while (!this.done && !this.trouble && (end = text.indexOf('\n', start)) >= 0) {
      this.#line(text.slice(start, end))
      start = end + 1
    }
    this.#rest = text.slice(start)
  }

  #line(line: string): void {
    if (line.startsWith('data:')) return this.#data(line.slice(5))
    if (line === '' || line === '\r') this.#event = ''
    else if (line.startsWith('event:')) this.#event = line.slice(6).trim()
  }

  #data(data: string): void {
    this.#sawData = true
    const start = data.trimStart()
    if (start.startsWith('[DONE]')) {
      this.done = true
      return
    }
    if (start.length > MAX_LINE_LENGTH) return this.#nonsense('a line beyond all bounds')
    const chunk = parse(data) as Chunk
    if (typeof chunk !== 'object' || chunk === null)
      return this.#nonsense('a chunk that is no JSON')
    if ((chunk.error ?? undefined) !== undefined || this.#event === 'error') {
      this.trouble = { error: providerError(undefined, chunk) }
      return
    }
    if ((chunk.usage ?? undefined) !== undefined) this.#usage = chunk.usage
    const choice = chunk.choices?.[0]
    if (!choice || (choice.index ?? 0) !== 0) return
    // Not OpenAI's, but routers in front of it end a broken answer so, perhaps before any of it.
    const broken = (choice.finish_reason as string) === 'error'
    if (!broken) this.begun = true
    this.#say(choice.delta?.content)
    this.#say(choice.delta?.refusal)
    this.#call(choice.delta?.tool_calls)
    if (typeof choice.finish_reason !== 'string') return
    if (broken) this.trouble = { reason: 'provider_error', detail: 'finish_reason error' }
    else this.finishReason = choice.finish_reason
  }

  #answer(json: string): void {
    const answer = parse(json) as Answer
    if (typeof answer !== 'object' || answer === null)
      return this.#nonsense('a body that is no JSON')
    if ((answer.error ?? undefined) !== undefined) {
      this.trouble = { error: providerError(undefined, answer) }
      return
    }
    const choice = answer.choices?.[0]
    if (!choice?.message || typeof choice.finish_reason !== 'string')
      return this.#nonsense('JSON that is no chat completion')
    this.begun = true
    this.#usage = answer.usage
    this.#say(choice.message.content)
    this.#say(choice.message.refusal)
    this.#call(choice.message.tool_calls)
    this.finishReason = choice.finish_reason
    this.done = true
  }

  #say(piece: unknown): void {
    if (typeof piece !== 'string' || piece === '') return
    this.begun = true
    this.text += piece
    if (this.text.length > MAX_TEXT_LENGTH) return this.#nonsense('an answer beyond all bounds')
    this.#onText(piece)
  }

  #call(pieces: unknown): void {
    if (!Array.isArray(pieces)) return
    for (const piece of pieces as readonly ToolCallPiece[]) {
      const wrong = this.#toolCalls.push(piece)
      if (wrong !== undefined) return this.#nonsense(wrong)
    }
  }

  #nonsense(detail: string): void {
    this.trouble = { reason: 'nonsense', detail }
    this.#rest = ''
  }
}

/** The error is dropped on purpose: its message quotes the text. */
function parse(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

/**
 * Our classes from a provider's usage; they sum to its totals. cached ⊂ prompt and reasoning ⊂
 * completion, so more than the whole is cut to the whole. Some providers leave reasoning out of the
 * completion but not out of the total: what the total has more is reasoning. No whole numbers: undefined.
 */
export function quantitiesOf(usage: unknown): TokenQuantities | undefined {
  if (typeof usage !== 'object' || usage === null) return undefined
  const given = usage as NonNullable<Usage>
  const prompt = count(given.prompt_tokens)
  const visible = count(given.completion_tokens)
  if (prompt === undefined || visible === undefined) return undefined
  const hidden = Math.max(0, (count(given.total_tokens) ?? 0) - prompt - visible)
  const completion = visible + hidden
  const cached = Math.min(count(given.prompt_tokens_details?.cached_tokens) ?? 0, prompt)
  const said = count(given.completion_tokens_details?.reasoning_tokens) ?? 0
  const reasoning = Math.min(Math.max(said, hidden), completion)
  return {
    input_uncached: prompt - cached,
    input_cached: cached,
    output: completion - reasoning,
    reasoning,
  }
}

/** A thousand million tokens are no answer to anything: such a number is nonsense. */
const MAX_TOKENS = 1_000_000_000
const count = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_TOKENS
    ? value
    : undefined
