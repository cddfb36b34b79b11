/** What an administrator says for the whole installation at once: the stored contract. */
import { z } from 'zod'
import { event, type EventsOf } from '../event.ts'
import { instant } from '../ids.ts'
import { clear } from '../personal.ts'

export const installationEvents = {
  CallsStopped: event('No call to a model begins any more; everything else goes on.', {
    /** Kept for ever: never a person's data. */
    reason: clear(z.exactOptional(z.string().min(1).max(500))),
    at: instant,
  }),
  CallsResumed: event('Calls to models begin again.', { at: instant }),
}
export type InstallationEvent = EventsOf<typeof installationEvents>
