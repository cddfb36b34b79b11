/**
 * A client library repeats a request whose connection broke, without a key that would say so. Where it
 * says that it repeats, it gets the call that it lost instead of a second one.
 *
 * Lost is what the log says: the client of a running call has left before its answer (client_gone). Of
 * several with the same digest (who asks, and for what) the most recent is joined, each by one repeat:
 * two equal requests are two calls, and so are their repeats. A call that ended without an answer is
 * not joined, since it would only be told again; nor is one whose answer went out whole.
 */
import type { Invocation } from '../../domain/invocation/invocation.ts'
import { Unavailable } from '../../ports/unavailable.ts'
import { lostInvocations } from '../../projections/invocation-history.ts'
import type { Root } from '../context.ts'
import type { Deps } from '../deps.ts'
import { loadCall, pause } from './flow.ts'
import { endedCall } from './follow-call.ts'
import { followWanted } from './follow-wanted.ts'
import type { Invoked, InvokeOptions } from './invoke-agent.ts'

const RECENT_MS = 10 * 60_000
const VIEW_WAIT_MS = 500
/** Another process may have noticed the loss a moment ago. */
const LOOK_AGAIN_MS = 300

/** undefined: there is none, and the repeat is a call like any other. */
export async function lostCall(
  deps: Deps,
  root: Root,
  retryDigest: string,
  signal: AbortSignal,
): Promise<Invocation | undefined> {
  const found = await look(deps, root, retryDigest, signal)
  if (found || deps.runs.alone) return found
  await pause(LOOK_AGAIN_MS, signal)
  return look(deps, root, retryDigest, signal)
}

async function look(
  deps: Deps,
  root: Root,
  retryDigest: string,
  signal: AbortSignal,
): Promise<Invocation | undefined> {
  const now = deps.clock.now().getTime()
  for (const { invocationId } of await recentlyLost(deps, retryDigest, now)) {
    const invocation = await loadCall(deps, invocationId)
    const { status } = invocation
    const answers = status === 'accepted' || status === 'running' || status === 'completed'
    if (answers && (await takes(deps, root, invocationId, signal))) return invocation
  }
  return undefined
}

async function recentlyLost({ views, streams, logger }: Deps, digest: string, now: number) {
  try {
    await views.passed(streams.lastWritten(), VIEW_WAIT_MS)
    return await lostInvocations(views, digest, new Date(now - RECENT_MS).toISOString())
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    logger.warn({ error }, 'lost calls cannot be looked up: a repeat is another call')
    return []
  }
}

/** Of several repeats one takes a lost call. It is free again when that one loses its connection, too. */
async function takes(
  { counters, logger }: Deps,
  root: Root,
  invocationId: string,
  signal: AbortSignal,
): Promise<boolean> {
  const lease = {
    kind: 'lease',
    key: `joined:${invocationId}`,
    limit: 1,
    ttlMs: RECENT_MS,
    holder: root.id,
  } as const
  try {
    if (!(await counters.reserve([lease])).ok) return false
  } catch (error) {
    // Nobody can be asked: two repeats get one answer rather than a second bill each.
    logger.warn({ invocationId, error }, 'a lost call is joined without a mark')
    return true
  }
  const giveBack = () =>
    counters
      .release([lease])
      .catch((error: unknown) => logger.warn({ invocationId, error }, 'mark not taken back'))
  if (signal.aborted) void giveBack()
  else signal.addEventListener('abort', () => void giveBack(), { once: true })
  return true
}

/** The answer of a call that was lost: as it ends, or as it has ended. */
export function joinCall(
  deps: Deps,
  invocation: Invocation,
  root: Root,
  { signal, onDelta }: Pick<InvokeOptions, 'signal' | 'onDelta'>,
): Invoked {
  const { accepted } = invocation
  if (!accepted) throw new Error('a call that was lost was accepted')
  const { invocationId, acceptedAt } = accepted
  const ended = invocation.end
    ? endedCall(deps, invocation)
    : followWanted(deps, invocationId, root, { signal, onDelta }, false)
  return { invocationId, acceptedAt, ended }
}
