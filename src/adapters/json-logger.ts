/**
 * One JSON line for each record, written together once per turn of the event loop. Never throws into
 * the caller and never grows without bound: behind a reader that does not read, lines are dropped and
 * counted. Of an error only name, message, stack and cause are written: libraries hang requests, and
 * with them keys and texts, on their errors.
 */
import type { Writable } from 'node:stream'
import type { Clock } from '../ports/clock.ts'
import type { Logger } from '../ports/logger.ts'
import { createSystemClock } from './system-clock.ts'

/** In order; `silent` is a threshold that nothing reaches. */
export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

const MAX_WAITING_BYTES = 8 * 1024 * 1024
const MAX_CAUSES = 4

export interface JsonLogger extends Logger {
  /** Hands over what is waiting: before the process ends. */
  flush(): void
}

export function createJsonLogger(options: {
  stream: Writable
  level: LogLevel
  clock?: Clock
}): JsonLogger {
  const { stream, clock = createSystemClock() } = options
  const least = logLevels.indexOf(options.level)
  let waiting = ''
  let dropped = 0

  function flush() {
    if (dropped > 0 && stream.writableLength <= MAX_WAITING_BYTES) {
      waiting += line(clock.now(), 'warn', { dropped }, 'log lines dropped')
      dropped = 0
    }
    if (waiting !== '') stream.write(waiting)
    waiting = ''
  }

  const at = (level: LogLevel) => {
    if (logLevels.indexOf(level) < least) return () => {}
    return (fields: object, message: string) => {
      if (stream.writableLength > MAX_WAITING_BYTES) {
        dropped++
        return
      }
      if (waiting === '') setImmediate(flush)
      waiting += line(clock.now(), level, fields, message)
    }
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), flush }
}

function line(now: Date, level: LogLevel, fields: object, message: string): string {
  const own = { time: now.toISOString(), level, message }
  try {
    return `${JSON.stringify({ ...own, ...fields, ...own }, plain)}\n`
  } catch {
    // Circular or too deep: what happened is still said.
    return `${JSON.stringify({ ...own, fields: 'cannot be written as JSON' })}\n`
  }
}

function plain(_key: string, value: unknown): unknown {
  if (value instanceof Error) return plainError(value, MAX_CAUSES)
  return typeof value === 'bigint' ? value.toString() : value
}

function plainError(error: Error, causes: number): object {
  const { name, message, stack, cause } = error
  return {
    name,
    message,
    stack,
    ...(cause instanceof Error && causes > 0 && { cause: plainError(cause, causes - 1) }),
  }
}
