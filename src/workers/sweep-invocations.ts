/**
 * Finds calls that nobody carries out: accepted and not started become jobs again, those that a dead run
 * had started are interrupted. An attempt that was begun is never repeated.
 */
import type { Deps } from '../commands/deps.ts'
import { instantOf, loadCall } from '../commands/invocation/flow.ts'
import { endCall } from '../commands/invocation/end-call.ts'
import { RUN_INVOCATIONS, runJob } from '../commands/invocation/run-accepted.ts'
import { openInvocations } from '../projections/invocation-history.ts'
import type { Sweep } from './worker.ts'

/** Another process may be resting between two attempts, or just making the job. */
const MAY_BE_AT_WORK_MS = 15_000

export const sweepInvocations = (deps: Deps): Sweep => ({
  name: 'sweep-invocations',
  async run(signal) {
    let found = 0
    for await (const { invocationId, acceptedAt, failedAttempts } of openInvocations(deps.views)) {
      if (signal.aborted) return found
      if (deps.calls.get(invocationId)) continue
      const since = failedAttempts?.at(-1)?.failedAt ?? acceptedAt
      if (await takeUp(deps, invocationId, since)) found++
    }
    return found
  },
})

async function takeUp(deps: Deps, invocationId: string, since: string): Promise<boolean> {
  const { status, accepted, attempts } = await loadCall(deps, invocationId)
  const attempt = attempts.at(-1)
  const at = instantOf(deps)
  if (status === 'accepted') {
    const resting = Date.parse(at) - Date.parse(since) < MAY_BE_AT_WORK_MS
    if (resting && !deps.runs.alone) return false
    await deps.jobs.add(RUN_INVOCATIONS, [runJob(invocationId)])
    return true
  }
  if (status !== 'running' || !accepted || !attempt) return false
  // Ours, but not among the calls of this process: its end could not be written.
  const lost = attempt.runId === deps.settings.runId && !deps.calls.get(invocationId)
  if (!lost && !(await deps.runs.isDead(attempt.runId))) return false
  const { callId } = attempt
  const ended = await endCall(deps, accepted, { type: 'InterruptInvocation', callId, at })
  return ended.end !== undefined
}
