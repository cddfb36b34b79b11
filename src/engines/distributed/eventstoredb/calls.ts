/**
 * Calls that answer with many events: each ends within a time limit that begins anew with every sign of
 * life, and none leaves a rejection or an `error` event behind that nobody takes.
 */
import type { ReadableSubscription, StreamingRead } from '@eventstore/db-client'
import { Unavailable } from '../../../ports/unavailable.ts'

export const SERVICE = 'EventStoreDB'

export const unavailable = (cause: unknown): Unavailable =>
  cause instanceof Unavailable ? cause : new Unavailable(SERVICE, cause)

/** The status of a gRPC call that says: such a place does not exist. */
export const INVALID_ARGUMENT = 3

export const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined

/** What the client gives for a read or a subscription. */
type Source<E> = StreamingRead<E> | ReadableSubscription<E>

export interface Call {
  /** A sign of life that is no event. */
  alive(): void
  /** Nothing more is wanted. */
  finish(): void
}

export interface Patience {
  /** How long the server may say nothing. */
  readonly limitMs: number
  /** Ends the call. */
  readonly signal: AbortSignal
}

/**
 * Gives each event to `take`, until the server ends, `take` answers false, or `call.finish` is called.
 * @throws what the server says, or why its time is over
 */
export function receive<E>(
  source: Source<E>,
  { limitMs, signal }: Patience,
  take: (event: E) => boolean,
  begun: (call: Call) => void = () => undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let over = false
    const timer = setTimeout(
      () => end(new Error(`no answer to a read within ${limitMs} ms`)),
      limitMs,
    )
    const onData = (event: E) => {
      timer.refresh()
      try {
        if (!take(event)) end()
      } catch (error) {
        end(error)
      }
    }
    const end = (failure?: unknown, byServer = false) => {
      if (over) return
      over = true
      clearTimeout(timer)
      signal.removeEventListener('abort', aborted)
      source.off('data', onData)
      // Its listener for errors stays: some come after the end.
      if (!byServer) {
        const stopped = 'cancel' in source ? source.cancel() : source.unsubscribe()
        stopped.catch(() => undefined)
      }
      if (failure === undefined) resolve()
      else reject(failure as Error)
    }
    const aborted = () => end(signal.reason)
    signal.addEventListener('abort', aborted)
    source
      .on('error', (error) => end(error, true))
      .on('end', () => end(undefined, true))
      .on('close', () => end(new Error('a read ended before its end'), true))
    begun({ alive: () => timer.refresh(), finish: () => end() })
    source.on('data', onData)
  })
}
