/**
 * Carrying out a call that was accepted and waits: taken over by a worker, from the stored messages. A
 * job delivered twice, or late, finds a call that is started or has ended, and does nothing.
 */
import type { Accepted } from '../../domain/invocation/events.ts'
import { isInCharge } from '../../domain/invocation/invocation.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { Deps } from '../deps.ts'
import type { SpendShare } from '../spend/ceiling.ts'
import { callsStopped } from '../spend/stopped.ts'
import { readPrompt } from './admit.ts'
import { carryOut, claimOf } from './carry-out.ts'
import { endCall, expireCall } from './end-call.ts'
import { callRoot, decideCall, instantOf, isOver, loadCall } from './flow.ts'

export const RUN_INVOCATIONS = 'run-invocations'

export interface RunJob {
  readonly invocationId: string
}
export const runJob = (invocationId: string): { id: string; payload: RunJob } => ({
  id: invocationId,
  payload: { invocationId },
})

export async function runAccepted(
  deps: Deps,
  { invocationId }: RunJob,
  signal: AbortSignal,
): Promise<void> {
  if ((await loadCall(deps, invocationId)).status !== 'accepted') return
  await deps.calls.enter(signal)
  let running: Awaited<ReturnType<typeof start>>
  try {
    running = await start(deps, invocationId)
  } finally {
    // What was started gives its place back itself.
    if (!running) deps.calls.leave()
  }
  await running?.carried
}

/** undefined: there is nothing to carry out. */
async function start(
  deps: Deps,
  invocationId: string,
): Promise<{ readonly carried: Promise<unknown> } | undefined> {
  const { status, accepted, attempts } = await loadCall(deps, invocationId)
  if (status !== 'accepted' || !accepted) return undefined
  const at = instantOf(deps)
  if (at >= accepted.deadline) {
    // By a clock that runs ahead it is over too early: somebody else takes it, or the sweep ends it later.
    if (isOver(deps, accepted.deadline)) await expireCall(deps, accepted)
    return undefined
  }
  // It waits on: the sweep makes it a job again until its time is over.
  if (await callsStopped(deps)) return undefined
  const prompt = await readPrompt(deps, accepted.messages)
  if (!prompt) {
    await endCall(deps, accepted, { type: 'AbandonInvocation', reason: 'content_erased', at })
    return undefined
  }
  const spend = await shareOf(deps, accepted)
  if (!spend) return undefined
  const root = callRoot(deps, RUN_INVOCATIONS, accepted)
  const claim = claimOf(deps, accepted, attempts.length)
  const call = deps.calls.begin(invocationId, { abortOnCancel: accepted.abortPolicy !== 'drain' })
  const name = `start:${attempts.length + 1}:${claim.callId}`
  const command = { type: 'StartInvocation', ...claim } as const
  try {
    const { state } = await decideCall(deps, root, name, invocationId, command)
    if (isInCharge(state, claim.callId)) {
      const execution = { call, prompt, root, spend, listener: undefined }
      return { carried: carryOut(deps, execution, state, claim.callId) }
    }
  } catch (error) {
    call.end(undefined)
    spend.end(0n)
    throw error
  }
  call.end(undefined)
  spend.end(0n)
  return undefined
}

/** undefined: the platform spends no more in this period; the call waits on. */
async function shareOf(
  deps: Deps,
  { acceptedAt: at, costBoundNanos = '0' }: Accepted,
): Promise<SpendShare | undefined> {
  try {
    return await deps.spend.reserve({ at, costNanos: BigInt(costBoundNanos) })
  } catch (error) {
    if (error instanceof Refusal && error.code === 'spend_ceiling_reached') return undefined
    throw error
  }
}
