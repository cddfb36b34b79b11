/**
 * Ends of calls that no execution writes: their time is up, their process is gone, their texts are gone.
 * The invocation stream decides; its hold ends only after it.
 */
import type { Accepted } from '../../domain/invocation/events.ts'
import type { InvocationCommand } from '../../domain/invocation/commands.ts'
import type { Invocation } from '../../domain/invocation/invocation.ts'
import type { Deps } from '../deps.ts'
import { callsStopped } from '../spend/stopped.ts'
import { callRoot, decideCall, instantOf, loadCall, pause } from './flow.ts'
import { settleCall } from './settle-call.ts'

const steps = {
  ExpireInvocation: 'expire',
  InterruptInvocation: 'interrupt',
  AbandonInvocation: 'abandon',
} as const

/** The call as it is then: without an end where the stream knows better. */
export async function endCall(
  deps: Deps,
  call: { readonly invocationId: string; readonly orgId: string },
  command: Extract<InvocationCommand, { type: keyof typeof steps }>,
): Promise<Invocation> {
  const root = callRoot(deps, 'end-invocations', call)
  // One name for each execution that it may end: a second sweep repeats the step, never adds to it.
  const of = command.type === 'InterruptInvocation' ? command.callId : ''
  const name = `end:${steps[command.type]}:${of}`
  const { state } = await decideCall(deps, root, name, call.invocationId, command)
  if (!state.end) return state
  deps.feed.publish(call.invocationId, { kind: 'end' })
  await settleCall(deps, root, state)
  return state
}

/** Its time is over: expired, or failed with `calls_stopped` where it waited for the stop to end. */
export async function expireCall(
  deps: Deps,
  call: { readonly invocationId: string; readonly orgId: string; readonly deadline: string },
): Promise<Invocation> {
  const { invocationId, orgId, deadline } = call
  const at = instantOf(deps)
  const { status } = await loadCall(deps, invocationId)
  if (status === 'accepted' && (await callsStopped(deps)))
    return endCall(deps, call, { type: 'AbandonInvocation', reason: 'calls_stopped', at })
  return endCall(deps, call, { type: 'ExpireInvocation', invocationId, orgId, deadline, at })
}

const FIRST_REST_MS = 500
const LONGEST_REST_MS = 30_000

/**
 * This process had started the call and cannot carry it on, since a store stayed away: it is interrupted
 * as soon as the log takes that, for no other process can know. Never rejects.
 */
export async function interruptOwn(
  deps: Deps,
  { invocationId, deadline }: Accepted,
): Promise<void> {
  const { calls, settings, logger } = deps
  for (let restMs = FIRST_REST_MS; instantOf(deps) < deadline && !calls.givingUp.aborted;) {
    try {
      const { status, accepted, attempts } = await loadCall(deps, invocationId)
      const attempt = attempts.at(-1)
      const ours = status === 'running' && attempt?.runId === settings.runId
      if (!ours || !accepted || calls.get(invocationId)) return
      const at = instantOf(deps)
      await endCall(deps, accepted, { type: 'InterruptInvocation', callId: attempt.callId, at })
      return
    } catch (error) {
      logger.warn({ invocationId, error }, 'a call that broke off could not be ended')
    }
    await pause(restMs, calls.givingUp)
    restMs = Math.min(restMs * 2, LONGEST_REST_MS)
  }
}
