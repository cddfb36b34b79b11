/**
 * CancelInvocation: before its start a call ends here and now; while it runs the wish is noted, and the
 * execution ends it by the agent version's abort policy.
 */
import type { Invocation } from '../../domain/invocation/invocation.ts'
import type { OrganizationActor } from '../access.ts'
import type { Root } from '../context.ts'
import type { Deps } from '../deps.ts'
import type { Position } from '../../ports/event-store.ts'
import { decideCall } from './flow.ts'
import { settleCall } from './settle-call.ts'
import { visibleCall } from './visible-call.ts'

export interface Canceled {
  readonly invocation: Invocation
  readonly position: Position | undefined
}

/** @throws Refusal invocation_not_found (also for another's), invocation_ended */
export async function cancelInvocation(
  deps: Deps,
  actor: OrganizationActor,
  root: Root,
  invocationId: string,
): Promise<Canceled> {
  await visibleCall(deps, actor, invocationId, 'change')
  return cancelCall(deps, root, invocationId, 'caller')
}

export async function cancelCall(
  deps: Deps,
  root: Root,
  invocationId: string,
  by: 'caller' | 'client_gone',
): Promise<Canceled> {
  const at = deps.clock.now().toISOString()
  const command = { type: 'CancelInvocation', by, at } as const
  const { state, position } = await decideCall(deps, root, `cancel:${by}`, invocationId, command)
  if (!state.end) return { invocation: state, position }
  deps.feed.publish(invocationId, { kind: 'end' })
  const settled = await settleCall(deps, root, state)
  return { invocation: state, position: settled.position ?? position }
}
