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
    const [name, plain] = await shownField(sealer, { field, schema, value, data }, reader)
    shown[name] = plain
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
): Promise<[name: string, value: unknown]> {
  const dataClass = dataClassOf(schema)
  if (dataClass?.class === 'clear') return named(field, schema, value, reader)
  const sealed = sealedSchema.safeParse(value)
  // A secret is not opened by anybody, not even to see whether it is still there.
  if (!dataClass || dataClass.class === 'secret' || !sealed.success)
    return [snake(field), isErased(value) ? ERASED : SEALED]
  const opened = await openSealed(sealer, sealed.data)
  if (isErased(opened)) return [snake(field), ERASED]
  return [snake(field), isShownTo(reader, schema, data[dataClass.subject]) ? opened : SEALED]
}

/** A field under its name in HTTP: `holdNanos: '5000000'` is `hold: { amount, currency }`. */
const named = (
  field: string,
  schema: z.ZodType,
  value: unknown,
  reader: HistoryReader,
): [string, unknown] => [
  snake(field.replace(/Nanos$/, '')),
  walked(schema, value, reader, field.endsWith('Nanos') || isPrice(schema)),
]

const snake = (name: string): string =>
  name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** Prices have no name of their own: their schema says what they are. */
const isPrice = (schema: z.ZodType): boolean => schema.description?.startsWith('nano-USD') ?? false

function walked(
  schema: z.ZodType,
  value: unknown,
  reader: HistoryReader,
  amount = isPrice(schema),
): unknown {
  if (!isShownTo(reader, schema)) return SEALED
  if (isWrapped(schema)) return walked(schema.unwrap() as z.ZodType, value, reader, amount)
  if (schema instanceof z.ZodUnion) {
    const options = schema.options as readonly z.ZodType[]
    const fitting = options.find((option) => option.safeParse(value).success)
    return fitting ? walked(fitting, value, reader, amount) : SEALED
  }
  if (value === null || typeof value !== 'object')
    return amount && typeof value === 'string' ? money(BigInt(value)) : value
  if (schema instanceof z.ZodArray && Array.isArray(value))
    return value.map((one) => walked(schema.element as z.ZodType, one, reader))
  if (schema instanceof z.ZodObject) {
    const shape = schema.shape as Readonly<Record<string, z.ZodType>>
    const fields = Object.entries(value).flatMap(([field, one]) => {
      const own = Object.hasOwn(shape, field) ? shape[field] : undefined
      return own ? [named(field, own, one, reader)] : []
    })
    return Object.fromEntries(fields)
  }
  // A map of the customer's own names and texts; of anything else nobody has said who may see it.
  return schema instanceof z.ZodRecord ? value : SEALED
}
