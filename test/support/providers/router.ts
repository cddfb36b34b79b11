/**
 * How OpenRouter answers and refuses, as its documentation and public reports of its bodies have it. `canary`
 * stands where a real body has the seller's affairs.
 */
import { about, data, DONE, type Json, json, type KnownKind, stream, usageOf } from './bodies.ts'
import type { ProviderReply } from './server.ts'

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
