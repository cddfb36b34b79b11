/** The log in EventStoreDB for tests: a peer, stores with short limits, and what a test looks at. */
import { randomBytes } from 'node:crypto'
import { onTestFinished } from 'vitest'
import { openEventStore } from '../../../src/engines/distributed/event-store.ts'
import type {
  EventStoreLimits,
  OpenEventStore,
} from '../../../src/engines/distributed/event-store.ts'
import { BEFORE_ALL } from '../../../src/ports/event-store.ts'
import type { EventStore, Position, StoredEvent } from '../../../src/ports/event-store.ts'
import { temporaryDirectory } from '../../support/embedded-engine.ts'
import { startEventStoreDb } from '../../support/eventstoredb/server.ts'
import type { EventStoreDb, EventStoreDbOptions } from '../../support/eventstoredb/server.ts'
import { spawnEventStoreDb } from '../../support/eventstoredb/spawn.ts'
import type { SpawnedEventStoreDb } from '../../support/eventstoredb/spawn.ts'
import { silent } from '../../support/silent.ts'

/** A server in this process, stopped when the test has ended. */
export async function peer(
  options: Omit<EventStoreDbOptions, 'directory'> = {},
): Promise<EventStoreDb> {
  const directory = temporaryDirectory()
  const server = await startEventStoreDb({ directory, ...options })
  onTestFinished(() => server.close())
  return server
}

/** A server in a process of its own, which can be killed. */
export async function killablePeer(): Promise<SpawnedEventStoreDb> {
  const directory = temporaryDirectory()
  const server = await spawnEventStoreDb({ directory })
  onTestFinished(() => server.stop())
  return server
}

export const aNamespace = (): string => `test_${randomBytes(8).toString('hex')}`

/** A store that is closed when the test has ended. */
export async function openLog(
  url: string,
  { namespace = aNamespace(), ...limits }: Partial<EventStoreLimits> & { namespace?: string } = {},
): Promise<OpenEventStore> {
  const log = await openEventStore({ url, namespace, logger: silent, limits })
  onTestFinished(() => log.close())
  return log
}

/** Why a store does not open. */
export const refusal = async (url: string, limits: Partial<EventStoreLimits> = {}) => {
  const opened = openEventStore({ url, namespace: aNamespace(), logger: silent, limits })
  return opened.then(
    (log) => log.close().then(() => 'opened'),
    (error: Error) => `${error.name}: ${error.message}`,
  )
}

/** Everything that a subscription gives, in order, from when it was made. */
export class Seen {
  readonly events: StoredEvent[] = []
  readonly #stop = new AbortController()
  readonly #ended: Promise<void>
  #waiting: (() => void) | undefined

  constructor(store: EventStore, after: Position = BEFORE_ALL) {
    this.#ended = this.#follow(store.subscribe({ after, signal: this.#stop.signal }))
    // Whoever waits for it sees why it ended.
    this.#ended.catch(() => undefined)
  }

  /** Ends when it has come as far as this position. */
  async until(position: Position): Promise<StoredEvent[]> {
    while ((this.events.at(-1)?.position ?? BEFORE_ALL) < position) {
      const news = new Promise<void>((resolve) => {
        this.#waiting = resolve
      })
      await Promise.race([news, this.#ended])
    }
    return this.events
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#ended
  }

  async #follow(batches: AsyncIterable<readonly StoredEvent[]>): Promise<void> {
    for await (const batch of batches) {
      this.events.push(...batch)
      this.#waiting?.()
    }
  }
}

/** The whole log of an installation. */
export const everything = (store: EventStore): Promise<StoredEvent[]> =>
  store.readAll({ after: BEFORE_ALL, limit: 1_000_000 })
