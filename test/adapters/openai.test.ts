// Guarantee: an answer of a provider is handed out as it comes, exactly once, with what it used; a slow
// provider and a caller who gives up end the call at once, with what had arrived until then.
import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createOpenAi } from '../../src/adapters/openai.ts'
import { type Behaviour, openable } from '../support/upstream.ts'
import { bare, type Calls, never, PROMPT, startCalls } from './openai-calls.ts'

let calls: Calls
beforeEach(async () => {
  calls = await startCalls()
})
afterEach(() => calls.close())

const short = { connectMs: 100, firstByteMs: 5_000, betweenChunksMs: 100 }

describe('an answer', () => {
  it('is handed out as it comes, with its usage and the id of the request', async () => {
    calls.upstream.next({ text: ['Grüße', ' aus', ' Köln 😀'] })
    expect(await calls.complete()).toEqual({
      text: 'Grüße aus Köln 😀',
      heard: ['Grüße', ' aus', ' Köln 😀'],
      toolCalls: [],
      finishReason: 'stop',
      usage: { input_uncached: 10, input_cached: 0, output: 3, reasoning: 0 },
      providerRequestId: 'req_test',
    })
  })

  it('is heard before it ends', async () => {
    const midGate = openable()
    calls.upstream.next({ text: ['first', ' second'], after: 1, midGate })
    const first = Promise.withResolvers<string>()
    const call = calls.llm.complete(calls.request(), (text) => first.resolve(text), never)
    expect(await first.promise).toBe('first')
    midGate.open()
    expect((await call).text).toBe('first second')
  })

  it('asks for a stream with usage and sends what it was given, no more', async () => {
    await calls.complete({
      parameters: { max_completion_tokens: 5, temperature: 0 },
      endUser: 'h'.repeat(70),
    })
    const { body, headers } = calls.upstream.request(0)
    expect(body).toEqual({
      model: 'test-model',
      messages: [{ role: 'user', content: PROMPT }],
      stream: true,
      stream_options: { include_usage: true },
      max_completion_tokens: 5,
      temperature: 0,
      user: 'h'.repeat(64),
    })
    expect(headers).toMatchObject({ authorization: `Bearer ${calls.upstream.apiKey}` })
    await calls.complete({ parameters: {} })
    expect(Object.keys(calls.upstream.request(1).body)).not.toContain('max_tokens')
  })

  const details = {
    prompt_tokens: 12,
    completion_tokens: 8,
    total_tokens: 20,
    prompt_tokens_details: { cached_tokens: 5 },
    completion_tokens_details: { reasoning_tokens: 3 },
  }
  const classes = { input_uncached: 7, input_cached: 5, output: 5, reasoning: 3 }
  it.each<[string, Behaviour, object | undefined]>([
    ['in the last chunk', { usage: details }, classes],
    ['in every chunk', { usage: details, usageIn: 'every' }, classes],
    ['with the finish_reason', { usage: details, usageIn: 'finish' }, classes],
    ['nowhere', { usage: null }, undefined],
    ['of nonsense', { usage: { prompt_tokens: 'many' } }, undefined],
    ['in one JSON body', { usage: details, json: true }, classes],
  ])('takes usage that comes %s', async (_, behaviour, usage) => {
    calls.upstream.next(behaviour)
    const result = await calls.complete()
    expect(result.text).toBe('Hello from the test model.')
    expect(result.usage).toEqual(usage)
  })

  it.each(['length', 'content_filter'])('may end by %s', async (finishReason) => {
    calls.upstream.next({ finishReason })
    expect((await calls.complete()).finishReason).toBe(finishReason)
  })

  it('may be empty', async () => {
    calls.upstream.next({ text: [] })
    expect(await calls.complete()).toMatchObject({ text: '', finishReason: 'stop' })
  })

  it('is whole with its finish_reason though the connection then breaks or falls silent', async () => {
    const end = `data: {"choices":[{"index":0,"delta":{"content":"all"},"finish_reason":"stop"}]}\n\n`
    const bytes = `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 999\r\n\r\n${end}`
    for (const then of ['reset', 'silence'] as const) {
      const { server, baseUrl } = await bare((socket) => {
        socket.write(bytes)
        if (then === 'reset') socket.end()
      })
      const target = { baseUrl }
      expect(await calls.complete({ target, timeouts: short })).toMatchObject({
        text: 'all',
        usage: undefined,
      })
      server.close()
    }
  })

  it('uses a connection again and takes many at once', async () => {
    calls.upstream.otherwise({ text: Array.from({ length: 20 }, (_, i) => `${i} `) })
    const results = await Promise.all(Array.from({ length: 40 }, () => calls.complete()))
    expect(new Set(results.map((result) => result.text)).size).toBe(1)
    expect(calls.upstream.requests).toHaveLength(40)
  })

  it('does not wait for a server that leaves the connection open after its last word', async () => {
    const body =
      'data: {"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    const closed = Promise.withResolvers<void>()
    const { server, baseUrl } = await bare((socket) => {
      socket.on('close', () => closed.resolve())
      socket.write(`HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n${body}`)
    })
    expect((await calls.complete({ target: { baseUrl } })).text).toBe('x')
    await closed.promise
    server.close()
  })
})

