/** What a failure means for whoever projects, and what anybody may be told of it. */
import type { Position } from '../ports/event-store.ts'
import { Unavailable } from '../ports/unavailable.ts'
import { UnknownEvent } from '../ports/unknown-event.ts'
import { ViewRemoved } from '../ports/view-store.ts'

/** Readiness tells it to anybody: what was thrown may name a server, or quote what a person wrote. */
export const said = (error: unknown, after: Position): string =>
  error instanceof UnknownEvent
    ? error.message
    : `what comes after position ${after} cannot be taken up; the log of the process that projects says why`

/** The next round mends it: a store that is away comes back, a view that was removed is made anew. */
export const passes = (error: unknown): boolean =>
  error instanceof Unavailable || error instanceof ViewRemoved
