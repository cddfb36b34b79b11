// Guarantee: the same bytes from a provider give the same text and usage however the network cuts
// them, whatever is no chat completion is told apart, and usage becomes classes that sum to its totals.
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ChatBody, quantitiesOf } from '../../src/adapters/openai-stream.ts'

const chunk = (delta: object, more: object = {}) =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: null }], ...more })}`
const finish = `data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`
const usage = `data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}`
const DONE = 'data: [DONE]'

function read(bytes: readonly Uint8Array[]) {
  const heard: string[] = []
  const body = new ChatBody((text) => heard.push(text))
  for (const piece of bytes) body.push(Buffer.from(piece))
  body.end()
  const { text, finishReason, done, trouble } = body
  expect(heard.join('')).toBe(text)
  expect(heard).not.toContain('')
  return { text, finishReason, done, trouble, usage: body.usage }
}
const readText = (text: string) => read([Buffer.from(text)])

function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b)
  return [...at, bytes.length].map((end, index) => bytes.subarray(at[index - 1] ?? 0, end))
}

describe('any cutting of the same bytes', () => {
  const lines = fc.oneof(
    fc.string({ unit: 'grapheme' }).map((content) => chunk({ content })),
    fc.string({ unit: 'binary' }).map((content) => chunk({ content })),
    fc.constantFrom(': ping', 'event: message', 'id: 1', 'retry: 10', usage, ''),
    fc.constant(chunk({ role: 'assistant' }, { usage: null })),
  )
  const streams = fc.tuple(
    fc.array(lines, { maxLength: 12 }),
    fc.constantFrom('\n\n', '\r\n\r\n', '\n'),
    fc.constantFrom('', '\ufeff', '\n\n'),
    fc.constantFrom([finish, usage, DONE, ''], [finish, usage], [finish, DONE], [DONE], [], ['{']),
  )

  it('gives the same text, end and usage', () => {
    fc.assert(
      fc.property(streams, fc.array(fc.nat()), ([body, separator, start, end], places) => {
        const bytes = Buffer.from(start + [...body, ...end].join(separator))
        expect(read(cutAt(bytes, places))).toEqual(read([bytes]))
      }),
      { numRuns: 500 },
    )
  })

  it('gives the same byte by byte, inside characters of several bytes too', () => {
    const bytes = Buffer.from(
      `${[chunk({ content: 'é漢😀' }), finish, usage, DONE].join('\r\n\r\n')}\n\n`,
    )
    const whole = read([bytes])
    expect(whole).toMatchObject({ text: 'é漢😀', finishReason: 'stop', done: true })
    expect(whole.usage).toMatchObject({ input_uncached: 7, output: 3 })
    expect(read([...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(whole)
  })

  it('gives the same for a JSON document', () => {
    const message = { role: 'assistant', content: 'Grüße 😀' }
    const answer = { choices: [{ message, finish_reason: 'stop' }], usage: { prompt_tokens: 1 } }
    const bytes = Buffer.from(` \n${JSON.stringify(answer, null, 2)}\n`)
    expect(read([bytes])).toMatchObject({ text: 'Grüße 😀', finishReason: 'stop', done: true })
    fc.assert(
      fc.property(fc.array(fc.nat()), (places) => {
        expect(read(cutAt(bytes, places))).toEqual(read([bytes]))
      }),
    )
  })
})

describe('what a stream may hold', () => {
  it('takes text of a refusal as text', () => {
    const body = readText([chunk({ refusal: 'I will not.' }), finish, DONE].join('\n\n'))
    expect(body.text).toBe('I will not.')
  })

  it('keeps the last usage that is one', () => {
    const every = (n: number) =>
      chunk({ content: 'a' }, { usage: { prompt_tokens: 4, completion_tokens: n } })
    const body = readText([every(1), every(2), finish, chunk({}, { usage: null }), DONE].join('\n'))
    expect(body.usage).toMatchObject({ input_uncached: 4, output: 2 })
  })

  it('passes over shapes that it does not know', () => {
    const odd = ['{}', '[]', '{"choices":null}', '{"choices":[null]}', '{"choices":"x"}']
    const deltas = ['{"choices":[{"delta":null}]}', '{"choices":[{"delta":{"content":5}}]}']
    const lines = [...odd, ...deltas].map((json) => `data: ${json}`)
    const body = readText([...lines, chunk({ content: 'ok' }), finish, DONE].join('\n\n'))
    expect(body).toMatchObject({ text: 'ok', finishReason: 'stop', trouble: undefined })
  })

  it.each([
    ['a chunk that is no JSON', 'data: {"choices":'],
    ['a chunk that is no object', 'data: 5\n\n'],
    ['a page', '<html><body>502</body></html>'],
    ['words', 'no, thanks'],
    ['JSON of something else', '{"hello":"world"}'],
    ['half a JSON document', '{"choices":[{"mess'],
    ['a JSON answer without a finish_reason', '{"choices":[{"message":{"content":"a"}}]}'],
    ['a line beyond all bounds', `data: "${'a'.repeat(1024 * 1024 + 1)}`],
    ['nothing but comments', ': ping\n\n: ping\n\n'],
  ])('calls %s nonsense', (_, bytes) => {
    expect(readText(bytes).trouble).toMatchObject({ reason: 'nonsense' })
    const half = bytes.length >> 1
    const cut = [Buffer.from(bytes.slice(0, half)), Buffer.from(bytes.slice(half))]
    expect(read(cut).trouble).toMatchObject({ reason: 'nonsense' })
  })

  it.each([
    ['an error event', 'data: {"error":{"code":"rate_limit_exceeded"}}'],
    ['an event named error', 'event: error\ndata: {"code":"rate_limit_exceeded"}'],
    ['an error in JSON', '{"error":{"code":"rate_limit_exceeded"}}'],
  ])('tells %s', (_, bytes) => {
    expect(readText(bytes).trouble).toEqual({
      error: { status: undefined, code: 'rate_limit_exceeded' },
    })
  })

  it('tells a finish_reason that is an error', () => {
    const body = readText('data: {"choices":[{"delta":{},"finish_reason":"error"}]}\n\n')
    expect(body).toMatchObject({ trouble: { reason: 'provider_error' }, finishReason: undefined })
  })

  it('does not slow down on a long line in small pieces', () => {
    const body = new ChatBody(() => undefined)
    for (let index = 0; index < 1_000_000; index += 1) body.push(Buffer.from('x'))
    expect(body.trouble).toBeUndefined()
    for (let index = 0; index < 100_000; index += 1) body.push(Buffer.from('x'))
    expect(body.trouble).toMatchObject({ reason: 'nonsense' })
  }, 10_000)
})

