/**
 * When calls to models begin again, those that wait begin at once. Their jobs were taken and laid down
 * while calls were stopped; one that a sweep or another process takes up too is carried out once.
 */
import type { Deps } from '../commands/deps.ts'
import { RUN_INVOCATIONS, runJob } from '../commands/invocation/run-accepted.ts'
import { openInvocations } from '../projections/invocation-history.ts'
import type { Worker } from './worker.ts'

export const resumeCalls = (deps: Deps): Worker => ({
  name: 'resume-calls',
  concurrency: 1,
  on: { CallsResumed: ({ id }) => ({ id, payload: {} }) },
  async handle(_job, signal) {
    for await (const { invocationId, status } of openInvocations(deps.views)) {
      if (signal.aborted) return
      if (status === 'accepted') await deps.jobs.add(RUN_INVOCATIONS, [runJob(invocationId)])
    }
  },
})
