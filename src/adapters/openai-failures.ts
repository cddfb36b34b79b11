/**
 * What a provider's refusal means to us: one table from HTTP status and error envelope to LlmFailure.
 *
 * The provider's own message is never passed on: it quotes keys, prompts and the state of the seller's
 * account. `detail` is made of the status, codes shaped like identifiers, and names of parameters that
 * we send ourselves.
 */
import { LlmFailure } from '../ports/llm.ts'
import type { LlmFailureReason } from '../ports/llm.ts'

/** The provider's error object as it arrived: nothing about it is certain. */
export interface ProviderError {
  /** undefined for an error inside a stream. */
  readonly status: number | undefined
  readonly code?: unknown
  readonly type?: unknown
  readonly param?: unknown
  readonly message?: unknown
  /** Routers say here what a moderator flagged. */
  readonly metadata?: unknown
}

const QUOTA = /insufficient_quota|billing|credit|payment_required|exceeded_current_quota/iu
const KEY = /invalid_api_key|invalid_authentication|authentication_error|permission_denied/iu
const MODEL = /model_not_found|invalid_model|model_not_available|DeploymentNotFound/iu
const CONTEXT = /context_length|context_size|string_above_max_length|max_context/iu
const FILTER = /content_filter|content_policy|moderation|safety/iu
const RATE = /rate_limit|too_many_requests/iu
/** Servers that give no code say it in words. */
const CONTEXT_WORDS =
  /maximum context length|context length is only|context window|context size|too many tokens/iu
const KEY_WORDS = /api key not valid|invalid api key|incorrect api key/iu
const PATH_WORDS = /invalid url|unknown (request )?url|no such path|route .* not found/iu
const SENT = /\b(max_tokens|max_completion_tokens|temperature|stream_options|safety_identifier)\b/u
/** Refused for now: the same request may go again. Others would be refused again. */
const RETRIED = new Set([408, 409, 500, 502, 503, 504])

/** The error object of an envelope, of a stream's error event, or of a server that uses neither. */
export function providerError(status: number | undefined, body: unknown): ProviderError {
  if (typeof body !== 'object' || body === null) return { status }
  const inner: unknown = 'error' in body ? body.error : body
  if (typeof inner === 'string') return { status, message: inner }
  if (typeof inner !== 'object' || inner === null) return { status }
  return { ...inner, status }
}

export function reasonOf(error: ProviderError): { reason: LlmFailureReason; retry: boolean } {
  const status = error.status ?? statusIn(error.code)
  const taken = error.status === undefined
  const final = (reason: LlmFailureReason) => ({ reason, retry: false })
  const codes = `${text(error.code)} ${text(error.type)}`
  if (status === 402 || QUOTA.test(codes)) return final('quota_exhausted')
  if (status === 429 || (taken && RATE.test(codes)))
    return { reason: 'rate_limited', retry: !taken }
  if (status !== undefined && (status >= 500 || status === 408 || status === 409)) {
    const reason = status === 408 ? 'timeout' : 'provider_error'
    return { reason, retry: !taken && RETRIED.has(status) }
  }
  // A redirect is a wrong address; anything else that is no error should have been an answer.
  if (status !== undefined && status < 400) return final(status < 300 ? 'nonsense' : 'unreachable')
  if (MODEL.test(codes)) return final('unknown_model')
  if (status === 403 && (FILTER.test(codes) || isFlagged(error.metadata)))
    return final('content_filtered')
  if (status === 401 || status === 403) return final('refused_key')
  if (status === 404) return final(isAboutModel(error) ? 'unknown_model' : 'unreachable')
  if (FILTER.test(codes)) return final('content_filtered')
  if (CONTEXT.test(codes) || CONTEXT_WORDS.test(text(error.message)))
    return final('context_exceeded')
  if (KEY.test(codes) || KEY_WORDS.test(text(error.message))) return final('refused_key')
  return final(status !== undefined && status >= 400 ? 'refused_request' : 'provider_error')
}

const isFlagged = (metadata: unknown): boolean =>
  typeof metadata === 'object' &&
  metadata !== null &&
  ('flagged_input' in metadata || 'reasons' in metadata)

/** Routers put the status of the provider behind them into the code. */
const statusIn = (code: unknown): number | undefined =>
  typeof code === 'number' && code >= 400 && code < 600 ? code : undefined

/** Short, and without anything the provider could have copied from a secret or a prompt. */
export function detailOf(error: ProviderError, secret: string): string {
  const parts = [error.status === undefined ? 'error in the stream' : `HTTP ${error.status}`]
  for (const name of ['code', 'type', 'param'] as const) {
    const value = identifier(error[name], secret)
    if (value !== undefined) parts.push(`${name} ${value}`)
  }
  const named = SENT.exec(text(error.message))?.[0]
  if (named !== undefined && error.param !== named) parts.push(`names ${named}`)
  return parts.join(', ')
}

export function failureOf(
  error: ProviderError,
  secret: string,
  so: Omit<ConstructorParameters<typeof LlmFailure>[1] & object, 'detail' | 'cause'> = {},
): LlmFailure {
  const { reason, retry } = reasonOf(error)
  return new LlmFailure(reason, { retry, detail: detailOf(error, secret), ...so })
}

const text = (value: unknown): string => (typeof value === 'string' ? value.slice(0, 2_000) : '')

/** A 404 that speaks of a path, or says nothing, comes from a wrong address. */
const isAboutModel = (error: ProviderError): boolean =>
  (error.code ?? error.type ?? error.message) !== undefined && !PATH_WORDS.test(text(error.message))

/** A code as it may be shown, or undefined: nothing that looks like an account or shares the key. */
function identifier(value: unknown, secret: string): string | undefined {
  const shown = typeof value === 'number' ? String(value) : value
  if (typeof shown !== 'string' || !/^[\w.[\]-]{1,64}$/u.test(shown)) return undefined
  if (/^(sk|org|proj|key|user)[-_]/iu.test(shown)) return undefined
  if (secret.length >= 8 && shown.includes(secret)) return undefined
  return shown.length >= 8 && secret.includes(shown) ? undefined : shown
}
