/**
 * How OpenAI and Azure OpenAI answer and refuse, as their documentation and public reports of their bodies have it. `canary`
 * stands where a real body has the seller's affairs.
 */
import { about, data, type Json, json, type KnownKind, lastUsage, stream } from './bodies.ts'

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
