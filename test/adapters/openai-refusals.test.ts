// Guarantee: a provider that refuses or breaks gives a LlmFailure that says why and whether the same
// call may go again; no failure carries a key, a prompt or the provider's words.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LlmFailure } from '../../src/ports/llm.ts'
import type { Behaviour } from '../support/upstream.ts'
import { bare, type Calls, PROMPT, startCalls } from './openai-calls.ts'

let calls: Calls
beforeEach(async () => {
  calls = await startCalls()
})
afterEach(() => calls.close())

describe('a provider that refuses', () => {
  const rows: [number, Behaviour['error'], LlmFailure['reason'], boolean][] = [
    [401, { code: 'invalid_api_key' }, 'refused_key', false],
    [403, { code: 'unsupported_country_region_territory' }, 'refused_key', false],
    [403, { code: 'model_not_found' }, 'unknown_model', false],
    [404, { code: 'model_not_found' }, 'unknown_model', false],
    [404, { message: 'Invalid URL (POST /v9/chat/completions)' }, 'unreachable', false],
    [400, { code: 'invalid_value', param: 'messages' }, 'refused_request', false],
    [422, { type: 'invalid_request_error' }, 'refused_request', false],
    [400, { code: 'context_length_exceeded', param: 'messages' }, 'context_exceeded', false],
    [
      400,
      { message: "This model's maximum context length is 8192 tokens" },
      'context_exceeded',
      false,
    ],
    [400, { code: 'content_filter' }, 'content_filtered', false],
    [400, { code: 'content_policy_violation' }, 'content_filtered', false],
    [400, { message: 'API key not valid. Please pass a valid API key.' }, 'refused_key', false],
    [402, {}, 'quota_exhausted', false],
    [429, { code: 'rate_limit_exceeded', type: 'tokens' }, 'rate_limited', true],
    [429, {}, 'rate_limited', true],
    [429, { code: 'insufficient_quota', type: 'insufficient_quota' }, 'quota_exhausted', false],
    [429, { code: 'billing_hard_limit_reached' }, 'quota_exhausted', false],
    [408, {}, 'timeout', true],
    [409, {}, 'provider_error', true],
    [500, { type: 'server_error' }, 'provider_error', true],
    [501, {}, 'provider_error', false],
    [502, {}, 'provider_error', true],
    [503, {}, 'provider_error', true],
    [504, {}, 'provider_error', true],
  ]
  it.each(rows)('%i %j is %s', async (status, error = {}, reason, retry) => {
    calls.upstream.next({
      status,
      error: { message: `${PROMPT} ${calls.upstream.apiKey}`, ...error },
    })
    const found = await calls.failure()
    expect(found).toMatchObject({ reason, retry, firstByte: false, text: '', usage: undefined })
    expect(found.detail).toContain(`HTTP ${status}`)
    if (error.code) expect(found.detail).toContain(error.code)
    expect(calls.upstream.requests).toHaveLength(1)
  })

  it('names the parameter that it does not take', async () => {
    calls.upstream.otherwise({ refuses: 'max_tokens' })
    const found = await calls.failure()
    expect(found).toMatchObject({ reason: 'refused_request', retry: false })
    expect(found.detail).toContain('unsupported_parameter')
    expect(found.detail).toContain('max_tokens')
    const message = "Unsupported value: 'temperature' does not support 0.2 with this model."
    calls.upstream.next({ status: 400, error: { message } })
    expect((await calls.failure()).detail).toContain('temperature')
    expect((await calls.complete({ parameters: { max_completion_tokens: 9 } })).finishReason).toBe(
      'stop',
    )
  })

  it('shows no code that looks like an account or holds the key', async () => {
    const { apiKey } = calls.upstream
    for (const code of [
      'org-abc123',
      'sk-abc',
      apiKey,
      `x${apiKey}`,
      apiKey.slice(3),
      'a b',
      'ü',
    ]) {
      calls.upstream.next({ status: 400, error: { code, type: 'shown' } })
      expect((await calls.failure()).detail).toBe('HTTP 400, type shown')
    }
  })

  it('says how long to leave it alone', async () => {
    const after = async (headers: Record<string, string>) => {
      calls.upstream.next({ status: 429, headers })
      return (await calls.failure()).retryAfterMs
    }
    expect(await after({ 'retry-after': '7' })).toBe(7_000)
    expect(await after({ 'retry-after-ms': '250', 'retry-after': '7' })).toBe(250)
    expect(await after({ 'retry-after': '999999' })).toBe(600_000)
    expect(
      await after({ 'retry-after': new Date(Date.now() + 60_000).toUTCString() }),
    ).toBeGreaterThan(50_000)
    expect(await after({ 'retry-after': 'soon' })).toBeUndefined()
    expect(await after({})).toBeUndefined()
  })

  it('may forbid what would be tried again', async () => {
    calls.upstream.next({ status: 503, headers: { 'x-should-retry': 'false' } })
    expect((await calls.failure()).retry).toBe(false)
  })

  it.each<[string, Behaviour, LlmFailure['reason']]>([
    ['a page instead of an envelope', { status: 502, raw: '<html>bad gateway' }, 'provider_error'],
    ['nothing', { status: 401, raw: '' }, 'refused_key'],
    ['a wrong path', { status: 404, raw: '404 page not found' }, 'unreachable'],
    ['an error of one word', { status: 404, raw: '{"error":"model not found"}' }, 'unknown_model'],
    ['a redirect', { status: 302, headers: { location: '/x' }, raw: '' }, 'unreachable'],
    ['no content', { status: 204, raw: '' }, 'nonsense'],
    [
      'without end',
      { status: 500, raw: Array.from({ length: 99 }, () => 'x'.repeat(4096)) },
      'provider_error',
    ],
  ])('may answer with %s', async (_, behaviour, reason) => {
    calls.upstream.next(behaviour)
    expect((await calls.failure()).reason).toBe(reason)
  })
})

