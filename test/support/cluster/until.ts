/** Waiting for a condition, with a deadline. */
import { setTimeout as pause } from 'node:timers/promises'

const LOOK_EVERY_MS = 100

/** What `look` answers as soon as that is not undefined or false; `what` says what did not come about. */
export async function until<T>(
  what: string,
  withinMs: number,
  look: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  const deadline = performance.now() + withinMs
  for (let last: unknown; ;) {
    try {
      const found = await look()
      if (found !== undefined && found !== false) return found
      last = undefined
    } catch (error) {
      last = error
    }
    if (performance.now() > deadline)
      throw new Error(`not within ${withinMs} ms: ${what}`, { cause: last })
    await pause(LOOK_EVERY_MS)
  }
}
