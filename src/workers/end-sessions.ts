/**
 * Ends sessions that are due to end (projections/sessions-by-user.ts): those that a command could not
 * end itself, because it was killed or the views were slow, and those beyond a person's number.
 */
import { endDueSessions } from '../commands/session/end-sessions.ts'
import type { Deps } from '../commands/deps.ts'
import type { StoredEvent } from '../ports/event-store.ts'
import { usersWithSessionsDue } from '../projections/sessions-by-user.ts'
import type { Sweep, Worker } from './worker.ts'

const NAME = 'end-sessions'
const PEOPLE_AT_ONCE = 500

const job = ({ id, data }: StoredEvent) => ({ id, payload: { userId: String(data['userId']) } })

export const endSessions = (deps: Deps): Worker => ({
  name: NAME,
  concurrency: 4,
  on: { SessionStarted: job, PasswordChanged: job, UserDeactivated: job, TelegramUnlinked: job },
  async handle({ userId }: { userId: string }) {
    await endDueSessions(deps, userId)
  },
})

export const endSessionsSweep = (deps: Deps): Sweep => ({
  name: NAME,
  async run(signal) {
    let found = 0
    for (const userId of await usersWithSessionsDue(deps.views, PEOPLE_AT_ONCE)) {
      if (signal.aborted) return found
      found += await endDueSessions(deps, userId)
    }
    return found
  },
})
