// A stream has exactly the bytes that OpenAI's libraries read, a reader gets all of it whoever carries the call out, and tools work.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type {
  ChatCompletionCreateParamsNonStreaming,
  ChatCompletionMessageParam,
  ChatCompletionTool,
} from 'openai/resources/index.mjs'
import type { TestApp } from '../../support/app.ts'
import { callOf, moneyOf } from '../../support/funded.ts'
import { openable } from '../../support/upstream.ts'
import { type Door, invocationOf, openDoor, startDoor, toolStream } from './door.ts'

let app: TestApp
let door: Door
beforeAll(async () => {
  app = await startDoor()
  door = await openDoor(app)
  await door.publish('handy', { allow_tools: true, allow_response_format: true })
})
afterAll(() => app.stop())

const messages: ChatCompletionMessageParam[] = [{ role: 'user', content: 'Hello' }]
const weather: ChatCompletionTool = {
  type: 'function',
  function: {
    name: 'weather',
    description: 'The weather of a city',
    parameters: { type: 'object', properties: { city: { type: 'string' } } },
  },
}

async function rawStream(body: object, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${await app.listen()}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${door.key}`,
      'content-type': 'application/json',
      ...headers,
    },
    body: JSON.stringify({ stream: true, ...body }),
  })
}

describe('the bytes', () => {
  test('of a stream with usage', async () => {
    // The second word in a read of its own: what comes together leaves together.
    const gate = openable()
    app.upstream.next({ text: ['Hi', ' there 😀'], midGate: gate, after: 1 })
    const body = { model: 'plain', messages, stream_options: { include_usage: true } }
    const response = await rawStream(body)
    gate.open()
    const text = await response.text()
    const invocationId = invocationOf(response)
    const created = Math.floor(app.clock.now().getTime() / 1_000)
    const head = `"id":"chatcmpl-${invocationId.slice(4)}","object":"chat.completion.chunk","created":${created},"model":"plain"`
    const chunk = (delta: string, finish = 'null') =>
      `data: {${head},"choices":[{"index":0,"delta":${delta},"logprobs":null,"finish_reason":${finish}}],"usage":null}\n\n`
    expect(text).toBe(
      [
        chunk('{"role":"assistant","content":"","refusal":null}'),
        chunk('{"content":"Hi"}'),
        chunk('{"content":" there 😀"}'),
        chunk('{}', '"stop"'),
        `data: {${head},"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}}}\n\n`,
        'data: [DONE]\n\n',
      ].join(''),
    )
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(response.headers.get('x-accel-buffering')).toBe('no')
    expect(response.headers.get('x-request-id')).toBeTruthy()
    expect(response.headers.get('location')).toBe(`/invocations/${invocationId}`)
  })

  test('without usage, and of an answer without words', async () => {
    app.upstream.next({ text: [] })
    const text = await (await rawStream({ model: 'plain', messages })).text()
    expect(text).not.toContain('usage')
    const chunks = text.split('\n\n').filter((one) => one !== '')
    expect(chunks).toHaveLength(3)
    expect(chunks[0]).toContain('"delta":{"role":"assistant","content":"","refusal":null}')
    expect(chunks[1]).toContain('"delta":{},"logprobs":null,"finish_reason":"stop"')
    expect(chunks[2]).toBe('data: [DONE]')
  })

  test('of a repeat: the same text and the same usage', async () => {
    app.upstream.next({ text: ['One ', 'answer.'] })
    const before = app.upstream.requests.length
    const body = { model: 'plain', messages, stream_options: { include_usage: true } }
    const headers = { 'idempotency-key': `stream-${before}` }
    const first = await (await rawStream(body, headers)).text()
    const second = await (await rawStream(body, headers)).text()
    expect(app.upstream.requests.length).toBe(before + 1)
    expect(wordsOf(second)).toBe(wordsOf(first))
    expect(second.slice(second.indexOf('"choices":[],'))).toBe(
      first.slice(first.indexOf('"choices":[],')),
    )
  })
})

const wordsOf = (stream: string): string =>
  [...stream.matchAll(/"delta":\{"content":("(?:[^"\\]|\\.)*")\}/g)]
    .map(([, text = '""']) => String(JSON.parse(text)))
    .join('')

describe('OpenAI’s own library', () => {
  test('reads a stream to its end, with the usage last', async () => {
    app.upstream.next({ text: 'A longer answer of several words.' })
    const stream = await door.client().chat.completions.create({
      model: 'plain',
      messages,
      stream: true,
      stream_options: { include_usage: true },
    })
    const chunks = []
    for await (const chunk of stream) chunks.push(chunk)
    expect(chunks[0]?.choices[0]?.delta).toMatchObject({ role: 'assistant', content: '' })
    expect(chunks.map((one) => one.choices[0]?.delta.content ?? '').join('')).toBe(
      'A longer answer of several words.',
    )
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe('stop')
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 10 } })
  })

  test('and with its helper', async () => {
    app.upstream.next({ text: 'Helped.' })
    const runner = door.client().chat.completions.stream({ model: 'plain', messages })
    expect(await runner.finalContent()).toBe('Helped.')
  })

  test('is told in the stream what broke it off', async () => {
    const before = await moneyOf(app, door.owner.orgId)
    app.upstream.next({ text: ['Half'], after: 1, ending: 'cut' })
    const stream = await door
      .client()
      .chat.completions.create({ model: 'plain', messages, stream: true })
    const heard: string[] = []
    await expect(async () => {
      for await (const chunk of stream) heard.push(chunk.choices[0]?.delta.content ?? '')
    }).rejects.toMatchObject({ type: 'server_error', code: 'invocation_failed' })
    expect(heard.join('')).toBe('Half')
    expect(await moneyOf(app, door.owner.orgId)).toEqual(before)
  })

  test('gets a status for what fails before the first word', async () => {
    app.upstream.next({ status: 400, error: { code: 'content_filter' } })
    await expect(
      door.client().chat.completions.create({ model: 'plain', messages, stream: true }),
    ).rejects.toMatchObject({ status: 502, code: 'provider_refused' })
  })
})

