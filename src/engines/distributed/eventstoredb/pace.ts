/** Waiting between attempts: quick at first, then longer and longer, never all processes at once. */
import { setTimeout as sleep } from 'node:timers/promises'

const FIRST_MS = 50
/** For what goes on in the background, for ever. */
export const PATIENT_MS = 30_000
/** For what somebody waits for. */
export const IMPATIENT_MS = 250

/** How long to wait after so many failures in a row (0: none before). */
export function backoff(failures: number, capMs: number): number {
  const longest = Math.min(capMs, FIRST_MS * 2 ** Math.min(failures, 20))
  return longest * (0.5 + Math.random() / 2)
}

/** Ends early, without an error, when `signal` aborts. Alone it does not keep a process alive. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal, ref: false }).catch(() => undefined)
}

/** What `promise` comes to, or undefined as soon as `signal` aborts. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const stop = () => resolve(undefined)
    signal.addEventListener('abort', stop)
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
    if (signal.aborted) stop()
  })
}
