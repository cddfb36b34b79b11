/** Carries out calls that were accepted and wait for their turn. */
import type { Deps } from '../commands/deps.ts'
import { RUN_INVOCATIONS, type RunJob, runAccepted } from '../commands/invocation/run-accepted.ts'
import type { Worker } from './worker.ts'

export const runInvocations = (deps: Deps): Worker => ({
  name: RUN_INVOCATIONS,
  concurrency: deps.settings.callsAtOnce,
  handle: (job: RunJob, signal) => runAccepted(deps, job, signal),
})
