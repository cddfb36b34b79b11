// A slow reader is never flooded, and whatever was not sent while the call ran follows whole at its end.
import { EventEmitter } from 'node:events'
import type { FastifyReply } from 'fastify'
import { describe, expect, test } from 'vitest'
import { openChunkStream } from '../../../src/api/v1/chunk-stream.ts'

/** A reply whose socket takes so many frames before it is full. */
function slowReply(room = Infinity) {
  const raw = Object.assign(new EventEmitter(), {
    destroyed: false,
    writableEnded: false,
    frames: [] as string[],
    room,
    writeHead: () => undefined,
    write(frame: string) {
      raw.frames.push(frame)
      return --raw.room > 0
    },
    end(last = '') {
      raw.frames.push(last)
      raw.writableEnded = true
    },
  })
  const reply = { raw, hijack: () => undefined, getHeaders: () => ({}) }
  return { raw, reply: reply as unknown as FastifyReply }
}

const said = { id: 'chatcmpl-1', created: 1, model: 'm' }
const usage = undefined
const call = (id: string, given: string) =>
  ({ id, type: 'function', function: { name: 'weather', arguments: given } }) as const

const deltasIn = (frames: readonly string[]): unknown[] =>
  [...frames.join('').matchAll(/"delta":(\{.*?\}),"logprobs"/g)].map(
    ([, delta = '']) => JSON.parse(delta) as unknown,
  )

describe('a stream of chunks', () => {
  test('gathers what a slow reader has no room for', () => {
    const { raw, reply } = slowReply(1)
    const stream = openChunkStream(reply, {}, false)
    stream.open(said)
    let offset = 0
    for (const text of ['a', 'b', 'c', 'd'])
      stream.delta({ kind: 'delta', attempt: 1, offset: ++offset, text })
    expect(raw.frames).toHaveLength(1)
    raw.room = 1
    raw.emit('drain')
    expect(deltasIn(raw.frames).slice(1)).toEqual([{ content: 'a' }, { content: 'bcd' }])
    stream.finish({ text: 'abcde', toolCalls: [], attempt: 1, finishReason: 'stop', usage })
    // Full again: the end waits for room.
    expect(raw.writableEnded).toBe(false)
    raw.emit('drain')
    expect(raw.writableEnded).toBe(true)
    expect(deltasIn(raw.frames).slice(3)).toEqual([{ content: 'e' }, {}])
    expect(raw.frames.at(-1)).toContain('data: [DONE]')
  })

  test('fills gaps at the end, in characters that are whole', () => {
    const { raw, reply } = slowReply()
    const stream = openChunkStream(reply, {}, false)
    stream.open(said)
    stream.delta({ kind: 'delta', attempt: 1, offset: 4, text: '😀' })
    stream.delta({ kind: 'delta', attempt: 1, offset: 20, text: 'lost before' })
    stream.finish({ text: '😀 and more', toolCalls: [], attempt: 1, finishReason: 'stop', usage })
    expect(deltasIn(raw.frames).slice(1)).toEqual([{ content: '😀' }, { content: ' and more' }, {}])
  })

  test('says the rest of calls of tools, and those that nobody heard here', () => {
    const { raw, reply } = slowReply()
    const stream = openChunkStream(reply, {}, false)
    // Before it is open, what is said waits.
    stream.toolCall({ index: 0, id: 'a', name: 'weather', arguments: '{"x"' })
    stream.open(said)
    // Begun where nobody listened.
    stream.toolCall({ index: 2, arguments: '…' })
    const toolCalls = [call('a', '{"x":1}'), call('b', '{}')]
    stream.finish({ text: '', toolCalls, attempt: 1, finishReason: 'tool_calls', usage })
    expect(deltasIn(raw.frames)).toEqual([
      { role: 'assistant', content: null, refusal: null },
      {
        tool_calls: [
          {
            index: 0,
            id: 'a',
            type: 'function',
            function: { name: 'weather', arguments: '{"x"' },
          },
        ],
      },
      { tool_calls: [{ index: 0, function: { arguments: ':1}' } }] },
      {
        tool_calls: [
          { index: 1, id: 'b', type: 'function', function: { name: 'weather', arguments: '{}' } },
        ],
      },
      {},
    ])
  })

  test('ends with an error and without [DONE], and says nothing once it is closed', () => {
    const { raw, reply } = slowReply()
    const stream = openChunkStream(reply, {}, true)
    stream.open(said)
    stream.delta({ kind: 'delta', attempt: 1, offset: 1, text: 'a' })
    stream.fail({ error: { message: 'No.', type: 'server_error', param: null, code: 'x' } })
    stream.delta({ kind: 'delta', attempt: 1, offset: 2, text: 'b' })
    expect(raw.frames.at(-1)).toBe(
      'data: {"error":{"message":"No.","type":"server_error","param":null,"code":"x"}}\n\n',
    )
    expect(raw.frames.join('')).not.toContain('[DONE]')
    const other = slowReply()
    const closed = openChunkStream(other.reply, {}, false)
    closed.close()
    closed.open(said)
    closed.delta({ kind: 'delta', attempt: 1, offset: 1, text: 'a' })
    closed.finish({ text: 'a', toolCalls: [], attempt: 1, finishReason: 'stop', usage })
    expect(other.raw.frames).toEqual([])
  })
})
