// Whatever goes wrong at /v1 is said in OpenAI's envelope, names the parameter, and says where a repeat is useless.
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Reply, TestApp } from '../../support/app.ts'
import { signIn } from '../../support/seed.ts'
import { type Door, openDoor, startDoor } from './door.ts'

let app: TestApp
let door: Door
let poor: Door
beforeAll(async () => {
  app = await startDoor()
  door = await openDoor(app)
  poor = await openDoor(app, { creditNanos: 0n })
  await door.publish('inactive')
  await door.publish('unready', {
    prompt_template: '{{input}} {{needed}}',
    variables: [{ name: 'needed' }],
  })
})
afterAll(() => app.stop())

interface Envelope {
  readonly error: {
    readonly message: string
    readonly type: string
    readonly param: string | null
    readonly code: string | null
  }
}
const messages = [{ role: 'user', content: 'Hello' }]
const post = (body: unknown, options: { token?: string; headers?: Record<string, string> } = {}) =>
  app.request<Envelope>('POST /v1/chat/completions', { token: door.key, body, ...options })

function isEnvelope({ body, headers, text }: Reply<Envelope>) {
  expect(Object.keys(body), text).toEqual(['error'])
  expect(Object.keys(body.error).sort()).toEqual(['code', 'message', 'param', 'type'])
  expect(body.error.message.length).toBeGreaterThan(10)
  expect(headers['content-type']).toBe('application/json; charset=utf-8')
  expect(headers['x-request-id']).toBeTruthy()
}

