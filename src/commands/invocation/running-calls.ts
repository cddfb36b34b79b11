/**
 * The calls that this process carries out: how many at once, who waits for them, and how they are told
 * to end. Memory only. Whether a call may run at all is decided by its stream, never here.
 */
import type { StoredEvent } from '../../ports/event-store.ts'
import type { EndedCall } from './ended-call.ts'

/** canceled: as the caller asked · limit: its time is up · stopping: this process ends. */
export type AbortReason = 'canceled' | 'limit' | 'stopping'

export interface RunningCall {
  readonly invocationId: string
  readonly signal: AbortSignal
  /** Why the signal aborted. */
  readonly reason: () => AbortReason | undefined
  readonly abort: (reason: AbortReason) => void
  /** It is in charge, whichever execution of the call was here first: `get`, cancels and stops mean it. */
  readonly takeOver: () => void
  /** undefined: another execution was in charge, or it will be found by a sweep. Never rejects. */
  readonly ended: Promise<EndedCall | undefined>
  readonly end: (ended: EndedCall | undefined) => void
}

export interface RunningCalls {
  /** Takes a place for a call, if one is free and nobody waits for it. */
  tryEnter(): boolean
  /** Waits for a place. @throws the signal's reason */
  enter(signal: AbortSignal): Promise<void>
  /** Gives the place back. */
  leave(): void
  begin(invocationId: string, options: { abortOnCancel: boolean }): RunningCall
  get(invocationId: string): RunningCall | undefined
  /**
   * Somebody waits here for the answer. With `owner` a call begins to be wanted; others join what is
   * wanted. The answer gives the place back and is true when nobody here wants the call any more.
   */
  want(invocationId: string, owner: boolean): () => boolean
  /** Told of every event of the log: a cancel may be asked of any process. */
  observe(events: readonly StoredEvent[]): void
  /** Somebody here waits for a call that may be carried out elsewhere. */
  follow<T>(answer: Promise<T>): Promise<T>
  /**
   * Begins nothing more; what still runs after `withinMs` is aborted. Resolves when nothing runs, and,
   * where others carry out calls too, when nobody here waits for theirs.
   */
  stop(withinMs: number, others?: boolean): Promise<void>
  /** Aborts when the time for stopping is over: whoever waits here gives up. */
  readonly givingUp: AbortSignal
}

export function createRunningCalls(atOnce: number): RunningCalls {
  const running = new Map<string, RunningCall & { abortOnCancel: boolean }>()
  const wanted = new Map<string, { waiting: number }>()
  const followed = new Set<Promise<void>>()
  const queue: (() => void)[] = []
  const givingUp = new AbortController()
  let free = atOnce
  let stopping = false

  function tryEnter(): boolean {
    if (stopping || free <= 0 || queue.length > 0) return false
    free--
    return true
  }

  function enter(signal: AbortSignal): Promise<void> {
    if (tryEnter()) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        const index = queue.indexOf(take)
        if (index >= 0) queue.splice(index, 1)
        reject(signal.reason as Error)
      }
      const take = () => {
        signal.removeEventListener('abort', onAbort)
        free--
        resolve()
      }
      if (signal.aborted) return onAbort()
      signal.addEventListener('abort', onAbort, { once: true })
      queue.push(take)
    })
  }

  function begin(invocationId: string, { abortOnCancel }: { abortOnCancel: boolean }): RunningCall {
    const abort = new AbortController()
    const ended = Promise.withResolvers<EndedCall | undefined>()
    let reason: AbortReason | undefined
    const call = {
      invocationId,
      abortOnCancel,
      signal: abort.signal,
      reason: () => reason,
      abort(why: AbortReason) {
        reason ??= why
        abort.abort()
      },
      takeOver: () => void running.set(invocationId, call),
      ended: ended.promise,
      end(result: EndedCall | undefined) {
        if (running.get(invocationId) === call) running.delete(invocationId)
        ended.resolve(result)
      },
    }
    // Two executions of one call may meet here for a moment; its stream lets only one of them go on.
    if (!running.has(invocationId)) running.set(invocationId, call)
    return call
  }

  function want(invocationId: string, owner: boolean): () => boolean {
    const entry = wanted.get(invocationId) ?? { waiting: 0 }
    if (owner) wanted.set(invocationId, entry)
    else if (!wanted.has(invocationId)) return () => false
    entry.waiting++
    let left = false
    return () => {
      if (left) return false
      left = true
      entry.waiting--
      if (entry.waiting > 0) return false
      wanted.delete(invocationId)
      return true
    }
  }

  return {
    tryEnter,
    enter,
    leave() {
      free++
      if (!stopping) queue.shift()?.()
    },
    begin,
    get: (invocationId) => running.get(invocationId),
    want,
    observe(events) {
      for (const { type, data } of events) {
        if (type !== 'InvocationCancelRequested') continue
        const call = running.get(String(data['invocationId']))
        if (call?.abortOnCancel) call.abort('canceled')
      }
    },
    follow(answer) {
      const ended: Promise<void> = answer.then(
        () => void followed.delete(ended),
        () => void followed.delete(ended),
      )
      followed.add(ended)
      return answer
    },
    async stop(withinMs, others = false) {
      stopping = true
      const timer = setTimeout(() => {
        for (const call of running.values()) call.abort('stopping')
        givingUp.abort()
      }, withinMs)
      const open = (): Promise<unknown>[] => [
        ...[...running.values()].map((call) => call.ended),
        ...(others ? followed : []),
      ]
      for (let waited = open(); waited.length > 0; waited = open()) await Promise.all(waited)
      clearTimeout(timer)
      givingUp.abort()
    },
    givingUp: givingUp.signal,
  }
}
