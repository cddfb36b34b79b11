/**
 * The boundary between what the domain says and what the log stores: schema check, data classes sealed
 * on the way in, older versions upcast and sealed values opened on the way out. An unknown type or a
 * newer version stops the reader: nothing is ever skipped.
 */
import type { DomainEvent } from '../domain/decider.ts'
import { type EventDefinition, type EventDefinitions, upcast } from '../domain/event.ts'
import type { EventMetadata } from '../domain/metadata.ts'
import { type DataClass, ERASED, isErased, type Sealed } from '../domain/personal.ts'
import type { NewEvent, StoredEvent } from '../ports/event-store.ts'
import type { Ids } from '../ports/ids.ts'
import type { Sealer } from '../ports/sealer.ts'
import { UnknownEvent } from '../ports/unknown-event.ts'
import type { CommandContext } from './context.ts'

/** An event as deciders see it, with where it stands. */
export interface ReadEvent {
  readonly type: string
  readonly data: Readonly<Record<string, unknown>>
  readonly stored: StoredEvent
}

/** The key that seals a classed field: one per person for personal and secret, one per owner of content. */
export const keyOf = (dataClass: Exclude<DataClass, { class: 'clear' }>, subject: string): string =>
  dataClass.class === 'content' ? `content/${subject}` : `user/${subject}`

/**
 * What is sealed is found by its name: under another name it would be stored in clear, for ever.
 * @throws where an event with sealed fields has a field of which nobody knows whether it is to be sealed
 */
function assertKnownFields(type: string, definition: EventDefinition, older: object): void {
  if (definition.classed.length === 0) return
  for (const field of Object.keys(older))
    if (!Object.hasOwn(definition.schema.shape, field))
      throw new Error(
        `${type} has sealed fields, so its older version cannot name a field ${field}`,
      )
}

export function createEventCodec(
  catalogue: EventDefinitions,
  { sealer, ids }: { sealer: Sealer; ids: Ids },
) {
  function definitionOf(event: StoredEvent): EventDefinition {
    const definition = Object.hasOwn(catalogue, event.type) ? catalogue[event.type] : undefined
    if (!definition || event.metadata.v > definition.v) throw new UnknownEvent(event)
    return definition
  }

  async function sealFields(
    definition: EventDefinition,
    data: Record<string, unknown>,
    eventId: string,
    v: number,
  ): Promise<Record<string, unknown>> {
    const sealed = { ...data }
    for (const { field, dataClass } of definition.classed) {
      const value = data[field]
      if (value === undefined) continue
      const key = keyOf(dataClass, String(data[dataClass.subject]))
      const context = `${eventId}/${field}/v${v}`
      sealed[field] = isErased(value)
        ? { key, context, sealed: '' }
        : await sealer.seal(key, context, value)
    }
    return sealed
  }

  async function encodeOne(event: DomainEvent, context: CommandContext): Promise<NewEvent> {
    const definition = catalogue[event.type]
    if (!definition) throw new Error(`event ${event.type} is not in the catalogue`)
    const parsed = definition.schema.parse(event.data)
    const { v, as } = definition.writes ?? { v: definition.v, as: undefined }
    const data = as ? as(parsed) : parsed
    if (as) assertKnownFields(event.type, definition, data)
    // Fresh for each decision. What is decided again, here or by another process, may come out differently,
    // and a store that knew the id would answer for the first one and keep silent about the difference.
    const id = ids.random()
    const metadata: EventMetadata = {
      v,
      recordedAt: context.at,
      commandId: context.commandId,
      $correlationId: context.correlationId,
      $causationId: context.causationId,
      actor: context.actor,
      ...(context.orgId === undefined ? {} : { orgId: context.orgId }),
      ...(context.digest === undefined ? {} : { digest: context.digest }),
      ...(context.traceparent === undefined ? {} : { traceparent: context.traceparent }),
    }
    const stored = definition.classed.length ? await sealFields(definition, data, id, v) : data
    return {
      id,
      type: event.type,
      data: JSON.stringify(stored),
      metadata: JSON.stringify(metadata),
    }
  }

  return {
    /** Checks, seals and serialises the events of one command. */
    encode: (events: readonly DomainEvent[], context: CommandContext): Promise<NewEvent[]> =>
      Promise.all(events.map((event) => encodeOne(event, context))),

    /** Upcasts and opens. Values whose key is gone come as `erased`. */
    async open(stored: StoredEvent): Promise<ReadEvent> {
      const definition = definitionOf(stored)
      const data = upcast(definition, stored.metadata.v, stored.data)
      if (!definition.classed.length) return { type: stored.type, data, stored }
      const opened: Record<string, unknown> = { ...data }
      for (const { field } of definition.classed) {
        const value = opened[field] as Sealed | undefined
        if (value !== undefined)
          opened[field] = value.sealed === '' ? ERASED : await sealer.open(value)
      }
      return { type: stored.type, data: opened, stored }
    },

    /** Upcasts only: classed fields stay sealed, as projections see them. */
    upcast(stored: StoredEvent): StoredEvent {
      const definition = definitionOf(stored)
      return stored.metadata.v === definition.v
        ? stored
        : { ...stored, data: upcast(definition, stored.metadata.v, stored.data) }
    },
  }
}
export type EventCodec = ReturnType<typeof createEventCodec>
