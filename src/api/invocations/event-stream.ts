/**
 * A call as server-sent events, resumable: each says which bytes of the text have been sent. While a slow
 * reader's socket is full, text waits as text and leaves as one event when there is room.
 */
import type { FastifyReply } from 'fastify'
import type { Delta } from '../../commands/invocation/text-out.ts'
import { openSseSocket } from '../sse-socket.ts'

export interface EventStream {
  readonly started: boolean
  /** Where the reader is: its next request may name it in Last-Event-ID. */
  readonly at: StreamPlace
  readonly delta: (delta: Delta) => void
  /** The rest of a text of which `at` has been sent. */
  rest(text: string, attempt: number): void
  /** The last event. */
  end(event: 'done' | 'error', data: string): void
  /** Nothing more is sent: whatever still comes is dropped. */
  close(): void
}

/** Bytes of the text (UTF-8) of an attempt. */
export interface StreamPlace {
  readonly attempt: number
  readonly offset: number
}

const PLACE = /^(\d{1,3})\.(\d{1,12})$/

export function placeFrom(lastEventId: string): StreamPlace | undefined {
  const match = PLACE.exec(lastEventId)
  return match ? { attempt: Number(match[1]), offset: Number(match[2]) } : undefined
}

const idLine = ({ attempt, offset }: StreamPlace): string => `id: ${attempt}.${offset}\n`

export function openEventStream(
  reply: FastifyReply,
  headers: Readonly<Record<string, string>>,
  from: StreamPlace = { attempt: 1, offset: 0 },
): EventStream {
  let waiting = ''
  let at = from
  const socket = openSseSocket(reply, headers, () => {
    if (waiting === '') return
    const text = waiting
    waiting = ''
    socket.write(frame(text))
  })

  const frame = (text: string) =>
    `${idLine(at)}event: delta\ndata: {"text":${JSON.stringify(text)}}\n\n`

  function say(text: string, place: StreamPlace) {
    if (text === '' || socket.over) return
    at = place
    if (socket.full) waiting += text
    else socket.write(frame(text))
  }

  return {
    get started() {
      return socket.started
    },
    get at() {
      return at
    },
    delta({ text, attempt, offset }) {
      // A gap: the rest comes from the stored text, in one piece with what follows.
      const begins = offset - Buffer.byteLength(text)
      if (attempt === at.attempt ? begins !== at.offset : begins !== 0) return
      say(text, { attempt, offset })
    },
    rest(text, attempt) {
      const seen = attempt === at.attempt ? at.offset : 0
      const bytes = Buffer.from(text)
      if (seen < bytes.length)
        say(bytes.subarray(seen).toString(), { attempt, offset: bytes.length })
    },
    end(event, data) {
      socket.end(`${idLine(at)}event: ${event}\ndata: ${data}\n\n`)
    },
    close() {
      waiting = ''
      socket.close()
    },
  }
}