const image = { type: 'image_url', image_url: { url: 'https://example.org/cat.png' } }
const audio = { type: 'input_audio', input_audio: { data: '', format: 'wav' } }
const tool = { type: 'function', function: { name: 'weather' } }
const called = { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{}' } }

describe('400', () => {
  test.each([
    ['n', { n: 2 }],
    ['n', { n: 0 }],
    ['logprobs', { logprobs: true }],
    ['top_logprobs', { top_logprobs: 3 }],
    ['functions', { functions: [] }],
    ['function_call', { function_call: 'auto' }],
    ['audio', { audio: { voice: 'alloy', format: 'wav' } }],
    ['modalities', { modalities: ['text', 'audio'] }],
    ['web_search_options', { web_search_options: {} }],
    ['max_tokens', { max_tokens: 0 }],
    ['stream', { stream: 'yes' }],
    ['metadata.a', { metadata: { a: 1 } }],
    ['tool_choice', { tool_choice: 'auto' }],
    ['tools[0].type', { tools: [{ type: 'custom', custom: { name: 'x' } }] }],
    ['messages', { messages: [] }],
    ['messages[0].role', { messages: [{ role: 'function', content: 'x' }] }],
    ['messages[0].content', { messages: [{ role: 'user' }] }],
    ['messages[0].content[0]', { messages: [{ role: 'user', content: [image] }] }],
    ['messages[0].content[0]', { messages: [{ role: 'user', content: [audio] }] }],
    ['messages', { messages: [{ role: 'system', content: 'Only this.' }] }],
    ['messages', { messages: [...messages, { role: 'assistant', content: 'And?' }] }],
    [
      'messages[1].tool_call_id',
      { messages: [...messages, { role: 'tool', content: '1', tool_call_id: 'call_9' }] },
    ],
    [
      'messages[0].function_call',
      { messages: [{ role: 'assistant', content: '', function_call: {} }, ...messages] },
    ],
  ])('%s: %j', async (param, change) => {
    const reply = await post({ model: 'plain', messages, ...change })
    isEnvelope(reply)
    expect(reply).toMatchObject({
      status: 400,
      body: { error: { type: 'invalid_request_error', param, code: 'invalid_input' } },
    })
    expect(reply.body.error.message).toContain(`${param}: `)
  })

  test.each([
    ['tools', 'allow_tools', { tools: [tool] }],
    ['parallel_tool_calls', 'allow_tools', { parallel_tool_calls: false }],
    [
      'messages',
      'allow_tools',
      {
        messages: [
          ...messages,
          { role: 'assistant', content: null, tool_calls: [called] },
          { role: 'tool', content: '1', tool_call_id: 'call_1' },
        ],
      },
    ],
    ['response_format', 'allow_response_format', { response_format: { type: 'json_object' } }],
    [
      'messages',
      'client_system',
      { messages: [{ role: 'system', content: 'Be rude.' }, ...messages] },
    ],
    ['metadata.long', 'variables', { metadata: { long: 'x'.repeat(513) } }],
    [
      'metadata',
      'variables',
      {
        metadata: Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`tag${index}`, ''])),
      },
    ],
  ])('the agent does not take %s without %s', async (param, setting, change) => {
    const before = app.upstream.requests.length
    const reply = await post({ model: 'plain', messages, ...change })
    isEnvelope(reply)
    expect(reply).toMatchObject({
      status: 400,
      body: { error: { type: 'invalid_request_error', param, code: 'unsupported_parameter' } },
    })
    expect(reply.body.error.message).toContain(`“${setting}”`.slice(1, -1))
    expect(app.upstream.requests.length).toBe(before)
  })

  test('a missing variable, an empty input, a prompt beyond the model', async () => {
    const unready = await post({ model: 'unready', messages })
    expect(unready).toMatchObject({
      status: 400,
      body: { error: { param: 'metadata', code: 'variables_invalid' } },
    })
    const empty = await post({ model: 'plain', messages: [{ role: 'user', content: '' }] })
    expect(empty).toMatchObject({
      status: 400,
      body: { error: { param: 'messages', code: 'input_required' } },
    })
    const long = { role: 'user', content: 'x '.repeat(200_000) }
    await expect(
      door.client().chat.completions.create({ model: 'plain', messages: [long] as never }),
    ).rejects.toMatchObject({ status: 400, code: 'context_length_exceeded', param: 'messages' })
  })

  test('a body that is no JSON, and a key that is no key', async () => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${door.key}` }
    const sent = await fetch(`${await app.listen()}/v1/chat/completions`, {
      method: 'POST',
      headers,
      body: '{"model":',
    })
    expect(sent.status).toBe(400)
    expect(await sent.json()).toMatchObject({ error: { code: 'malformed_body', param: null } })
    const reply = await post(
      { model: 'plain', messages },
      { headers: { 'idempotency-key': 'a b' } },
    )
    isEnvelope(reply)
    expect(reply).toMatchObject({ status: 400, body: { error: { param: null } } })
  })

  test('another body under a known Idempotency-Key', async () => {
    const headers = { 'idempotency-key': 'one-wish' }
    expect((await post({ model: 'plain', messages }, { headers })).status).toBe(200)
    const reply = await post({ model: 'plain', messages, user: 'else' }, { headers })
    isEnvelope(reply)
    expect(reply).toMatchObject({
      status: 400,
      body: { error: { code: 'idempotency_key_reused' } },
    })
  })
})

describe('401 and 403', () => {
  test.each([
    ['no key', {}],
    ['a key that is none', { authorization: 'Bearer sk-0123456789abcdef' }],
  ])('%s', async (_what, headers) => {
    const reply = await app.request<Envelope>('POST /v1/chat/completions', {
      headers,
      body: { model: 'plain', messages },
    })
    isEnvelope(reply)
    expect(reply).toMatchObject({
      status: 401,
      body: { error: { type: 'authentication_error', code: 'invalid_api_key' } },
    })
  })

  test('a key without the scope, as the library tells it', async () => {
    const apiKey = await door.issueKey({ scopes: ['usage:read'] })
    const asked = door
      .client({ apiKey })
      .chat.completions.create({ model: 'plain', messages: messages as never })
    await expect(asked).rejects.toBeInstanceOf(OpenAI.PermissionDeniedError)
    await expect(door.client({ apiKey }).models.list()).rejects.toMatchObject({
      status: 403,
      type: 'permission_error',
    })
  })
})

describe('402', () => {
  test('no credit: never repeated by the library', async () => {
    const before = poor.test.upstream.requests.length
    await expect(
      poor
        .client({ maxRetries: 3 })
        .chat.completions.create({ model: 'plain', messages: messages as never }),
    ).rejects.toMatchObject({
      status: 402,
      type: 'insufficient_quota',
      code: 'insufficient_quota',
    })
    expect(poor.test.upstream.requests.length).toBe(before)
  })

  test.each([false, true])('and no invocation is named; stream: %s', async (stream) => {
    const reply = await post({ model: 'plain', messages, stream }, { token: poor.key })
    isEnvelope(reply)
    expect(reply.status).toBe(402)
    expect(reply.headers['x-daybook-invocation-id']).toBeUndefined()
  })
})

describe('404 and 405', () => {
  test.each([
    'nobody',
    'plain@beta',
    'plain@production@1',
    'agent/',
    'x'.repeat(200),
    'Plain',
    '%00',
  ])('no agent: %s', async (model) => {
    const reply = await post({ model, messages })
    isEnvelope(reply)
    expect(reply).toMatchObject({
      status: 404,
      body: { error: { type: 'invalid_request_error', param: 'model', code: 'model_not_found' } },
    })
  })

  test('another organization’s agent, and one that is switched off', async () => {
    await poor.publish('theirs')
    expect(await post({ model: 'theirs', messages })).toMatchObject({ status: 404 })
    const stranger = await signIn(app)
    const asked = { token: stranger.token, org: stranger.orgId }
    expect(await app.request('GET /v1/models/plain', asked)).toMatchObject({
      status: 404,
      body: { error: { code: 'model_not_found' } },
    })
    const { token, orgId: org } = door.owner
    const { data } = await door.client().models.list()
    expect(data.map(({ id }) => id)).toContain('inactive')
    const id = await door.publish('soon-off')
    await app.request(`PATCH /agents/${id}`, { token, org, body: { active: false } })
    expect(await post({ model: 'soon-off', messages })).toMatchObject({
      status: 404,
      body: { error: { code: 'model_not_found' } },
    })
    const now = await door.client().models.list()
    expect(now.data.map((model) => model.id)).not.toContain('soon-off')
  })

  test.each(['POST /v1/embeddings', 'GET /v1', 'POST /v1/responses', 'GET /v1/files?limit=2'])(
    '%s names what to use',
    async (line) => {
      const reply = await app.request<Envelope>(line, { token: door.key })
      isEnvelope(reply)
      expect(reply).toMatchObject({ status: 404, body: { error: { code: 'unknown_url' } } })
      expect(reply.body.error.message).toContain('POST /v1/chat/completions')
    },
  )

  test('a method that is not there', async () => {
    const reply = await app.request<Envelope>('GET /v1/chat/completions', { token: door.key })
    isEnvelope(reply)
    expect(reply).toMatchObject({ status: 405, headers: { allow: 'POST' } })
    expect(await app.request('GET /v10')).toMatchObject({ body: { code: 'route_not_found' } })
  })
})

describe('409, 413 and 415', () => {
  test('a repeat of what stays so is told to be useless', async () => {
    // Two organizations and none chosen.
    const stranger = await signIn(app)
    await app.request('POST /organizations', { token: stranger.token, body: { name: 'Second' } })
    await app.settled()
    const reply = await post({ model: 'plain', messages }, { token: stranger.token })
    isEnvelope(reply)
    expect(reply).toMatchObject({
      status: 409,
      headers: { 'x-should-retry': 'false' },
      body: { error: { code: 'organization_required' } },
    })
  })

  test('too large', async () => {
    const reply = await post({ model: 'plain', messages, filler: 'x'.repeat(600_000) })
    isEnvelope(reply)
    expect(reply).toMatchObject({ status: 413, body: { error: { code: 'body_too_large' } } })
  })

  test('not JSON by its type', async () => {
    const sent = await fetch(`${await app.listen()}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${door.key}`, 'content-type': 'text/plain' },
      body: 'Hello',
    })
    expect(sent.status).toBe(415)
    expect(await sent.json()).toMatchObject({ error: { code: 'unsupported_media_type' } })
  })
})

describe('429', () => {
  test('a limit of the key: the library may come again', async () => {
    const apiKey = await door.issueKey({ limits: { requests_per_minute: 1 } })
    const client = door.client({ apiKey })
    const ask = () =>
      client.chat.completions.create({ model: 'plain', messages: messages as never })
    await ask()
    const refused = await ask().then(
      () => undefined,
      (error: unknown) => error,
    )
    expect(refused).toBeInstanceOf(OpenAI.RateLimitError)
    expect(refused).toMatchObject({ type: 'rate_limit_error', code: 'rate_limit_exceeded' })
    const { headers } = refused as InstanceType<typeof OpenAI.RateLimitError>
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
    expect(headers.get('ratelimit')).toBeTruthy()
    expect(headers.get('x-should-retry')).toBeNull()
  })
})

describe('502 and 504', () => {
  test.each([
    [{ status: 400, error: { code: 'invalid_value' } }, 502, 'provider_refused', 'false'],
    [{ status: 401, error: { code: 'invalid_api_key' } }, 502, 'provider_unavailable', undefined],
  ] as const)('%j', async (behaviour, status, code, retry) => {
    app.upstream.next(behaviour, behaviour)
    const streamed = await post({ model: 'plain', messages, stream: true })
    expect(streamed).toMatchObject({ status, body: { error: { code } } })
    expect(streamed.headers['x-daybook-invocation-id']).toMatch(/^inv_/)
    const reply = await post({ model: 'plain', messages })
    isEnvelope(reply)
    expect(reply).toMatchObject({ status, body: { error: { type: 'server_error', code } } })
    expect(reply.headers['x-should-retry']).toBe(retry)
    expect(reply.headers['x-daybook-invocation-id']).toMatch(/^inv_/)
    expect(reply.text).not.toContain('invalid_api_key')
  })
})

test('in the language of the person', async () => {
  const russian = await signIn(app, { locale: 'ru' })
  const reply = await post(
    { model: 'plain', messages, n: 2 },
    { token: russian.token, headers: { 'x-organization-id': russian.orgId } },
  )
  expect(reply.body.error).toMatchObject({ param: 'n' })
  expect(reply.body.error.message).toMatch(/n: на запрос/)
})
