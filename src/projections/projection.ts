/**
 * A projection is a pure function from events to documents: the same log gives the same bytes. It reads
 * no clock, no other document and no other view. Classed fields stay sealed; queries open them.
 */
import type { z } from 'zod'
import type { EventDefinitions } from '../domain/event.ts'
import type { EventMetadata } from '../domain/metadata.ts'
import type { SealedData } from '../domain/personal.ts'
import type { Position } from '../ports/event-store.ts'
import type { ViewCollection } from '../ports/view-store.ts'

/** An event as projections see it. */
export interface ProjectedEvent<Data = Readonly<Record<string, unknown>>> {
  readonly type: string
  readonly data: Data
  readonly id: string
  readonly stream: string
  readonly revision: number
  readonly position: Position
  readonly metadata: EventMetadata
}

/** How one type of event changes the documents it concerns. */
export interface Handler<View, Data> {
  /** Keys of the documents it changes; [] or undefined: none. */
  readonly keys: (event: ProjectedEvent<Data>) => string | readonly string[] | undefined
  /** The document after the event; undefined deletes it. Must not change the one it is given. */
  readonly project: (
    view: View | undefined,
    event: ProjectedEvent<Data>,
    key: string,
  ) => View | undefined
}

export interface Projection<View> extends ViewCollection {
  readonly on: Readonly<Record<string, Handler<View, never>>>
  /** Never called: carries the type of the documents for queries. */
  readonly view?: View
}

/** A projection whose documents' type does not matter: for the runner and lists. */
export type AnyProjection = ViewCollection & { readonly on: Readonly<Record<string, object>> }

/**
 * Declares a projection over events of the given definitions. `version` rises whenever the documents
 * would come out different: the new version is then filled beside the served one.
 */
export function projection<View, D extends EventDefinitions>(
  _events: D,
  declaration: ViewCollection & {
    readonly on: {
      readonly [K in keyof D & string]?: Handler<View, SealedData<z.output<D[K]['schema']>>>
    }
  },
): Projection<View> {
  // Every handler gets events of its own type only: the runner looks it up by type.
  return declaration as unknown as Projection<View>
}
