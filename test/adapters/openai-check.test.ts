// Guarantee: checking a provider's setting makes one small real call and tells the operator which part
// is wrong, without showing the key or the provider's words.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LlmCheckPart } from '../../src/adapters/openai-check.ts'
import { createOpenAi } from '../../src/adapters/openai.ts'
import type { Behaviour } from '../support/upstream.ts'
import { bare, type Calls, startCalls } from './openai-calls.ts'

let calls: Calls
beforeEach(async () => {
  calls = await startCalls()
})
afterEach(() => calls.close())

const check = (target: object = {}) => calls.llm.check({ ...calls.request().target, ...target })

describe('a setting that works', () => {
  it('is told with the provider’s id of the call, which is small', async () => {
    expect(await check()).toEqual({ ok: true, providerRequestId: 'req_test' })
    expect(calls.upstream.request(0).body).toMatchObject({
      model: 'test-model',
      max_completion_tokens: 256,
    })
    expect(calls.upstream.request(0).headers).not.toHaveProperty('openai-organization')
  })

  it('may know only the old name of the limit', async () => {
    calls.upstream.otherwise({ refuses: 'max_completion_tokens' })
    expect(await check()).toMatchObject({ ok: true })
    expect(calls.upstream.request(1).body).toMatchObject({ max_tokens: 256 })
  })
})

describe('a setting that does not work', () => {
  const rows: [LlmCheckPart, string, Behaviour][] = [
    ['key', 'refused_key', { status: 401, error: { code: 'invalid_api_key' } }],
    ['permission', 'refused_key', { status: 403, error: {} }],
    ['model', 'unknown_model', { status: 404, error: { code: 'model_not_found' } }],
    ['quota', 'quota_exhausted', { status: 429, error: { code: 'insufficient_quota' } }],
    ['provider', 'rate_limited', { status: 429, error: { code: 'rate_limit_exceeded' } }],
    ['provider', 'provider_error', { status: 500 }],
    ['parameters', 'refused_request', { status: 400, error: { code: 'invalid_value' } }],
    ['address', 'unreachable', { status: 404, raw: 'not found' }],
    ['address', 'nonsense', { raw: '<html>Welcome', headers: { 'content-type': 'text/html' } }],
    ['address', 'nonsense', { raw: '{"a":1}', headers: { 'content-type': 'application/json' } }],
    ['address', 'nonsense', { raw: '{"a"', headers: { 'content-type': 'application/json' } }],
    ['address', 'unreachable', { before: 'reset' }],
  ]
  it.each(rows)('is wrong in its %s (%s)', async (wrong, reason, behaviour) => {
    const words = `You are out of luck, ${calls.upstream.apiKey}`
    const error = { ...behaviour.error, message: words }
    calls.upstream.next(behaviour.error ? { ...behaviour, error } : behaviour)
    const found = await check()
    expect(found).toMatchObject({ ok: false, wrong, reason })
    expect(JSON.stringify(found)).not.toContain('luck')
    expect(JSON.stringify(found)).not.toContain(calls.upstream.apiKey)
    expect(calls.upstream.requests).toHaveLength(1)
  })

  it('has a wrong key', async () => {
    expect(await check({ apiKey: 'sk-wrong' })).toMatchObject({ wrong: 'key' })
  })

  it('has no address, or one where nobody listens', async () => {
    const { server, baseUrl } = await bare(() => undefined)
    await new Promise((resolve) => server.close(resolve))
    expect(await check({ baseUrl })).toMatchObject({ wrong: 'address', reason: 'unreachable' })
    expect(await check({ baseUrl: 'provider' })).toMatchObject({ wrong: 'address' })
  })

  it('does not answer in time', async () => {
    const hasty = createOpenAi({ checkTimeoutMs: 100 })
    calls.upstream.next({ before: 'stall' })
    const found = await hasty.check(calls.request().target)
    expect(found).toMatchObject({ wrong: 'provider', reason: 'timeout' })
    await hasty.close()
  })
})
