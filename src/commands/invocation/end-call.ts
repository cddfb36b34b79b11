/**
 * Ends of calls that no execution writes: their time is up, their process is gone, their texts are gone.
 * The invocation stream decides; its hold ends only after it.
 */
import type { InvocationCommand } from '../../domain/invocation/commands.ts'
import type { Invocation } from '../../domain/invocation/invocation.ts'
import type { Deps } from '../deps.ts'
import { callRoot, decideCall } from './flow.ts'
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
