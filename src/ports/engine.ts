/** What an engine gives: every store that Daybook needs, opened together and closed together. */
import type { ContentStore } from './content-store.ts'
import type { Counters } from './counters.ts'
import type { EventStore } from './event-store.ts'
import type { JobQueue } from './job-queue.ts'
import type { KeyStore } from './key-store.ts'
import type { LiveFeed } from './live-feed.ts'
import type { SnapshotStore, ViewStore } from './view-store.ts'

export interface PartHealth {
  readonly service: string
  readonly ok: boolean
  /** In our words, for anybody. */
  readonly why?: string
  /** In a driver's words, which may name hosts, databases and users: for logs. */
  readonly detail?: string
}

export interface Engine {
  /** No other process can work on these stores: whoever did before is dead. */
  readonly singleProcess: boolean
  readonly events: EventStore
  readonly contents: ContentStore
  readonly views: ViewStore
  readonly snapshots: SnapshotStore
  readonly jobs: JobQueue
  readonly counters: Counters
  readonly feed: LiveFeed
  readonly keys: KeyStore
  /** Which parts answer; names the one that does not and why. */
  health(): Promise<readonly PartHealth[]>
  close(): Promise<void>
}
