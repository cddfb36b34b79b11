/**
 * What this process knows of the end of the log. Where several processes write, each follows the log
 * from its end, whatever else it does: what it keeps of sessions, people, organizations and calls is
 * current within moments. And it knows how current: once a second it asks where the log ends, and
 * whether it has come that far. Time is measured by the monotonic clock, so a wrong date disturbs nothing.
 */
import type { EventStore, Position, StoredEvent } from '../ports/event-store.ts'
import type { Logger } from '../ports/logger.ts'

const ASK_EVERY_MS = 1_000

export interface LogEnd {
  /** Resolves when it follows: nothing that is written from now on is missed. */
  start(): Promise<void>
  stop(): Promise<void>
  /**
   * Told of every event, in order, as soon as it is in the log, with the data of this release's version. Of
   * one that this release cannot read only the place is told, and no type.
   */
  onEvents(listener: (events: readonly StoredEvent[]) => void): void
  /** Milliseconds since this process was last sure to have seen everything. */
  unseenMs(): number
}

export function createLogEnd({
  events,
  upcast,
  logger,
}: {
  readonly events: Pick<EventStore, 'head' | 'subscribe'>
  /** @throws where this release cannot read the event */
  readonly upcast: (event: StoredEvent) => StoredEvent
  readonly logger: Logger
}): LogEnd {
  const listeners: ((events: readonly StoredEvent[]) => void)[] = []
  const abort = new AbortController()
  let following: Promise<void> = Promise.resolve()
  let timer: NodeJS.Timeout | undefined
  let position: Position = -1n
  let seenAt = performance.now()
  let asked: { readonly at: number; readonly head: Position } | undefined

  /** Whoever keeps a stream must hear that it has moved on, also by an event of a newer release. */
  function told(event: StoredEvent): StoredEvent {
    try {
      return upcast(event)
    } catch {
      return { ...event, type: '', data: {} }
    }
  }

  function seen(): void {
    if (asked && position >= asked.head && asked.at > seenAt) seenAt = asked.at
  }

  async function ask(): Promise<void> {
    const at = performance.now()
    try {
      asked = { at, head: await events.head() }
      seen()
    } catch (error) {
      logger.warn({ error }, 'the end of the log cannot be asked for')
    }
  }

  /** A listener that fails must not end the following for the others. */
  function tell(
    listener: (events: readonly StoredEvent[]) => void,
    batch: readonly StoredEvent[],
  ): void {
    try {
      listener(batch)
    } catch (error) {
      logger.error({ error }, 'what came at the end of the log could not be taken up')
    }
  }

  async function follow(after: Position): Promise<void> {
    for await (const batch of events.subscribe({ after, signal: abort.signal })) {
      const readable = batch.map(told)
      for (const listener of listeners) tell(listener, readable)
      position = batch.at(-1)?.position ?? position
      seen()
    }
  }

  function askAgain(): void {
    timer = setTimeout(() => {
      void ask().then(() => {
        if (!abort.signal.aborted) askAgain()
      })
    }, ASK_EVERY_MS)
    timer.unref()
  }

  return {
    async start() {
      position = await events.head()
      seenAt = performance.now()
      following = follow(position).catch((error: unknown) => {
        // From now on the end is unseen, and whoever needs it is refused.
        logger.error({ error }, 'the log can no longer be followed')
      })
      askAgain()
    },
    async stop() {
      abort.abort()
      clearTimeout(timer)
      await following
    },
    onEvents: (listener) => listeners.push(listener),
    unseenMs: () => performance.now() - seenAt,
  }
}
