/**
 * One client, and with it one connection, for all stores of this process that have the same address. The
 * last store that lets go closes it; nobody closes it while another works.
 */
import { EventStoreDBClient } from '@eventstore/db-client'
import { StoreRefused } from '../../../ports/store-refused.ts'
import type { Address } from './address.ts'
import { BatchAppends } from './batch-appends.ts'
import { unavailable } from './calls.ts'
import { tame } from './protocol.ts'

/** @throws Unavailable once it was let go: the client itself would connect anew. */
export interface Connection {
  readonly client: EventStoreDBClient
  readonly appends: BatchAppends
  /** Aborts when it is let go. */
  readonly released: AbortSignal
  /** Lets go; twice is once. */
  release(): Promise<void>
}

interface Shared {
  readonly client: EventStoreDBClient
  readonly appends: BatchAppends
  readonly end: () => Promise<void>
  users: number
}

const connections = new Map<string, Shared>()

/** Connects at the first call that is made. @throws StoreRefused */
export function connect(address: Address): Connection {
  let shared = connections.get(address.url)
  if (shared === undefined) {
    shared = create(address)
    connections.set(address.url, shared)
  }
  const mine = shared
  mine.users++
  const released = new AbortController()
  const held = (): Shared => {
    if (released.signal.aborted) throw unavailable(released.signal.reason)
    return mine
  }
  return {
    get client() {
      return held().client
    },
    get appends() {
      return held().appends
    },
    released: released.signal,
    async release() {
      if (released.signal.aborted) return
      released.abort(new Error('the log is closed'))
      mine.users--
      if (mine.users > 0) return
      connections.delete(address.url)
      await mine.end()
    },
  }
}

function create({ url }: Address): Shared {
  let client: EventStoreDBClient
  try {
    client = EventStoreDBClient.connectionString(url)
  } catch {
    // What the client throws holds the URL with its password, so it is no cause to keep.
    throw new StoreRefused(
      'EVENTSTOREDB_URL is no address that the client of EventStoreDB takes: look at its hosts, ports, options and the files it names.',
    )
  }
  // What fails in the background fails again, and is seen, at the next call.
  const end = tame(client, () => undefined)
  return { client, appends: new BatchAppends(client), end, users: 0 }
}
