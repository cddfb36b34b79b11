/**
 * A provider of language models: any server that speaks OpenAI's Chat Completions.
 */
import type { ChatMessage, PassedOptions, ToolCall } from '../domain/agent/conversation.ts'
import type { TokenQuantities } from '../domain/money.ts'

export type { ChatMessage, ToolCall } from '../domain/agent/conversation.ts'

/** A piece of a call of a tool. Id and name come once, with its first piece. */
export interface ToolCallDelta {
  /** Which of the answer's calls: 0, 1, 2… without gaps. */
  readonly index: number
  readonly id?: string
  readonly name?: string
  readonly arguments: string
}

export interface LlmTarget {
  readonly baseUrl: string
  readonly apiKey: string
  /** The provider's own name of the model. */
  readonly model: string
  /** `api-key: …` instead of `Authorization: Bearer …`. */
  readonly keyHeader?: 'authorization' | 'api-key'
  /** Sent besides, in lower case; none of those that are set anyway. */
  readonly headers?: Readonly<Record<string, string>>
}

export interface LlmRequest {
  readonly target: LlmTarget
  readonly messages: readonly ChatMessage[]
  /** Sent as they are. */
  readonly options?: PassedOptions
  /** Already mapped to what this model takes: nothing is sent that is not here. */
  readonly parameters: {
    readonly max_tokens?: number
    readonly max_completion_tokens?: number
    readonly temperature?: number
  }
  /** false: the server refuses to be asked for the usage. */
  readonly streamUsage?: boolean
  /** Hash of the end user, for the provider's abuse detection. */
  readonly endUser?: string
  readonly timeouts: {
    readonly connectMs: number
    readonly firstByteMs: number
    readonly betweenChunksMs: number
  }
}

export interface LlmResult {
  readonly text: string
  /** What the model wants to have called, whole. */
  readonly toolCalls: readonly ToolCall[]
  readonly finishReason: string
  /** undefined where the provider did not say. */
  readonly usage: TokenQuantities | undefined
  readonly providerRequestId: string | undefined
}

export interface Llm {
  /**
   * One call, always streamed from the provider. `onText` gets each piece of text as it comes, in order,
   * synchronously; `onToolCall` each piece of a call of a tool. Never retries: the caller knows what has
   * been said.
   * @throws LlmFailure
   */
  complete(
    request: LlmRequest,
    onText: (text: string) => void,
    signal: AbortSignal,
    onToolCall?: (delta: ToolCallDelta) => void,
  ): Promise<LlmResult>
}

/**
 * Why a call gave no answer. `retry`: the provider did not take it, the same call may go again.
 * `text`, `toolCalls` and `usage`: what had arrived before it broke.
 */
export class LlmFailure extends Error {
  readonly reason: LlmFailureReason
  readonly retry: boolean
  readonly firstByte: boolean
  readonly text: string
  readonly toolCalls: readonly ToolCall[]
  readonly usage: TokenQuantities | undefined
  /** How long the provider asked to be left alone, where it said so. */
  readonly retryAfterMs: number | undefined
  /** For the operator's log; never for the customer. No secrets. */
  readonly detail: string
  constructor(
    reason: LlmFailureReason,
    options: {
      retry?: boolean
      firstByte?: boolean
      text?: string
      toolCalls?: readonly ToolCall[]
      usage?: TokenQuantities | undefined
      retryAfterMs?: number | undefined
      detail?: string
      cause?: unknown
    } = {},
  ) {
    super(`provider: ${reason}`, { cause: options.cause })
    this.name = 'LlmFailure'
    this.reason = reason
    this.retry = options.retry ?? false
    this.firstByte = options.firstByte ?? false
    this.text = options.text ?? ''
    this.toolCalls = options.toolCalls ?? []
    this.usage = options.usage
    this.retryAfterMs = options.retryAfterMs
    this.detail = options.detail ?? ''
  }
}

export type LlmFailureReason =
  | 'unreachable'
  | 'timeout'
  | 'rate_limited'
  | 'quota_exhausted'
  | 'refused_key'
  | 'refused_request'
  | 'unknown_model'
  | 'context_exceeded'
  | 'content_filtered'
  | 'provider_error'
  | 'cut_off'
  | 'nonsense'
  | 'aborted'
