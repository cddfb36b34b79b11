// Calls of tools are whole, with an id and without gaps, however a provider cuts them; what is none is nonsense.
import { describe, expect, it } from 'vitest'
import { ChatBody } from '../../src/adapters/openai-stream.ts'
import type { ToolCallDelta } from '../../src/ports/llm.ts'

function read(deltas: readonly object[], finish = 'tool_calls') {
  const heard: ToolCallDelta[] = []
  const body = new ChatBody(
    () => undefined,
    (delta) => heard.push(delta),
  )
  const send = (delta: object, reason: string | null) =>
    body.push(
      Buffer.from(
        `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: reason }] })}\n\n`,
      ),
    )
  for (const delta of deltas) send(delta, null)
  send({}, finish)
  body.end()
  return { heard, calls: body.toolCalls, trouble: body.trouble, finishReason: body.finishReason }
}

const piece = (call: object) => ({ tool_calls: [call] })
const oslo = { id: 'a', type: 'function', function: { name: 'weather', arguments: '{"c":1}' } }

describe('a call of a tool', () => {
  it('comes in pieces, as OpenAI sends it', () => {
    const { heard, calls, finishReason } = read([
      piece({ index: 0, id: 'a', type: 'function', function: { name: 'weather', arguments: '' } }),
      piece({ index: 0, function: { arguments: '{"c"' } }),
      piece({ index: 0, function: { arguments: ':1}' } }),
    ])
    expect(calls).toEqual([oslo])
    expect(heard).toEqual([
      { index: 0, id: 'a', name: 'weather', arguments: '' },
      { index: 0, arguments: '{"c"' },
      { index: 0, arguments: ':1}' },
    ])
    expect(finishReason).toBe('tool_calls')
  })

  it('comes twice at once, in turns', () => {
    const { calls } = read([
      piece({ index: 0, id: 'a', function: { name: 'one', arguments: '{' } }),
      piece({ index: 1, id: 'b', function: { name: 'two', arguments: '{' } }),
      {
        tool_calls: [
          { index: 1, function: { arguments: '}' } },
          { index: 0, function: { arguments: '}' } },
        ],
      },
    ])
    expect(calls.map(({ id, function: { name, arguments: said } }) => [id, name, said])).toEqual([
      ['a', 'one', '{}'],
      ['b', 'two', '{}'],
    ])
  })

  it('begins at 1, or has no index', () => {
    const first = read([piece({ ...oslo, index: 1 })])
    expect(first.calls).toEqual([oslo])
    expect(first.heard[0]?.index).toBe(0)
    const second = read([
      piece({ id: 'a', function: { name: 'one', arguments: '{"c"' } }),
      piece({ function: { arguments: ':1}' } }),
      piece({ id: 'b', function: { name: 'two', arguments: '{}' } }),
      piece({ id: 'a', function: { arguments: ' ' } }),
    ])
    expect(second.calls.map((call) => call.function.arguments)).toEqual(['{"c":1} ', '{}'])
  })

  it('has an id of ours where the provider gives none, and arguments that can be parsed', () => {
    const { calls } = read([piece({ index: 0, function: { name: 'now' } })])
    expect(calls[0]?.id).toMatch(/^call_[0-9a-f]{24}$/)
    expect(calls[0]?.function.arguments).toBe('{}')
    const object = read([piece({ index: 0, function: { name: 'now', arguments: { c: 1 } } })])
    expect(object.calls[0]?.function.arguments).toBe('{"c":1}')
  })

  it('is read from a document', () => {
    const body = new ChatBody(() => undefined)
    const message = { role: 'assistant', content: null, tool_calls: [oslo] }
    const answer = { choices: [{ index: 0, message, finish_reason: 'tool_calls' }] }
    body.push(Buffer.from(JSON.stringify(answer)))
    body.end()
    expect(body.toolCalls).toEqual([oslo])
  })

  it.each([
    ['without a name', [piece({ index: 0, function: { arguments: '{}' } })]],
    ['that is none', [{ tool_calls: [null] }]],
    ['with a name of any length', [piece({ index: 0, function: { name: 'n'.repeat(300) } })]],
    [
      'without an end',
      Array.from({ length: 5 }, () =>
        piece({ index: 0, function: { name: 'n', arguments: 'x'.repeat(1_000_000) } }),
      ),
    ],
    [
      'among more than anybody makes',
      Array.from({ length: 130 }, (_, index) => piece({ index, function: { name: 'n' } })),
    ],
  ])('%s is nonsense', (_what, deltas) => {
    expect(read(deltas).trouble).toMatchObject({ reason: 'nonsense' })
  })
})
