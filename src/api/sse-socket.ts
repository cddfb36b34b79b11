/**
 * Server-sent events on a response that the handler has taken over. The head is sent with the first
 * frame, so what fails before it is an ordinary problem with its status. Whether the reader is slow is
 * told by `full`: whoever writes then waits for `onRoom`, so that a slow reader is never flooded.
 */
import type { FastifyReply } from 'fastify'

const COMMENT_EVERY_MS = 15_000

export interface SseSocket {
  /** The head has been sent: a status can no longer be. */
  readonly started: boolean
  readonly full: boolean
  /** Nothing more is to be sent: it is closed, or its last frame is on its way. */
  readonly over: boolean
  write(frame: string): void
  /** The last frame: sent after what waits. */
  end(last: string): void
  /** Nothing more is sent: whatever still comes is dropped. */
  close(): void
}

export function openSseSocket(
  reply: FastifyReply,
  headers: Readonly<Record<string, string>>,
  onRoom: () => void,
): SseSocket {
  const { raw } = reply
  let started = false
  let full = false
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

  function drained() {
    full = false
    onRoom()
    if (ending !== undefined && !full) finish(ending)
  }

  function finish(last: string) {
    clearInterval(timer)
    if (!raw.destroyed && !raw.writableEnded) raw.end(last)
  }

  function close() {
    closed = true
    clearInterval(timer)
    if (started && !raw.destroyed && !raw.writableEnded) raw.end()
  }

  return {
    get started() {
      return started
    },
    get full() {
      return full
    },
    get over() {
      return closed || ending !== undefined
    },
    write,
    end(last) {
      if (closed) return
      if (!started) begin()
      if (full) ending = last
      else finish(last)
    },
    close,
  }
}
