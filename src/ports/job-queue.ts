/**
 * Work to be done soon. A job is a hint, never the truth: the queue may be emptied at any moment and the
 * sweeps fill it again from the views. Ids are deterministic, so adding a job twice is adding it once.
 */
export interface Job {
  readonly id: string
  readonly queue: string
  readonly payload: unknown
  /** From 1; a job that was given to a worker before has a higher number. */
  readonly attempt: number
}

export interface JobQueue {
  /** Adds jobs that are not there yet. `delayMs` holds a job back. */
  add(
    queue: string,
    jobs: readonly { id: string; payload: unknown; delayMs?: number }[],
  ): Promise<void>
  /**
   * Gives jobs of a queue to `handler`, at most `concurrency` at once. A job whose handler throws comes
   * back with a growing delay, at most `maxAttempts` times, then it is dropped (the sweep finds the work
   * again). `signal` given to the handler aborts when the job was taken away or the worker is stopping.
   */
  work(
    queue: string,
    handler: (job: Job, signal: AbortSignal) => Promise<void>,
    options: { concurrency: number; maxAttempts?: number },
  ): JobWorker
  /** Waiting, running and delayed jobs of a queue. */
  counts(queue: string): Promise<{ waiting: number; running: number; delayed: number }>
  /** Forgets every job, as a lost queue does. Tests and operators use it. */
  clear(): Promise<void>
}

export interface JobWorker {
  /** Takes no new jobs; resolves when the running ones have ended. */
  stop(): Promise<void>
}
