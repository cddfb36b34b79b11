/**
 * Releases that run side by side, made from this one: `today` is this release as it is, `next` reads a
 * newer version of some events and a new event but writes what today reads, `afterNext` writes them.
 * Neighbours understand each other; today and afterNext, two apart, do not. Nothing here changes the
 * catalogue of the product.
 */
import { z } from 'zod'
import { catalogue } from '../../src/domain/catalogue.ts'
import type { Decider } from '../../src/domain/decider.ts'
import {
  event,
  type EventDefinition,
  type EventDefinitions,
  type EventsOf,
} from '../../src/domain/event.ts'
import { instant } from '../../src/domain/ids.ts'
import { clear } from '../../src/domain/personal.ts'
import { projections } from '../../src/projections/index.ts'
import type { AnyProjection, Projection } from '../../src/projections/projection.ts'
import {
  type ListedSession,
  type SessionsOfUser,
  sessionsByUser,
} from '../../src/projections/sessions-by-user.ts'

export interface Release {
  readonly events: EventDefinitions
  readonly projections: readonly AnyProjection[]
}

type Data = Readonly<Record<string, unknown>>

/** Version 2 of an event of today: one field more. `before` says it of events that lack it. */
function second(
  type: string,
  field: string,
  schema: z.ZodType,
  before: (data: Data) => unknown,
): EventDefinition {
  const today = catalogue[type]
  if (today?.v !== 1) throw new Error(`${type} has a version 2 of its own`)
  return event(
    today.description,
    { ...today.schema.shape, [field]: clear(schema) },
    { v: 2, upcasts: { 1: (data) => ({ ...data, [field]: before(data) }) } },
  )
}

interface Changed {
  readonly field: string
  readonly v2: EventDefinition
}
const changed = (
  type: string,
  field: string,
  schema: z.ZodType,
  before: (data: Data) => unknown,
): readonly [string, Changed] => [type, { field, v2: second(type, field, schema, before) }]

/** Each on a hot path: a sign-in (with sealed fields), a hold on an account, the end of a call. */
const newer: ReadonlyMap<string, Changed> = new Map([
  changed(
    'SessionStarted',
    'client',
    z.enum(['browser', 'unknown']).default('browser'),
    () => 'unknown',
  ),
  changed('HoldPlaced', 'currency', z.literal('USD').default('USD'), () => 'USD'),
  changed(
    'InvocationCompleted',
    'answeredBy',
    z.enum(['provider', 'practice']).default('provider'),
    ({ of }) => ((of as { readonly practice: boolean }).practice ? 'practice' : 'provider'),
  ),
])

/** The events that have two versions. */
export const changedEvents = [...newer.keys()]

const writtenAsBefore = ({ field, v2 }: Changed): EventDefinition => ({
  ...v2,
  writes: { v: 1, as: ({ [field]: _new, ...older }) => older },
})

/** An event that today does not know at all. */
const noteEvents = {
  NoteWritten: event('Somebody of the release after the next wrote a note.', {
    text: clear(z.string().max(100)),
    at: instant,
  }),
}
type NoteEvent = EventsOf<typeof noteEvents>
export type NoteCommand = { readonly type: 'WriteNote' } & NoteEvent['data']

export const note: Decider<readonly string[], NoteCommand, NoteEvent> = {
  category: 'note',
  initial: () => [],
  decide: ({ type: _type, ...data }) => [{ type: 'NoteWritten', data }],
  evolve: (texts, { data }) => [...texts, data.text],
}

/** As the release after the next lists it. */
export type SessionWithClient = ListedSession & { readonly client?: string }

/** Its documents come out different, so its version is raised. */
const withClients: Projection<SessionsOfUser> = {
  ...sessionsByUser,
  version: sessionsByUser.version + 1,
  on: { ...sessionsByUser.on, SessionStarted: sayingClient() },
}
function sayingClient() {
  // Looked up by its own type, so the handler's data is this event's.
  const today = sessionsByUser.on['SessionStarted'] as unknown as {
    readonly keys: (event: { readonly data: Data }) => string
    readonly project: (
      view: SessionsOfUser | undefined,
      event: { readonly data: Data },
    ) => SessionsOfUser | undefined
  }
  return {
    ...today,
    project(view: SessionsOfUser | undefined, started: { readonly data: Data }) {
      const next = today.project(view, started)
      const { sessionId, client: by } = started.data
      return (
        next && {
          ...next,
          sessions: next.sessions.map((one) =>
            one.sessionId === sessionId ? { ...one, client: by } : one,
          ),
        }
      )
    },
  }
}

const replaced = (by: (one: Changed) => EventDefinition): EventDefinitions => ({
  ...catalogue,
  ...Object.fromEntries([...newer].map(([type, one]) => [type, by(one)])),
  ...noteEvents,
})

export const releases = {
  today: { events: catalogue, projections },
  next: { events: replaced(writtenAsBefore), projections },
  afterNext: {
    events: replaced(({ v2 }) => v2),
    projections: projections.map((one) => (one.name === withClients.name ? withClients : one)),
  },
} as const satisfies Readonly<Record<string, Release>>
export type ReleaseName = keyof typeof releases
