/**
 * E1 as far as the log goes: every field that is somebody's data is sealed and bound to its place, no
 * field stands beside the schema, and no text that the caller names (a password, a prompt) is anywhere.
 */
import type { EventDefinition, EventDefinitions } from '../../domain/event.ts'
import { sealedSchema } from '../../domain/personal.ts'
import type { StoredEvent } from '../../ports/event-store.ts'
import type { Checker, Say } from './checker.ts'

export function secrecyChecker(
  say: Say,
  catalogue: EventDefinitions,
  /** Texts that were given to the server and must be nowhere in clear. */
  mustNotAppear: readonly string[] = [],
): Checker {
  return {
    read(event) {
      const definition = catalogue[event.type]
      if (!definition) return say('E1', event, `nobody knows what is secret in ${event.type}`)
      if (event.metadata.v === definition.v) checkFields(event, definition, say)
      if (mustNotAppear.length === 0) return undefined
      const text = JSON.stringify([event.data, event.metadata])
      mustNotAppear.forEach((secret, index) => {
        if (text.includes(JSON.stringify(secret).slice(1, -1)))
          say('E1', event, `secret text ${index + 1} stands in clear in ${event.type}`)
      })
      return undefined
    },
  }
}

function checkFields(event: StoredEvent, definition: EventDefinition, say: Say): void {
  for (const field of Object.keys(event.data))
    if (!Object.hasOwn(definition.schema.shape, field))
      say('E1', event, `${event.type} has a field that its schema lacks: ${field}`)
  for (const { field } of definition.classed) {
    const value = event.data[field]
    if (value === undefined) continue
    const sealed = sealedSchema.safeParse(value)
    if (!sealed.success) say('E1', event, `${field} of ${event.type} is not sealed`)
    else if (!sealed.data.context.startsWith(`${event.id}/${field}/`))
      say('E1', event, `${field} of ${event.type} is sealed for another place`)
  }
}