describe('a provider that is slow', () => {
  it('does not answer in time', async () => {
    calls.upstream.next({ before: 'stall' })
    const found = await calls.failure({
      timeouts: { ...calls.request().timeouts, firstByteMs: 100 },
    })
    expect(found).toMatchObject({ reason: 'timeout', retry: false, firstByte: false })
    expect(await calls.upstream.request(0).closed).toBe('aborted')
  })

  it('sends headers and then nothing', async () => {
    calls.upstream.next({ after: 0, ending: 'stall' })
    const found = await calls.failure({
      timeouts: { ...calls.request().timeouts, firstByteMs: 100 },
    })
    expect(found).toMatchObject({ reason: 'timeout', firstByte: false })
  })

  it('falls silent in mid-stream', async () => {
    calls.upstream.next({ text: ['One', ' two'], after: 1, ending: 'stall' })
    const found = await calls.failure({
      timeouts: { ...calls.request().timeouts, betweenChunksMs: 100 },
    })
    expect(found).toMatchObject({ reason: 'timeout', retry: false, firstByte: true, text: 'One' })
    expect(await calls.upstream.request(0).closed).toBe('aborted')
  })

  it('may take longer than the idle time in all, piece by piece', async () => {
    calls.upstream.next({ text: Array.from({ length: 12 }, (_, i) => `${i} `), delayMs: 40 })
    const timeouts = { ...calls.request().timeouts, betweenChunksMs: 300 }
    expect((await calls.complete({ timeouts })).finishReason).toBe('stop')
  })

  it('refuses and then does not finish saying why', async () => {
    const { server, baseUrl } = await bare((socket) => {
      socket.write('HTTP/1.1 503 Unavailable\r\ncontent-length: 100\r\n\r\n{"err')
    })
    const found = await calls.failure({ target: { baseUrl }, timeouts: short })
    expect(found).toMatchObject({ reason: 'provider_error', retry: true })
    server.close()
  })

  it('takes no connection in time', async () => {
    // A TLS hello that nobody answers: the connection is never made.
    const { server, baseUrl } = await bare(() => undefined)
    const target = { baseUrl: baseUrl.replace('http:', 'https:') }
    const found = await calls.failure({
      target,
      timeouts: { ...calls.request().timeouts, connectMs: 100 },
    })
    expect(found).toMatchObject({ reason: 'unreachable', retry: true, firstByte: false })
    server.close()
  })
})

describe('a caller who gives up', () => {
  it('before the call sends nothing', async () => {
    expect(await calls.failure({}, AbortSignal.abort())).toMatchObject({
      reason: 'aborted',
      text: '',
    })
    expect(calls.upstream.requests).toHaveLength(0)
  })

  it('while waiting hangs up', async () => {
    calls.upstream.next({ before: 'stall' })
    const giveUp = new AbortController()
    const found = calls.failure({}, giveUp.signal)
    await calls.upstream.arrived(1)
    giveUp.abort()
    expect(await found).toMatchObject({ reason: 'aborted', retry: false, firstByte: false })
    expect(await calls.upstream.request(0).closed).toBe('aborted')
  })

  it('in mid-stream gets what had come and hears nothing more', async () => {
    calls.upstream.next({ text: ['One', ' two', ' three'], usageIn: 'every' })
    const giveUp = new AbortController()
    const heard: string[] = []
    const onText = (text: string) => {
      heard.push(text)
      giveUp.abort()
    }
    const outcome = await calls.llm
      .complete(calls.request(), onText, giveUp.signal)
      .catch((e: unknown) => e)
    expect(outcome).toMatchObject({ reason: 'aborted', firstByte: true, text: 'One' })
    expect(outcome).toMatchObject({ usage: { input_uncached: 10 } })
    expect(heard).toEqual(['One'])
  })

  it('leaves no listener on the signal', async () => {
    const giveUp = new AbortController()
    await calls.complete({}, giveUp.signal)
    calls.upstream.next({ status: 500 })
    await calls.failure({}, giveUp.signal)
    expect(getEventListeners(giveUp.signal, 'abort')).toEqual([])
  })

  it('gets its own error back when onText throws, and the provider is hung up on', async () => {
    calls.upstream.next({ text: ['One', ' two'], after: 1, ending: 'stall' })
    const defect = new Error('defect')
    const onText = () => {
      throw defect
    }
    await expect(calls.llm.complete(calls.request(), onText, never)).rejects.toBe(defect)
    expect(await calls.upstream.request(0).closed).toBe('aborted')
  })

  it('closes: running calls end and later ones are not made', async () => {
    const own = createOpenAi()
    calls.upstream.next({ before: 'stall' })
    const running = own.complete(calls.request(), () => undefined, never).catch((e: unknown) => e)
    await calls.upstream.arrived(1)
    await own.close()
    expect(await running).toMatchObject({ reason: 'aborted' })
    await expect(own.complete(calls.request(), () => undefined, never)).rejects.toMatchObject({
      reason: 'aborted',
    })
  })
})