describe('tools', () => {
  const call = {
    id: 'call_1',
    type: 'function',
    function: { name: 'weather', arguments: '{"city":"Oslo"}' },
  } as const
  const streamed = toolStream([{ id: 'call_1', name: 'weather', pieces: ['{"ci', 'ty":"Oslo"}'] }])
  const asked: ChatCompletionCreateParamsNonStreaming = {
    model: 'handy',
    messages,
    tools: [weather],
    tool_choice: 'auto',
    parallel_tool_calls: false,
  }

  test('are passed on, and what the model calls comes back as a document', async () => {
    app.upstream.next({ raw: streamed })
    const before = app.upstream.requests.length
    const { data } = await door.client().chat.completions.create(asked).withResponse()
    expect(data.choices[0]).toEqual({
      index: 0,
      message: { role: 'assistant', content: null, refusal: null, tool_calls: [call] },
      logprobs: null,
      finish_reason: 'tool_calls',
    })
    expect(app.upstream.request(before).body).toMatchObject({
      tools: [weather],
      tool_choice: 'auto',
      parallel_tool_calls: false,
    })
    const id = `inv_${data.id.slice('chatcmpl-'.length)}`
    expect((await callOf(app, id)).end?.data.output).toMatchObject({ format: 'message' })
    await app.settled()
    const { token, orgId: org } = door.owner
    const shown = await app.request(`GET /invocations/${id}`, { token, org })
    expect(shown.body).toMatchObject({ output: '', tool_calls: [call] })
  })

  test('come in pieces in a stream, and whole in its repeat', async () => {
    app.upstream.next({ raw: streamed })
    const headers = { 'Idempotency-Key': `tools-${app.upstream.requests.length}` }
    const runOnce = async () => {
      const runner = door.client().chat.completions.stream({ ...asked, stream: true }, { headers })
      return (await runner.finalChatCompletion()).choices[0]
    }
    const first = await runOnce()
    expect(first?.message.tool_calls?.[0]).toMatchObject(call)
    expect(first?.finish_reason).toBe('tool_calls')
    expect(await runOnce()).toEqual(first)
  })

  test('pieces leave as they come', async () => {
    app.upstream.next({ raw: streamed })
    const text = await (await rawStream(asked)).text()
    const deltas = [...text.matchAll(/"delta":(\{.*?\}),"logprobs"/g)].map(
      ([, delta = '']) => JSON.parse(delta) as unknown,
    )
    expect(deltas).toEqual([
      { role: 'assistant', content: null, refusal: null },
      {
        tool_calls: [
          {
            index: 0,
            id: 'call_1',
            type: 'function',
            function: { name: 'weather', arguments: '' },
          },
        ],
      },
      { tool_calls: [{ index: 0, function: { arguments: '{"ci' } }] },
      { tool_calls: [{ index: 0, function: { arguments: 'ty":"Oslo"}' } }] },
      {},
    ])
  })

  test('a conversation may end with what a tool answered: the template stays where the user spoke', async () => {
    await door.publish('asked', { allow_tools: true, prompt_template: 'Q: {{input}}' })
    const before = app.upstream.requests.length
    await door.client().chat.completions.create({
      model: 'asked',
      messages: [
        { role: 'user', content: 'How is Oslo?' },
        { role: 'assistant', content: null, tool_calls: [call] },
        { role: 'tool', tool_call_id: 'call_1', content: 'Snow.' },
      ],
      tools: [weather],
    })
    expect(app.upstream.request(before).body['messages']).toEqual([
      { role: 'user', content: 'Q: How is Oslo?' },
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', content: 'Snow.', tool_call_id: 'call_1' },
    ])
  })

  test('and formats count in what is held', async () => {
    const held = async (more: object) => {
      const { response } = await door
        .client()
        .chat.completions.create({ model: 'handy', messages, ...more })
        .withResponse()
      return BigInt((await callOf(app, invocationOf(response))).accepted?.holdNanos ?? 0)
    }
    const bytes = (more: object) => BigInt(Buffer.byteLength(JSON.stringify(more)))
    const plain = await held({})
    const tools = { tools: [weather] }
    const format = { response_format: { type: 'json_object' } }
    // 1,000 nanos a token, and no token is shorter than a byte.
    expect((await held(tools)) - plain).toBe(bytes(tools) * 1_000n)
    expect((await held(format)) - plain).toBe(bytes(format) * 1_000n)
  })
})
