/**
 * Waiting for a call on behalf of somebody who may leave. While anybody here waits, the call is wanted;
 * who leaves last takes back the wish, and the call ends by its abort policy.
 */
import type { Root } from '../context.ts'
import type { Deps } from '../deps.ts'
import { cancelCall } from './cancel-invocation.ts'
import type { EndedCall } from './ended-call.ts'
import { followCall, type Following } from './follow-call.ts'

/**
 * @param owner the call is made for this caller; others only join what is wanted
 * @throws NoLongerFollowed
 */
export const followWanted = (
  deps: Deps,
  invocationId: string,
  root: Root,
  { signal, onDelta, after }: Following,
  owner: boolean,
): Promise<EndedCall> =>
  deps.calls.follow(
    whileWanted(deps, invocationId, root, signal, owner, () =>
      followCall(deps, invocationId, {
        onDelta,
        after,
        signal: AbortSignal.any([signal, deps.calls.givingUp]),
      }),
    ),
  )

/** @param signal whoever waits has left */
export async function whileWanted(
  deps: Deps,
  invocationId: string,
  root: Root,
  signal: AbortSignal,
  owner: boolean,
  answer: () => Promise<EndedCall>,
): Promise<EndedCall> {
  const leave = deps.calls.want(invocationId, owner)
  const onLeft = () => {
    if (!leave()) return
    cancelCall(deps, root, invocationId, 'client_gone').catch((error: unknown) =>
      deps.logger.warn({ invocationId, error }, 'a call that nobody wants was not canceled'),
    )
  }
  signal.addEventListener('abort', onLeft, { once: true })
  if (signal.aborted) onLeft()
  try {
    return await answer()
  } finally {
    signal.removeEventListener('abort', onLeft)
    leave()
  }
}
