/**
 * Server-sent events on a response that the handler has taken over. The head is sent with the first
 * event, so what fails before it is an ordinary problem with its status. A slow reader is never flooded:
 * while its socket is full, text waits as text and leaves as one event when there is room.
 */
import type { FastifyReply } from 'fastify'
import type { Delta } from '../../commands/invocation/text-out.ts'

const COMMENT_EVERY_MS = 15_000

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
  const { raw } = reply
  let started = false
  let full = false
  let waiting = ''
  let at = from
  let ending: string | undefined
  let closed = false
  const timer = setInterval(() => write(': waiting\n\n'), COMMENT_EVERY_MS)
  timer.unref()

  function begin() {
    started = true
    // Nobody but us writes from here on; what hooks have set (CORS, request id) goes out with our own.
    reply.hijack()
    raw.writeHead(200, {
      ...reply.getHeaders(),
      ...headers,
      'content-type': 'text/event-stream; charset=utf-8',
      'x-accel-buffering': 'no',
    } as Record<string, string>)
    raw.on('drain', drained)
    raw.once('close', close)
  }

  function write(frame: string) {
    // The call goes on when its reader has left, and so do its words: the answer may be another's by now.
    if (closed) return
    if (!started) begin()
    if (raw.destroyed || raw.writableEnded) return
    if (!raw.write(frame)) full = true
  }

  const frame = (text: string) =>
    `${idLine(at)}event: delta\ndata: {"text":${JSON.stringify(text)}}\n\n`

  function drained() {
    full = false
    if (waiting !== '') {
      const text = waiting
      waiting = ''
      write(frame(text))
    }
    if (ending !== undefined && !full) finish(ending)
  }

  function finish(last: string) {
    clearInterval(timer)
    if (!raw.destroyed && !raw.writableEnded) raw.end(last)
  }

  function close() {
    closed = true
    clearInterval(timer)
    waiting = ''
    if (started && !raw.destroyed && !raw.writableEnded) raw.end()
  }

  function say(text: string, place: StreamPlace) {
    if (text === '' || ending !== undefined || closed) return
    at = place
    if (full) waiting += text
    else write(frame(text))
  }

  return {
    get started() {
      return started
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
      if (closed) return
      const last = `${idLine(at)}event: ${event}\ndata: ${data}\n\n`
      if (!started) begin()
      if (full) ending = last
      else finish(last)
    },
    close,
  }
}
