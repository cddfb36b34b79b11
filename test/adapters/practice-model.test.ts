// Guarantee: the practice model behaves as a provider does, always says that no language model was
// called, answers the same to the same, and serves nobody without its key.
import OpenAI from 'openai'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createOpenAi, type OpenAi } from '../../src/adapters/openai.ts'
import {
  PRACTICE_MODEL,
  type PracticeModel,
  startPracticeModel,
} from '../../src/adapters/practice-model.ts'
import { createTokenCounter } from '../../src/adapters/token-counter.ts'
import type { LlmRequest } from '../../src/ports/llm.ts'

const HONEST = 'Practice model: no language model was called.'
const tokens = createTokenCounter()
let practice: PracticeModel
let llm: OpenAi
let sdk: OpenAI

beforeEach(async () => {
  practice = await startPracticeModel({ tokens, delayMs: 0 })
  llm = createOpenAi()
  sdk = new OpenAI({ apiKey: practice.apiKey, baseURL: practice.baseUrl, maxRetries: 0 })
})
afterEach(async () => {
  await llm.close()
  await practice.close()
})

const request = (content: string, parameters: LlmRequest['parameters'] = {}): LlmRequest => ({
  target: { baseUrl: practice.baseUrl, apiKey: practice.apiKey, model: PRACTICE_MODEL },
  messages: [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content },
  ],
  parameters,
  timeouts: { connectMs: 5_000, firstByteMs: 5_000, betweenChunksMs: 5_000 },
})
const complete = async (content: string, parameters: LlmRequest['parameters'] = {}) => {
  const heard: string[] = []
  const signal = new AbortController().signal
  const result = await llm.complete(
    request(content, parameters),
    (text) => heard.push(text),
    signal,
  )
  return { ...result, heard }
}
const post = (body: string, headers: Record<string, string> = {}) =>
  fetch(`${practice.baseUrl}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${practice.apiKey}`, ...headers },
    body,
  })

describe('its answer', () => {
  it('says what it is, and what it was asked, word by word', async () => {
    const result = await complete('  How are\nyou? 😀 ')
    expect(result.text).toBe(
      `${HONEST} Your message has 4 words and 17 characters: “How are you? 😀”. It came with 1 other message. Connect a provider to get a real answer.`,
    )
    expect(result.heard.length).toBeGreaterThan(20)
    expect(result).toMatchObject({ finishReason: 'stop', providerRequestId: 'req_practice_1' })
  })

  it('is the same for the same and another for another', async () => {
    const [a, b, c] = [await complete('one'), await complete('one'), await complete('two')]
    expect(a.text).toBe(b.text)
    expect(a.usage).toEqual(b.usage)
    expect(a.text).not.toBe(c.text)
  })

  it('shows the beginning of a long question only', async () => {
    const { text } = await complete('word '.repeat(10_000))
    expect(text.startsWith(HONEST)).toBe(true)
    expect(text).toContain('10000 words')
    expect(text.length).toBeLessThan(400)
  })

  it('counts tokens as a provider does', async () => {
    const { text, usage } = await complete('hello world')
    // 3 before the answer, 3 and the role for each message, "Be brief." and "hello world".
    expect(usage?.input_uncached).toBe(3 + (3 + 1 + 3) + (3 + 1 + 2))
    expect(usage?.output).toBe(tokens.count('o200k_base', text))
    expect(usage).toMatchObject({ input_cached: 0, reasoning: 0 })
  })

  it.each(['max_tokens', 'max_completion_tokens'] as const)('is cut by %s', async (name) => {
    const whole = await complete('hello')
    const cut = await complete('hello', { [name]: 8 })
    expect(cut.finishReason).toBe('length')
    expect(cut.usage?.output).toBeLessThanOrEqual(8)
    expect(cut.usage?.output).toBeGreaterThan(0)
    expect(whole.text.startsWith(cut.text)).toBe(true)
  })

  it('is spread over time', async () => {
    const slow = await startPracticeModel({ tokens, delayMs: 5 })
    const start = performance.now()
    const target = { ...request('hi').target, ...slow }
    const { text } = await llm.complete(
      { ...request('hi'), target },
      () => undefined,
      new AbortController().signal,
    )
    expect(performance.now() - start).toBeGreaterThan(text.split(' ').length * 4)
    await slow.close()
  })
})

