/**
 * How each kind of provider answers and refuses, as their documentation and public reports of their bodies
 * have it (docs/providers.md names them). `canary` stands where a real body has the seller's affairs.
 */
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

type Json = Readonly<Record<string, unknown>>
const json = (status: number, body: unknown, headers = {}): ProviderReply => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  pieces: [JSON.stringify(body)],
})
const data = (chunk: unknown): string => `data: ${JSON.stringify(chunk)}\n\n`
const DONE = 'data: [DONE]\n\n'

interface Dialect {
  readonly chunk: Json
  readonly choice?: Json
  /** Before the first chunk. */
  readonly before?: readonly string[]
  readonly every?: (words: number) => Json
  readonly last?: Json
  readonly end?: readonly string[]
}
const usageOf = (words: number) => ({
  prompt_tokens: 11,
  completion_tokens: words,
  total_tokens: 11 + words,
})
function stream(words: readonly string[], dialect: Dialect): ProviderReply {
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
const about = (model: string): Json => ({
  id: 'chatcmpl-9',
  object: 'chat.completion.chunk',
  created: 1_760_000_000,
  model,
})

/** Usage in a chunk of its own, where asked for. */
const lastUsage = (chunk: Json, words: readonly string[], body: Json): string[] =>
  body['stream_options'] === undefined
    ? [DONE]
    : [data({ ...chunk, choices: [], usage: usageOf(words.length) }), DONE]

const openAiError = (status: number, code: string | null, message: string, more: Json = {}) =>
  json(status, { error: { message, type: 'invalid_request_error', param: null, code, ...more } })

export const openai: KnownKind = {
  name: 'openai',
  path: '/v1/chat/completions',
  key: 'sk-proj-canarykey0123456789',
  keyIn: ['authorization', 'Bearer sk-proj-canarykey0123456789'],
  basis: 'reported',
  answer: (words, body) => {
    const chunk = { ...about('gpt-5-mini-2025-08-07'), system_fingerprint: null }
    return stream(words, { chunk, end: lastUsage(chunk, words, body) })
  },
  wrongKey: openAiError(401, 'invalid_api_key', 'Incorrect API key provided: sk-proj-canary.'),
  notFound: openAiError(404, null, 'Invalid URL (POST /chat/completions)'),
  failures: [
    {
      what: 'key',
      reason: 'refused_key',
      reply: (canary) => openAiError(401, 'invalid_api_key', `Incorrect API key: ${canary}`),
    },
    {
      what: 'quota',
      reason: 'quota_exhausted',
      reply: (canary) =>
        openAiError(
          429,
          'insufficient_quota',
          `You exceeded your current quota, please check your plan and billing details. ${canary}`,
          { type: 'insufficient_quota' },
        ),
    },
    {
      what: 'rate',
      reason: 'rate_limited',
      reply: (canary) => ({
        ...openAiError(
          429,
          'rate_limit_exceeded',
          `Rate limit reached for gpt-5-mini in organization ${canary} on tokens per min (TPM)`,
          { type: 'tokens' },
        ),
        headers: { 'content-type': 'application/json', 'retry-after': '60' },
      }),
    },
    {
      what: 'model',
      reason: 'unknown_model',
      reply: (canary) =>
        openAiError(404, 'model_not_found', `The project ${canary} does not have access to it`),
    },
    {
      what: 'length',
      reason: 'context_exceeded',
      reply: (canary) =>
        openAiError(400, 'context_length_exceeded', `maximum context length is 10. ${canary}`),
    },
    {
      what: 'an error in the stream',
      reason: 'provider_error',
      reply: (canary) => ({
        pieces: [data({ error: { message: canary, type: 'server_error', code: null } })],
      }),
    },
  ],
}

const safe = { hate: { filtered: false, severity: 'safe' }, jailbreak: { filtered: false } }
const azureError = (status: number, code: string, message: string, more: Json = {}, headers = {}) =>
  json(status, { error: { code, message, ...more } }, headers)

export const azure: KnownKind = {
  name: 'azure',
  path: '/openai/deployments/mini-west/chat/completions?api-version=2024-10-21',
  key: 'azurecanarykey0123456789abcdef',
  keyIn: ['api-key', 'azurecanarykey0123456789abcdef'],
  basis: 'reported',
  answer: (words, body) => {
    const chunk = about('gpt-4o-mini-2024-07-18')
    const filtered = { prompt_index: 0, content_filter_results: safe }
    const nothing = { id: '', object: '', created: 0, model: '', choices: [] }
    // The filter of the answer speaks in a chunk without a delta.
    const late = { index: 0, finish_reason: null, content_filter_results: safe }
    return stream(words, {
      before: [data({ ...nothing, prompt_filter_results: [filtered] })],
      chunk: { ...chunk, system_fingerprint: 'fp_1' },
      choice: { content_filter_results: safe },
      end: [data({ ...nothing, choices: [late] }), ...lastUsage(chunk, words, body)],
    })
  },
  wrongKey: azureError(401, '401', 'Access denied due to invalid subscription key'),
  notFound: azureError(404, '404', 'Resource not found'),
  failures: [
    {
      what: 'key',
      reason: 'refused_key',
      reply: (canary) => azureError(401, '401', `Access denied due to invalid key ${canary}`),
    },
    {
      what: 'gateway',
      reason: 'refused_key',
      reply: (canary) => json(401, { statusCode: 401, message: `Unauthorized. ${canary}` }),
    },
    {
      what: 'deployment',
      reason: 'unknown_model',
      reply: (canary) => azureError(404, 'DeploymentNotFound', `The API deployment ${canary}`),
    },
    {
      what: 'rate',
      reason: 'rate_limited',
      reply: (canary) =>
        azureError(
          429,
          '429',
          `Requests have exceeded call rate limit of your current OpenAI S0 pricing tier ${canary}`,
          {},
          { 'retry-after': '86400' },
        ),
    },
    {
      what: 'filter',
      reason: 'content_filtered',
      reply: (canary) =>
        azureError(400, 'content_filter', `The response was filtered. ${canary}`, {
          type: null,
          param: 'prompt',
          status: 400,
          innererror: {
            code: 'ResponsibleAIPolicyViolation',
            content_filter_result: { violence: { filtered: true, severity: 'medium' } },
          },
        }),
    },
  ],
}

const vllmError = (status: number, type: string, message: string): ProviderReply =>
  json(status, { object: 'error', message, type, param: null, code: status })

export const vllm: KnownKind = {
  name: 'vllm',
  path: '/v1/chat/completions',
  key: 'token-canary0123456789',
  keyIn: ['authorization', 'Bearer token-canary0123456789'],
  basis: 'reported',
  // As with continuous_usage_stats: the usage grows with every chunk, and the last one ends the stream.
  answer: (words) =>
    stream(words, {
      chunk: about('meta-llama/Llama-3.1-8B-Instruct'),
      choice: { stop_reason: null },
      every: (count) => ({ usage: { ...usageOf(count), prompt_tokens_details: null } }),
      end: [],
    }),
  wrongKey: json(401, { error: 'Unauthorized' }),
  notFound: json(404, { detail: 'Not Found' }),
  failures: [
    { what: 'key', reason: 'refused_key', reply: (canary) => json(401, { error: canary }) },
    {
      what: 'model',
      reason: 'unknown_model',
      reply: (canary) => vllmError(404, 'NotFoundError', `The model \`${canary}\` does not exist.`),
    },
    {
      what: 'length, as it was said',
      reason: 'context_exceeded',
      reply: (canary) =>
        vllmError(
          400,
          'BadRequestError',
          `This model's maximum context length is 1024 tokens. However, you requested ${canary}`,
        ),
    },
    {
      what: 'length, as it is said',
      reason: 'context_exceeded',
      reply: (canary) =>
        json(400, {
          error: {
            message: `You passed 1015 input tokens. However, the model's context length is only 1024 tokens ${canary}`,
            type: 'BadRequestError',
            param: 'input_tokens',
            code: 400,
          },
        }),
    },
    {
      what: 'engine',
      reason: 'provider_error',
      reply: (canary) => vllmError(500, 'InternalServerError', `EngineDeadError ${canary}`),
    },
    {
      what: 'an error in the stream',
      reason: 'refused_request',
      reply: (canary) => ({
        pieces: [
          data({ error: { message: canary, type: 'BadRequestError', param: null, code: 400 } }),
          DONE,
        ],
      }),
    },
  ],
}

const ollamaError = (status: number, type: string, message: string): ProviderReply =>
  json(status, { error: { message, type, param: null, code: null } })

export const ollama: KnownKind = {
  name: 'ollama',
  path: '/v1/chat/completions',
  key: '',
  // Before 0.5 it said nothing of the usage in a stream.
  basis: 'estimated',
  answer: (words) =>
    stream(words, { chunk: { ...about('llama3.2:3b'), system_fingerprint: 'fp_ollama' } }),
  wrongKey: ollamaError(401, 'authentication_error', 'unauthorized'),
  notFound: {
    status: 404,
    headers: { 'content-type': 'text/plain' },
    pieces: ['404 page not found'],
  },
  failures: [
    {
      what: 'model',
      reason: 'unknown_model',
      reply: (canary) =>
        ollamaError(404, 'api_error', `model "${canary}" not found, try pulling it first`),
    },
    {
      what: 'model, as its own API says it',
      reason: 'unknown_model',
      reply: (canary) => json(404, { error: `model '${canary}' not found` }),
    },
    {
      what: 'memory',
      reason: 'provider_error',
      reply: (canary) =>
        ollamaError(500, 'api_error', `model requires more system memory than ${canary}`),
    },
    {
      what: 'path',
      reason: 'unreachable',
      reply: (canary) => ({ status: 404, pieces: [`404 page not found ${canary}`] }),
    },
  ],
}

const PROCESSING = ': OPENROUTER PROCESSING\n\n'
const routerError = (status: number, message: string, metadata: Json = {}): ProviderReply =>
  json(status, {
    error: { message, code: status, metadata },
    user_id: 'user_canary35tI40u3gKTMEMGS061Ov1xsUTj',
  })
const routed = { ...about('openai/gpt-4o-mini'), provider: 'OpenAI' }

export const openrouter: KnownKind = {
  name: 'openrouter',
  path: '/api/v1/chat/completions',
  key: 'sk-or-v1-canarykey0123456789',
  keyIn: ['authorization', 'Bearer sk-or-v1-canarykey0123456789'],
  basis: 'reported',
  answer: (words) =>
    stream(words, {
      before: [PROCESSING, PROCESSING],
      chunk: routed,
      choice: { native_finish_reason: null },
      end: [
        data({
          ...routed,
          choices: [{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }],
          usage: { ...usageOf(words.length), cost: 0.000_1, is_byok: false },
        }),
        DONE,
      ],
    }),
  wrongKey: routerError(401, 'No auth credentials found'),
  notFound: json(404, { error: { message: 'Not Found', code: 404 } }),
  failures: [
    { what: 'key', reason: 'refused_key', reply: (canary) => routerError(401, canary) },
    {
      what: 'credit',
      reason: 'quota_exhausted',
      reply: (canary) =>
        routerError(402, `This request requires more credits, but can only afford ${canary}`, {
          provider_name: null,
        }),
    },
    {
      what: 'rate',
      reason: 'rate_limited',
      reply: (canary) =>
        routerError(429, `Rate limit exceeded: free-models-per-day. ${canary}`, {
          headers: { 'X-RateLimit-Limit': '50', 'X-RateLimit-Remaining': '0' },
        }),
    },
    {
      what: 'moderation',
      reason: 'content_filtered',
      reply: (canary) =>
        routerError(403, 'Your chosen model requires moderation and your input was flagged', {
          reasons: ['violence'],
          flagged_input: canary,
          provider_name: 'OpenAI',
          model_slug: 'openai/gpt-4o-mini',
        }),
    },
    {
      what: 'an error behind a 200',
      reason: 'provider_error',
      reply: (canary) => ({
        headers: { 'content-type': 'application/json' },
        pieces: ['\n         \n', JSON.stringify({ error: { message: canary, code: 502 } })],
      }),
    },
    {
      what: 'an error in the stream',
      reason: 'provider_error',
      reply: (canary) => ({
        pieces: [
          PROCESSING,
          data({
            ...routed,
            error: { code: 'server_error', message: `Provider disconnected ${canary}` },
            choices: [{ index: 0, delta: { content: '' }, finish_reason: 'error' }],
          }),
        ],
      }),
    },
    {
      what: 'a limit behind it, in the stream',
      reason: 'rate_limited',
      reply: (canary) => ({
        pieces: [
          PROCESSING,
          data({
            ...routed,
            error: { code: 429, message: canary, metadata: { raw: canary } },
            choices: [{ index: 0, delta: { content: '' }, finish_reason: 'error' }],
          }),
        ],
      }),
    },
  ],
}

export const kinds = [openai, azure, vllm, ollama, openrouter] as const
