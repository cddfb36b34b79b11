/**
 * Every event that Daybook writes or has ever written, by type. What is not here stops the reader.
 */
import { agentEvents } from './agent/events.ts'
import type { EventDefinitions } from './event.ts'
import { mailEvents } from './mail/events.ts'
import { sessionEvents } from './session/events.ts'
import { emailClaimEvents, userEvents } from './user/events.ts'

/** By noun, in the order in which the documents show them. */
export const eventsByNoun = {
  user: userEvents,
  emailClaim: emailClaimEvents,
  session: sessionEvents,
  agent: agentEvents,
  mail: mailEvents,
} as const satisfies Readonly<Record<string, EventDefinitions>>

export const catalogue: EventDefinitions = Object.assign({}, ...Object.values(eventsByNoun))
