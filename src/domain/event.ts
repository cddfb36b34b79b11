/**
 * How a noun declares its events. The schema is the stored contract: after the first stored event it
 * is never edited, only followed by a version with an upcaster that reads the older one. A new version
 * ships readable one release before it is written (`writes`), so that releases can run side by side.
 */
import { z } from 'zod'
import { dataClassOf, type DataClass } from './personal.ts'

export interface EventDefinition<S extends z.ZodObject = z.ZodObject> {
  readonly description: string
  /** The version that this code works with, from 1. */
  readonly v: number
  /** Still written: releases that run beside this one cannot read `v` yet. The next release drops it. */
  readonly writes?: OlderVersion
  readonly schema: S
  /** `upcasts[n]` turns the data of version n into that of n + 1. */
  readonly upcasts: Readonly<
    Record<number, (data: Record<string, unknown>) => Record<string, unknown>>
  >
  /** The fields that are sealed before they are stored. */
  readonly classed: readonly { field: string; dataClass: Exclude<DataClass, { class: 'clear' }> }[]
}

/** How today's data is stored as the version before. Where fields are sealed, none has another name there. */
export interface OlderVersion {
  readonly v: number
  readonly as: (data: Readonly<Record<string, unknown>>) => Record<string, unknown>
}

export function event<Shape extends z.core.$ZodLooseShape>(
  description: string,
  shape: Shape,
  options: { v?: number; upcasts?: EventDefinition['upcasts']; writes?: OlderVersion } = {},
): EventDefinition<z.ZodObject<Shape, z.core.$strict>> {
  const classed: { field: string; dataClass: Exclude<DataClass, { class: 'clear' }> }[] = []
  for (const [field, schema] of Object.entries(shape)) {
    const dataClass = dataClassOf(schema as z.ZodType)
    if (dataClass && dataClass.class !== 'clear') classed.push({ field, dataClass })
  }
  return {
    description,
    v: options.v ?? 1,
    schema: z.strictObject(shape),
    upcasts: options.upcasts ?? {},
    ...(options.writes ? { writes: options.writes } : {}),
    classed,
  }
}

export type EventDefinitions = Readonly<Record<string, EventDefinition>>

/** The union of a noun's events, as deciders see them: `{ type, data }` with classed values opened. */
export type EventsOf<D extends EventDefinitions> = {
  [K in keyof D & string]: { readonly type: K; readonly data: z.output<D[K]['schema']> }
}[keyof D & string]

/** The stored data of an older version, turned into today's. `v` above today's is the reader's problem. */
export function upcast(
  definition: EventDefinition,
  v: number,
  data: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  let current: Record<string, unknown> = data
  for (let version = v; version < definition.v; version++) {
    const step = definition.upcasts[version]
    if (!step) throw new Error(`no upcaster from version ${version}`)
    current = step(current)
  }
  return current
}