describe('a call of a tool', () => {
  const tool = {
    type: 'function',
    function: {
      name: 'weather',
      parameters: {
        type: 'object',
        properties: { city: { type: 'string' }, days: { type: 'integer' } },
        required: ['city', 'days'],
      },
    },
  } as const
  const ask = (content: string, options: NonNullable<LlmRequest['options']>) =>
    llm.complete({ ...request(content), options }, () => undefined, new AbortController().signal)

  it('is made when the message names it, with arguments of the right types', async () => {
    const options = { tools: [tool] }
    const answer = await ask('Use weather for Oslo', options)
    expect(answer).toMatchObject({
      text: '',
      finishReason: 'tool_calls',
      toolCalls: [
        { function: { name: 'weather', arguments: '{"city":"Use weather for Oslo","days":1}' } },
      ],
    })
    expect((await ask('Use weather for Oslo', options)).toolCalls).toEqual(answer.toolCalls)
    expect((await ask('How is Oslo?', options)).toolCalls).toEqual([])
  })

  it('is made or left as tool_choice says', async () => {
    const named = { type: 'function', function: { name: 'weather' } }
    for (const tool_choice of ['required', named])
      expect((await ask('Hello', { tools: [tool], tool_choice })).toolCalls).toHaveLength(1)
    expect((await ask('weather', { tools: [tool], tool_choice: 'none' })).toolCalls).toEqual([])
  })

  it('comes whole in a document, too, and its answer is read', async () => {
    const user = { role: 'user', content: 'weather' } as const
    const body = { model: PRACTICE_MODEL, messages: [user], tools: [tool] }
    const [choice] = (await sdk.chat.completions.create(body as never)).choices
    expect(choice).toMatchObject({ finish_reason: 'tool_calls', message: { content: null } })
    const [call] = choice?.message.tool_calls ?? []
    const answered = [
      user,
      choice?.message,
      { role: 'tool', tool_call_id: call?.id, content: 'Snow.' },
    ]
    const said = await sdk.chat.completions.create({ ...body, messages: answered } as never)
    expect(said.choices[0]?.message.content).toContain('“Snow.”')
  })
})

describe('as a provider', () => {
  it('is understood by the openai package, streamed and whole', async () => {
    const body = { model: PRACTICE_MODEL, messages: [{ role: 'user' as const, content: 'hi' }] }
    const whole = await sdk.chat.completions.create(body)
    const content = whole.choices[0]?.message.content ?? ''
    expect(content).toContain(HONEST)
    const options = { stream: true, stream_options: { include_usage: true } } as const
    let streamed = ''
    let usage: unknown
    for await (const chunk of await sdk.chat.completions.create({ ...body, ...options })) {
      streamed += chunk.choices[0]?.delta.content ?? ''
      usage = chunk.usage ?? usage
    }
    expect(streamed).toBe(content)
    expect(usage).toEqual(whole.usage)
  })

  it('sends usage in a stream only when asked', async () => {
    const body = {
      model: PRACTICE_MODEL,
      stream: true,
      messages: [{ role: 'user', content: 'hi' }],
    }
    const text = await (await post(JSON.stringify(body))).text()
    expect(text).not.toContain('usage')
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true)
  })

  it('takes text in parts', async () => {
    const content = [
      { type: 'text' as const, text: 'first' },
      { type: 'text' as const, text: 'second' },
    ]
    const body = { model: PRACTICE_MODEL, messages: [{ role: 'user' as const, content }] }
    const answer = await sdk.chat.completions.create(body)
    expect(answer.choices[0]?.message.content).toContain('“first second”')
  })

  it('lists its one model and passes the check', async () => {
    expect((await sdk.models.list()).data.map(({ id }) => id)).toEqual([PRACTICE_MODEL])
    expect((await sdk.models.retrieve(PRACTICE_MODEL)).id).toBe(PRACTICE_MODEL)
    expect(await llm.check(request('').target)).toMatchObject({ ok: true })
    const target = { ...request('').target, model: 'gpt-9' }
    expect(await llm.check(target)).toMatchObject({ ok: false, wrong: 'model' })
  })
})

describe('it refuses', () => {
  const hi = { model: PRACTICE_MODEL, messages: [{ role: 'user', content: 'hi' }] }
  it.each([
    ['no JSON', '{', 'invalid_value', null],
    ['no messages', JSON.stringify({ model: PRACTICE_MODEL }), 'invalid_value', 'messages'],
    ['several answers', JSON.stringify({ ...hi, n: 2 }), 'invalid_value', 'n'],
    ['a limit of nothing', JSON.stringify({ ...hi, max_tokens: 0 }), 'invalid_value', 'max_tokens'],
    ['another model', JSON.stringify({ ...hi, model: 'gpt-9' }), 'model_not_found', 'model'],
    [
      '4 MiB',
      JSON.stringify({ ...hi, more: 'x'.repeat(8 * 1024 * 1024) }),
      'request_too_large',
      null,
    ],
  ])('%s, in OpenAI’s envelope', async (_, body, code, param) => {
    const response = await post(body)
    expect(response.ok).toBe(false)
    const { error } = (await response.json()) as { error: Record<string, unknown> }
    expect(error).toMatchObject({ code, param, type: 'invalid_request_error' })
    expect(typeof error['message']).toBe('string')
  })

  it('other paths', async () => {
    const headers = { authorization: `Bearer ${practice.apiKey}` }
    const response = await fetch(`${practice.baseUrl}/files`, { headers })
    expect(response.status).toBe(404)
  })

  it('everybody without its key, which is new at each start', async () => {
    const other = await startPracticeModel({ tokens })
    expect(other.apiKey).not.toBe(practice.apiKey)
    for (const authorization of ['', 'Bearer ', practice.apiKey, `Bearer ${other.apiKey}`])
      expect((await post(JSON.stringify(hi), { authorization })).status).toBe(401)
    await other.close()
  })

  it('everybody after it was closed', async () => {
    const other = await startPracticeModel({ tokens })
    await other.close()
    await expect(fetch(`${other.baseUrl}/models`)).rejects.toThrow()
  })
})
