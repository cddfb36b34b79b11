/** Tells owners and admins when a budget of their organization has reached a threshold. */
import type { Deps } from '../commands/deps.ts'
import { requestThresholdMails } from '../commands/mail/request-threshold-mails.ts'
import type { StoredEvent } from '../ports/event-store.ts'
import {
  thresholdsToTell,
  type UntoldThreshold,
  untoldOf,
} from '../projections/untold-thresholds.ts'
import { takeUp } from './take-up.ts'
import type { NewJob, Sweep, Worker } from './worker.ts'

const NAME = 'threshold-mails'

function jobOf(event: StoredEvent): NewJob | undefined {
  const payload = untoldOf(event)
  return payload && { id: event.id, payload }
}

export const thresholdMails = (deps: Deps): Worker => ({
  name: NAME,
  concurrency: 1,
  on: { BudgetThresholdReached: jobOf },
  handle: (untold: UntoldThreshold) => requestThresholdMails(deps, untold),
})

export const thresholdMailsSweep = (deps: Deps): Sweep => ({
  name: NAME,
  run: (signal) =>
    takeUp(deps, NAME, thresholdsToTell(deps.views), signal, ({ document }) =>
      requestThresholdMails(deps, document),
    ),
})
