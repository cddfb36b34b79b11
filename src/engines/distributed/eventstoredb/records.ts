/**
 * Names and events as they are stored in EventStoreDB: `<namespace>.<stream>`, and the position of an event
 * is its commit position. Daybook's events are written by one call each, so every event has a record and
 * a commit position of its own, and the place in a read is {commit, prepare} with both the same.
 */
import { START } from '@eventstore/db-client'
import type { RecordedEvent } from '@eventstore/db-client'
import type { EventMetadata } from '../../../domain/metadata.ts'
import { BEFORE_ALL } from '../../../ports/event-store.ts'
import type { Position, StoredEvent } from '../../../ports/event-store.ts'

export const prefixOf = (namespace: string): string => `${namespace}.`

export const placeOf = (position: Position) =>
  position === BEFORE_ALL ? START : { commit: position, prepare: position }

/** What lies in the log cannot be read: no attempt will change that. */
export class DamagedEvent extends Error {}

/** @throws DamagedEvent where the event is none of Daybook's */
export function toStored(record: RecordedEvent, prefix: string): StoredEvent {
  const { position, metadata } = record
  if (position === undefined) {
    throw new DamagedEvent(
      `revision ${record.revision} of ${record.streamId} came without its position`,
    )
  }
  if (typeof metadata !== 'object' || metadata instanceof Uint8Array) throw damaged(position.commit)
  return {
    position: position.commit,
    stream: record.streamId.slice(prefix.length),
    revision: Number(record.revision),
    id: record.id,
    type: record.type,
    data: record.isJson
      ? (record.data as Record<string, unknown>)
      : parsed(record, position.commit),
    metadata: metadata as unknown as EventMetadata,
  }
}

/** What another tool has written as bytes. */
function parsed(record: RecordedEvent, position: bigint): Record<string, unknown> {
  try {
    return JSON.parse(Buffer.from(record.data as Uint8Array).toString()) as Record<string, unknown>
  } catch (cause) {
    throw damaged(position, cause)
  }
}

const damaged = (position: bigint, cause?: unknown): DamagedEvent =>
  new DamagedEvent(`the event at position ${position} of the log is damaged`, { cause })
