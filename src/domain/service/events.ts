/** What ran when: each life of a process says who it is. The stored contract. */
import { z } from 'zod'
import { event, type EventsOf } from '../event.ts'
import { instant } from '../ids.ts'
import { clear } from '../personal.ts'

export const serviceEvents = {
  ServiceStarted: event('A process of Daybook began to serve.', {
    /** Calls, usage records and heartbeats name it. */
    runId: clear(z.uuid()),
    version: clear(z.string().max(64)),
    role: clear(z.string().max(32)),
    /** SHA-256 of the settings without secrets: whether two runs were set up alike. */
    settingsDigest: clear(z.string().regex(/^[0-9a-f]{64}$/)),
    at: instant,
  }),
}
export type ServiceEvent = EventsOf<typeof serviceEvents>
