/**
 * How vLLM and Ollama answer and refuse, as their documentation and public reports of their bodies have it. `canary`
 * stands where a real body has the seller's affairs.
 */
import { about, data, DONE, json, type KnownKind, stream, usageOf } from './bodies.ts'
import type { ProviderReply } from './server.ts'

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
