/** A logger that says nothing. */
import type { Logger } from '../../src/ports/logger.ts'

export const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}