describe('a provider that breaks', () => {
  it('cannot be connected to', async () => {
    const { server, baseUrl } = await bare(() => undefined)
    await new Promise((resolve) => server.close(resolve))
    expect(await calls.failure({ target: { baseUrl } })).toMatchObject({
      reason: 'unreachable',
      retry: true,
    })
  })

  it.each([
    ['no address', { baseUrl: 'provider' }, 'unreachable'],
    ['another protocol', { baseUrl: 'file:///etc' }, 'unreachable'],
    ['a key with a line break', { apiKey: 'sk\r\nx-injected: 1' }, 'refused_key'],
    ['a wrong key', { apiKey: 'sk-wrong' }, 'refused_key'],
  ])('has %s', async (_, target, reason) => {
    expect(await calls.failure({ target })).toMatchObject({ reason, retry: false })
  })

  it('resets before its headers', async () => {
    calls.upstream.next({ before: 'reset' })
    expect(await calls.failure()).toMatchObject({
      reason: 'unreachable',
      retry: true,
      firstByte: false,
    })
  })

  it('resets after its headers and before any text', async () => {
    calls.upstream.next({ after: 0, ending: 'reset' })
    expect(await calls.failure()).toMatchObject({
      reason: 'cut_off',
      retry: true,
      firstByte: false,
    })
  })

  it.each(['reset', 'cut'] as const)('ends in mid-stream by %s', async (ending) => {
    calls.upstream.next({ text: ['One', ' two', ' three'], after: 2, ending })
    const found = await calls.failure()
    expect(found).toMatchObject({ reason: 'cut_off', retry: false, firstByte: true })
    expect(found).toMatchObject({ text: 'One two', usage: undefined })
  })

  it('keeps the usage that had come when it is cut off', async () => {
    calls.upstream.next({ usageIn: 'every', after: 1, ending: 'cut' })
    expect((await calls.failure()).usage).toMatchObject({ input_uncached: 10, output: 5 })
  })

  it('sends an error in mid-stream', async () => {
    calls.upstream.next({
      text: ['One', ' two'],
      after: 1,
      ending: 'error',
      error: { code: 'server_error' },
    })
    const found = await calls.failure()
    expect(found).toMatchObject({
      reason: 'provider_error',
      retry: false,
      firstByte: true,
      text: 'One',
    })
    expect(found.detail).toContain('server_error')
    calls.upstream.next({ after: 0, ending: 'error', error: { code: 'rate_limit_exceeded' } })
    expect(await calls.failure()).toMatchObject({ reason: 'rate_limited', retry: false })
  })

  it.each<[string, Behaviour]>([
    ['a page', { raw: '<!doctype html><p>Hello' }],
    ['JSON of something else', { raw: '{"status":"ok"}' }],
    ['broken JSON', { raw: 'data: {"choices":[\n\n' }],
    ['a line without end', { raw: Array.from({ length: 40 }, () => 'x'.repeat(32_768)) }],
    ['an empty body', { raw: '' }],
    ['headers without end', { headers: { 'x-long': 'a'.repeat(40_000) } }],
  ])('answers %s', async (_, behaviour) => {
    calls.upstream.next(behaviour)
    expect(await calls.failure()).toMatchObject({ reason: 'nonsense', retry: false, text: '' })
  })

  it('does not speak HTTP', async () => {
    const { server, baseUrl } = await bare((socket) => socket.end('SSH-2.0-OpenSSH\r\n'))
    expect(await calls.failure({ target: { baseUrl } })).toMatchObject({
      reason: 'nonsense',
      retry: false,
    })
    server.close()
  })
})
