/**
 * Following a call that somebody else carries out, until it has ended and is settled: through the live
 * feed where it speaks, and by looking at the stream, since a feed may be lost and a process may die.
 * Deltas may have gaps; the text of the ended call is whole.
 */
import type { Invocation } from '../../domain/invocation/invocation.ts'
import { Unavailable } from '../../ports/unavailable.ts'
import type { Deps } from '../deps.ts'
import { readAnswer } from './answer-text.ts'
import type { EndedCall } from './ended-call.ts'
import { invocationHistory } from '../../projections/invocation-history.ts'
import { callRoot, loadCall, pause } from './flow.ts'
import { settleCall } from './settle-call.ts'
import type { DeltaListener } from './text-out.ts'

const LOOK_EVERY_MS = 1_000
/** The feed has said the end: the stream shows it as soon as this process has heard of it. */
const LOOK_AGAIN_MS = 20
const VIEW_WAIT_MS = 2_000

/** Whoever waited has left; the call goes on. */
export class NoLongerFollowed extends Error {
  constructor() {
    super('nobody follows the call any more')
    this.name = 'NoLongerFollowed'
  }
}

export interface Following {
  /** Gives up waiting. */
  readonly signal: AbortSignal
  readonly onDelta?: DeltaListener | undefined
  /** What has been seen already. */
  readonly after?: { readonly attempt: number; readonly offset: number } | undefined
}

/** @throws NoLongerFollowed */
export async function followCall(
  deps: Deps,
  invocationId: string,
  following: Following,
): Promise<EndedCall> {
  const over = new AbortController()
  const signal = AbortSignal.any([following.signal, over.signal])
  const heardEnd = new AbortController()
  void listen(deps, invocationId, following, signal).then((end) => end && heardEnd.abort())
  try {
    const here = deps.calls.get(invocationId)
    if (here) {
      const ended = await Promise.race([here.ended, aborted(signal)])
      if (ended) return ended
    }
    for (;;) {
      if (following.signal.aborted) throw new NoLongerFollowed()
      const invocation = await loadCall(deps, invocationId)
      if (invocation.end) return await endedCall(deps, invocation)
      if (heardEnd.signal.aborted) await pause(LOOK_AGAIN_MS, signal)
      else await pause(LOOK_EVERY_MS, AbortSignal.any([signal, heardEnd.signal]))
    }
  } finally {
    over.abort()
  }
}

/** Whether the end was heard; a feed that broke off says nothing about the call. */
async function listen(
  { feed, logger }: Deps,
  invocationId: string,
  { onDelta, after }: Following,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    for await (const item of feed.listen(invocationId, { signal, ...(after ? { after } : {}) })) {
      if (item.kind === 'end') return true
      onDelta?.(item)
    }
  } catch (error) {
    logger.warn({ invocationId, error }, 'the live feed of a call broke off')
  }
  return false
}

const aborted = (signal: AbortSignal): Promise<undefined> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve(undefined)
    else signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })

/** A call that ended some time: its answer from the events and the stored text, settled if nobody did. */
export async function endedCall(deps: Deps, invocation: Invocation): Promise<EndedCall> {
  const { end, accepted } = invocation
  if (!end) throw new Error('the call has not ended')
  const settled = await settleCall(deps, callRoot(deps, 'settle-invocations', end.data), invocation)
  const { output, invocationId } = end.data
  const nothing = accepted?.store === false ? undefined : { text: '', toolCalls: [] }
  const [answer, before] = await Promise.all([
    output ? readAnswer(deps, output) : nothing,
    settled.position === undefined ? settledBefore(deps, invocationId) : settled,
  ])
  return {
    invocation,
    text: answer?.text,
    toolCalls: answer?.toolCalls ?? [],
    balanceNanos: before.balanceNanos ?? settled.balanceNanos,
    position: before.position ?? deps.streams.lastWritten(),
  }
}

/**
 * As the view of calls has it, once it has what this process wrote. Whoever has paid gets the answer also
 * while the views are away, with the account's balance of now.
 */
async function settledBefore({ views, streams }: Deps, invocationId: string) {
  await views.passed(streams.lastWritten(), VIEW_WAIT_MS)
  const record = await views.get(invocationHistory, invocationId).catch((error: unknown) => {
    if (error instanceof Unavailable) return undefined
    throw error
  })
  const { holdEndPosition: position, balanceAfterNanos: balance } = record ?? {}
  return {
    position: position === undefined ? undefined : BigInt(position),
    balanceNanos: balance === undefined ? undefined : BigInt(balance),
  }
}
