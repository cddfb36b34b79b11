/**
 * An answer as OpenAI streams it: a chunk with the role, chunks with what is said, one that says how it
 * ended, one with the usage where it was asked for, `[DONE]`. What was not sent while the call ran (a
 * slow reader, a call carried out elsewhere, a repeat) follows whole at its end, so every reader has it all.
 */
import type { FastifyReply } from 'fastify'
import type { Delta } from '../../commands/invocation/text-out.ts'
import type { ToolCall } from '../../domain/agent/conversation.ts'
import type { ToolCallDelta } from '../../ports/llm.ts'
import { openSseSocket } from '../sse-socket.ts'
import type { CompletionUsage, Said } from './completion.ts'
import type { OpenAiError } from './errors.ts'

export interface ChunkStream {
  readonly started: boolean
  /** What is said before waits for it. */
  open(said: Said): void
  readonly delta: (delta: Delta) => void
  readonly toolCall: (delta: ToolCallDelta) => void
  finish(answer: Finished): void
  /** The end of a stream that broke off: an error, and no `[DONE]`. */
  fail(error: OpenAiError): void
  close(): void
}

export interface Finished {
  readonly text: string
  readonly toolCalls: readonly ToolCall[]
  readonly attempt: number
  readonly finishReason: string
  readonly usage: CompletionUsage | undefined
}

/** Waits for room in the reader's socket. */
type Piece =
  | { readonly kind: 'text'; text: string }
  | { readonly kind: 'call'; readonly first: ToolCallDelta; arguments: string }

export function openChunkStream(
  reply: FastifyReply,
  headers: Readonly<Record<string, string>>,
  includeUsage: boolean,
): ChunkStream {
  const waiting: Piece[] = []
  const withUsage = includeUsage ? ',"usage":null' : ''
  let head: string | undefined
  let role = false
  let at = { attempt: 1, offset: 0 }
  /** Characters of arguments that were taken, by call. */
  const taken: number[] = []
  const socket = openSseSocket(reply, headers, flush)

  const chunk = (delta: string, finishReason: string | null = null): string =>
    `${head},"choices":[{"index":0,"delta":${delta},"logprobs":null,"finish_reason":${JSON.stringify(finishReason)}}]${withUsage}}\n\n`

  /** The first chunk; what a call of a tool begins has no text. */
  function roleOnce(content: '""' | 'null'): string {
    if (role) return ''
    role = true
    return chunk(`{"role":"assistant","content":${content},"refusal":null}`)
  }

  function write(piece: Piece) {
    const said =
      piece.kind === 'text'
        ? `${roleOnce('""')}${chunk(`{"content":${JSON.stringify(piece.text)}}`)}`
        : `${roleOnce('null')}${chunk(`{"tool_calls":[${JSON.stringify(callOf(piece))}]}`)}`
    socket.write(said)
  }

  function flush() {
    if (head === undefined) return
    while (!socket.full) {
      const piece = waiting.shift()
      if (!piece) return
      write(piece)
    }
  }

  function say(piece: Piece) {
    if (socket.over) return
    if (head !== undefined && !socket.full && waiting.length === 0) return write(piece)
    // Pieces of one kind that wait become one.
    const last = waiting.at(-1)
    if (last?.kind === 'text' && piece.kind === 'text') last.text += piece.text
    else if (
      last?.kind === 'call' &&
      piece.kind === 'call' &&
      last.first.index === piece.first.index
    )
      last.arguments += piece.arguments
    else waiting.push(piece)
  }

  function toolCall(delta: ToolCallDelta) {
    const seen = taken[delta.index]
    // The beginning was not heard here: the whole of it follows at the end.
    if (seen === undefined && delta.id === undefined) return
    taken[delta.index] = (seen ?? 0) + delta.arguments.length
    say({ kind: 'call', first: delta, arguments: delta.arguments })
  }

  function rest(text: string, attempt: number, toolCalls: readonly ToolCall[]) {
    const bytes = Buffer.from(text)
    const seen = attempt === at.attempt ? at.offset : 0
    if (seen < bytes.length) say({ kind: 'text', text: bytes.subarray(seen).toString() })
    for (const [index, { id, function: called }] of toolCalls.entries()) {
      const had = taken[index]
      const left = called.arguments.slice(had ?? 0)
      if (had === undefined) toolCall({ index, id, name: called.name, arguments: left })
      else if (left !== '') toolCall({ index, arguments: left })
    }
  }

  return {
    get started() {
      return socket.started
    },
    open({ id, created, model }) {
      const said = JSON.stringify({ id, object: 'chat.completion.chunk', created, model })
      head = `data: ${said.slice(0, -1)}`
      flush()
    },
    delta({ text, attempt, offset }) {
      // A gap: what is missing comes at the end, in one piece with what follows.
      const begins = offset - Buffer.byteLength(text)
      if (attempt === at.attempt ? begins !== at.offset : begins !== 0) return
      at = { attempt, offset }
      say({ kind: 'text', text })
    },
    toolCall,
    finish({ text, toolCalls, attempt, finishReason, usage }) {
      rest(text, attempt, toolCalls)
      if (socket.over) return
      for (const piece of waiting.splice(0)) write(piece)
      const last =
        includeUsage && usage ? `${head},"choices":[],"usage":${JSON.stringify(usage)}}\n\n` : ''
      socket.end(`${roleOnce('""')}${chunk('{}', finishReason)}${last}data: [DONE]\n\n`)
    },
    fail(error) {
      if (head !== undefined && !socket.over && role)
        for (const one of waiting.splice(0)) write(one)
      socket.end(`data: ${JSON.stringify(error)}\n\n`)
    },
    close: () => socket.close(),
  }
}

/** OpenAI's shape: id, type and name once, with the first piece. */
const callOf = ({ first, arguments: said }: Piece & { kind: 'call' }) => ({
  index: first.index,
  ...(first.id === undefined ? {} : { id: first.id, type: 'function' }),
  function: {
    ...(first.name === undefined ? {} : { name: first.name }),
    arguments: said,
  },
})
