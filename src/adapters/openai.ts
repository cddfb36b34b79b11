/**
 * Calls any server that speaks OpenAI's Chat Completions. The answer is read as bytes from an undici
 * pool per origin, which costs half of fetch and a quarter of the openai package per chunk; the package
 * gives the types and makes the one call of `check`. Both are loaded when first needed.
 *
 * Never retries, never logs, and puts no key, prompt or provider's message into a failure.
 */
import type OpenAI from 'openai'
import type { Pool } from 'undici'
import { LlmFailure } from '../ports/llm.ts'
import type { Llm, LlmRequest, LlmTarget } from '../ports/llm.ts'
import { OpenAiCall } from './openai-call.ts'
import { checkTarget } from './openai-check.ts'
import type { LlmCheck } from './openai-check.ts'

export interface OpenAiOptions {
  /** Sent as user-agent. */
  readonly userAgent?: string
  /** How long `check` waits for its answer. */
  readonly checkTimeoutMs?: number
}

export interface OpenAi extends Llm {
  /** One tiny real call, charged by the provider: tells the operator what is wrong, if anything. */
  check(target: LlmTarget): Promise<LlmCheck>
  /** Ends running calls (`aborted`) and frees the connections. */
  close(): Promise<void>
}

/** A call given up keeps its place in the pool so long. */
const MAX_CONNECT_MS = 15_000
const MAX_HEADER_BYTES = 32 * 1024
/** safety_identifier and user: at most 64 characters. */
const MAX_END_USER = 64

export function createOpenAi(options: OpenAiOptions = {}): OpenAi {
  const { userAgent = 'daybook', checkTimeoutMs = 30_000 } = options
  const pools = new Map<string, Pool>()
  let closed = false

  async function poolOf(origin: string): Promise<Pool> {
    const undici = await import('undici')
    let pool = pools.get(origin)
    if (!pool) {
      // HTTP/1.1: a stream of its own per call, no head-of-line blocking. The call has its own timers.
      const timeouts = { connectTimeout: MAX_CONNECT_MS, headersTimeout: 0, bodyTimeout: 0 }
      pool = new undici.Pool(origin, {
        ...timeouts,
        allowH2: false,
        maxHeaderSize: MAX_HEADER_BYTES,
      })
      pools.set(origin, pool)
    }
    return pool
  }

  return {
    async complete(request, onText, signal, onToolCall) {
      if (signal.aborted) throw new LlmFailure('aborted')
      const address = addressOf(request.target)
      const pool = await poolOf(address.origin)
      if (closed || signal.aborted) throw new LlmFailure('aborted')
      return new OpenAiCall(request, onText, signal, onToolCall).run(pool, {
        method: 'POST',
        path: address.path,
        headers: headersOf(request.target, userAgent),
        body: JSON.stringify(bodyOf(request, address.origin)),
      })
    },
    check: (target) => checkTarget(target, checkTimeoutMs),
    async close() {
      closed = true
      await Promise.all([...pools.values()].map((pool) => pool.destroy()))
      pools.clear()
    },
  }
}

function addressOf(target: LlmTarget): { origin: string; path: string } {
  const url = URL.parse(target.baseUrl)
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw new LlmFailure('unreachable', { detail: 'the base URL is no http(s) address' })
  return {
    origin: url.origin,
    path: `${url.pathname.replace(/\/+$/u, '')}/chat/completions${url.search}`,
  }
}

/** Latin-1 and no control characters: all that HTTP can carry. */
const SENDABLE = /^[\x20-\x7e\xa0-\xff]*$/u

function headersOf(target: LlmTarget, userAgent: string): Record<string, string> {
  const { apiKey, keyHeader = 'authorization', headers } = target
  if (!SENDABLE.test(apiKey))
    throw new LlmFailure('refused_key', { detail: 'the key has characters no header can carry' })
  return {
    ...headers,
    accept: 'text/event-stream, application/json',
    'content-type': 'application/json',
    'user-agent': userAgent,
    ...(apiKey === '' ? {} : keyIn(keyHeader, apiKey)),
  }
}

type Options = NonNullable<LlmRequest['options']>
const keyIn = (header: 'authorization' | 'api-key', key: string): Record<string, string> =>
  header === 'api-key' ? { 'api-key': key } : { authorization: `Bearer ${key}` }

type Body = Omit<OpenAI.ChatCompletionCreateParamsStreaming, 'messages' | keyof Options> &
  Pick<LlmRequest, 'messages'> &
  Options

function bodyOf(request: LlmRequest, origin: string): Body {
  const { target, messages, options, parameters, endUser } = request
  const user = endUser?.slice(0, MAX_END_USER)
  return {
    model: target.model,
    messages,
    stream: true,
    ...(request.streamUsage === false ? {} : { stream_options: { include_usage: true } }),
    ...options,
    ...parameters,
    // `user` is the old name that compatible servers know.
    ...(user === undefined
      ? {}
      : origin === 'https://api.openai.com'
        ? { safety_identifier: user }
        : { user }),
  }
}
