/**
 * An event as the history shows it. Which values a reader sees stands in the event's schema; any other is
 * `{ sealed: true }`, and one whose key is gone `{ erased: true }`. A field that the schema does not know
 * is left out. Names and amounts are those of HTTP.
 */
import { z } from 'zod'
import { catalogue } from '../../domain/catalogue.ts'
import { parseStreamName } from '../../domain/decider.ts'
import { money } from '../../domain/money.ts'
import {
  dataClassOf,
  ERASED,
  type HistoryReader,
  isErased,
  isShownTo,
  isWrapped,
  sealedSchema,
} from '../../domain/personal.ts'
import type { StoredEvent } from '../../ports/event-store.ts'
import type { Sealer } from '../../ports/sealer.ts'
import { openSealed } from '../../projections/open.ts'
import { organizationOf } from '../../projections/audit-events.ts'

export interface ShownEvent {
  readonly position: string
  readonly stream: string
  readonly revision: number
  readonly id: string
  readonly category: string
  readonly type: string
  readonly recorded_at: string
  readonly actor: {
    readonly kind: string
    readonly id?: string
    readonly session_id?: string
    readonly name?: string
  }
  readonly organization_id: string | null
  readonly correlation_id: string
  readonly causation_id: string
  readonly command_id: string
  readonly data: Readonly<Record<string, unknown>>
}

/** There is something, and not for this reader. */
const SEALED = Object.freeze({ sealed: true } as const)

export async function shownEvent(
  { sealer }: { readonly sealer: Pick<Sealer, 'open'> },
  event: StoredEvent,
  reader: HistoryReader,
): Promise<ShownEvent> {
  const { metadata } = event
  const { actor } = metadata
  return {
    position: event.position.toString(),
    stream: event.stream,
    revision: event.revision,
    id: event.id,
    category: parseStreamName(event.stream).category,
    type: event.type,
    recorded_at: metadata.recordedAt,
    actor: {
      kind: actor.kind,
      ...('id' in actor && { id: actor.id }),
      ...('sessionId' in actor && { session_id: actor.sessionId }),
      ...('name' in actor && { name: actor.name }),
    },
    organization_id: organizationOf(event) ?? null,
    correlation_id: metadata.$correlationId,
    causation_id: metadata.$causationId,
    command_id: metadata.commandId,
    data: await shownData(sealer, event, reader),
  }
}

async function shownData(
  sealer: Pick<Sealer, 'open'>,
  { type, data }: StoredEvent,
  reader: HistoryReader,
): Promise<Record<string, unknown>> {
  const shape = catalogue[type]?.schema.shape ?? {}
  const shown: Record<string, unknown> = {}
  for (const [field, value] of Object.entries(data)) {
    // What no schema words, nobody has said who may see.
    const schema = Object.hasOwn(shape, field) ? (shape[field] as z.ZodType) : undefined
    if (!schema || value === undefined) continue
    shown[nameOf(field)] = await shownField(sealer, { field, schema, value, data }, reader)
  }
  return shown
}

interface Field {
  readonly field: string
  readonly schema: z.ZodType
  readonly value: unknown
  readonly data: Readonly<Record<string, unknown>>
}

async function shownField(
  sealer: Pick<Sealer, 'open'>,
  { field, schema, value, data }: Field,
  reader: HistoryReader,
): Promise<unknown> {
  const dataClass = dataClassOf(schema)
  if (dataClass?.class === 'clear') return fieldFor(field, schema, reader).show(value)
  const stored = sealedSchema.safeParse(value)
  // A secret is not opened by anybody, not even to see whether it is still there.
  if (!dataClass || dataClass.class === 'secret' || !stored.success)
    return isErased(value) ? ERASED : SEALED
  const opened = await openSealed(sealer, stored.data)
  if (isErased(opened)) return ERASED
  return isShownTo(reader, schema, data[dataClass.subject]) ? opened : SEALED
}

type Show = (value: unknown) => unknown

const sealed: Show = () => SEALED
/** Of an object in a place where the schema words none, nobody has said who may see it. */
const plain: Show = (value) => (typeof value === 'object' && value !== null ? SEALED : value)
const amount: Show = (value) => (typeof value === 'string' ? money(BigInt(value)) : plain(value))

/** Worked out once for each schema and reader: a bulk answer shows the same few types again and again. */
const shows = new WeakMap<z.ZodType, Map<string, Show>>()

function showFor(schema: z.ZodType, reader: HistoryReader, nanos: boolean): Show {
  const key = `${reader}|${nanos}`
  const known = shows.get(schema)
  const made = known?.get(key) ?? makeShow(schema, reader, nanos)
  if (known) known.set(key, made)
  else shows.set(schema, new Map([[key, made]]))
  return made
}

function makeShow(schema: z.ZodType, reader: HistoryReader, nanos: boolean): Show {
  if (!isShownTo(reader, schema)) return sealed
  if (isWrapped(schema)) return showFor(schema.unwrap() as z.ZodType, reader, nanos)
  if (schema instanceof z.ZodUnion) {
    const options = schema.options.map((option) => ({
      option: option as z.ZodType,
      show: showFor(option as z.ZodType, reader, nanos),
    }))
    return (value) =>
      options.find(({ option }) => option.safeParse(value).success)?.show(value) ?? SEALED
  }
  if (schema instanceof z.ZodArray) {
    const show = showFor(schema.element as z.ZodType, reader, nanos)
    return (value) => (Array.isArray(value) ? value.map(show) : plain(value))
  }
  if (schema instanceof z.ZodObject) return showObject(schema, reader)
  // A map of the customer's own names and texts.
  if (schema instanceof z.ZodRecord) return (value) => value
  return nanos || isPrice(schema) ? amount : plain
}

function showObject(schema: z.ZodObject, reader: HistoryReader): Show {
  const fields = new Map(
    Object.entries(schema.shape).map(([field, own]) => [
      field,
      fieldFor(field, own as z.ZodType, reader),
    ]),
  )
  return (value) => {
    if (typeof value !== 'object' || value === null) return value
    const shown: Record<string, unknown> = {}
    for (const [field, one] of Object.entries(value)) {
      const own = fields.get(field)
      if (own) shown[own.name] = own.show(one)
    }
    return shown
  }
}

/** A field under its name in HTTP: `holdNanos: '5000000'` is `hold: { amount, currency }`. */
const fieldFor = (field: string, schema: z.ZodType, reader: HistoryReader) => ({
  name: nameOf(field),
  show: showFor(schema, reader, field.endsWith('Nanos')),
})

const nameOf = (field: string): string =>
  field.replace(/Nanos$/, '').replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** Prices have no name of their own: their schema says what they are. */
const isPrice = (schema: z.ZodType): boolean => schema.description?.startsWith('nano-USD') ?? false
