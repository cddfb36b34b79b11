import type { StoredEvent } from './event-store.ts'

/** An event that only a newer release can read. The message is for anybody: it holds no data of the event. */
export class UnknownEvent extends Error {
  constructor(event: Pick<StoredEvent, 'type' | 'metadata' | 'position' | 'stream'>) {
    super(
      `position ${event.position} of ${event.stream}: event ${event.type} version ${event.metadata.v} ` +
        'is not known to this release; run a release that knows it',
    )
    this.name = 'UnknownEvent'
  }
}