describe('quantities', () => {
  const of = (prompt: unknown, completion: unknown, cached?: unknown, reasoning?: unknown) => ({
    prompt_tokens: prompt,
    completion_tokens: completion,
    prompt_tokens_details: { cached_tokens: cached },
    completion_tokens_details: { reasoning_tokens: reasoning },
  })

  it.each([
    ['plain', { prompt_tokens: 9, completion_tokens: 2 }, [9, 0, 2, 0]],
    ['with classes', of(9, 6, 4, 5), [5, 4, 1, 5]],
    ['more cached than prompt', of(9, 6, 40, 5), [0, 9, 1, 5]],
    ['more reasoning than completion', of(9, 6, 0, 50), [9, 0, 0, 6]],
    ['details that are nonsense', of(9, 6, -1, 0.5), [9, 0, 6, 0]],
    ['details that are null', { ...of(9, 6), prompt_tokens_details: null }, [9, 0, 6, 0]],
    ['reasoning beside the completion', { ...of(9, 6, 0, 20), total_tokens: 35 }, [9, 0, 6, 20]],
    ['reasoning only in the total', { ...of(9, 6), total_tokens: 35 }, [9, 0, 6, 20]],
    ['a total below its parts', { ...of(9, 6), total_tokens: 3 }, [9, 0, 6, 0]],
    ['a total that is no number', { ...of(9, 6), total_tokens: '35' }, [9, 0, 6, 0]],
  ])('%s', (_, given, [uncached, cached, output, reasoning]) => {
    expect(quantitiesOf(given)).toEqual({
      input_uncached: uncached,
      input_cached: cached,
      output,
      reasoning,
    })
  })

  it.each([
    [of(-1, 2)],
    [of(1.5, 2)],
    [of('9', 2)],
    [of(9, null)],
    [of(9, 1e12)],
    [{}],
    [null],
    [3],
  ])('are not made of %j', (given) => {
    expect(quantitiesOf(given)).toBeUndefined()
  })

  it('are whole, never negative, and sum to the totals, whatever is said', () => {
    const number = fc.oneof(fc.nat(1_000_000), fc.integer(), fc.double(), fc.constant(undefined))
    const totals = fc.tuple(fc.nat(1_000_000), fc.nat(1_000_000), number, number, number)
    fc.assert(
      fc.property(totals, ([prompt, completion, cached, reasoning, total]) => {
        const found = quantitiesOf({
          ...of(prompt, completion, cached, reasoning),
          total_tokens: total,
        })
        if (!found) throw new Error('usage was lost')
        const parts = Object.values(found)
        expect(parts.every((part) => Number.isSafeInteger(part) && part >= 0)).toBe(true)
        expect(found.input_uncached + found.input_cached).toBe(prompt)
        const valid = Number.isInteger(total) && (total ?? 0) > prompt + completion
        const sum = valid && (total ?? 0) <= 1e9 ? total : prompt + completion
        expect(parts.reduce((a, b) => a + b)).toBe(sum)
      }),
    )
  })
})
