/**
 * InvokeAgent: from a request to a call that is admitted, paid for as far as it can cost, and carried
 * out by exactly one execution. A known Idempotency-Key joins its call or gets its answer again.
 *
 * Resolves when the call is admitted: whatever is refused is refused before, with nothing written but a
 * text that no event names. Beyond CALLS_AT_ONCE a call waits as a job; when as many wait as may run,
 * it is refused instead (503), for it would hold credit and hardly come to its turn.
 */
import {
  type Invocation,
  invocationDecider,
  isInCharge,
} from '../../domain/invocation/invocation.ts'
import { Refusal } from '../../domain/refusal.ts'
import { Unavailable } from '../../ports/unavailable.ts'
import type { ToolCallDelta } from '../../ports/llm.ts'
import type { OrganizationActor } from '../access.ts'
import type { Rate } from '../admission/limiter.ts'
import { newId, type Root } from '../context.ts'
import type { Deps } from '../deps.ts'
import { refuseWhenStopped } from '../spend/stopped.ts'
import { type Admitted, admit, callerOf, type InvokeInput } from './admit.ts'
import { carryOut, claimOf } from './carry-out.ts'
import type { EndedCall } from './ended-call.ts'
import { decideCall, loadCall } from './flow.ts'
import { endedCall, followCall, NoLongerFollowed } from './follow-call.ts'
import { followWanted, whileWanted } from './follow-wanted.ts'
import { RUN_INVOCATIONS, runJob } from './run-accepted.ts'
import type { DeltaListener } from './text-out.ts'

export type { InvokeInput } from './admit.ts'

const RETRY_AFTER_MS = 5_000

export interface InvokeOptions {
  /** async: nobody waits for the answer here. */
  readonly respond: 'wait' | 'async'
  /** Gets the text as it comes; may miss pieces, which the ended call has. */
  readonly onDelta?: DeltaListener | undefined
  /** Gets calls of tools as they come, where the call is carried out here; the ended call has them all. */
  readonly onToolCall?: ((delta: ToolCallDelta) => void) | undefined
  /** Gives up waiting. The call goes on, unless nobody else wants it and its policy says otherwise. */
  readonly signal: AbortSignal
  /** Keyed digest of the network address that the call comes from. */
  readonly origin?: string | undefined
  /** Told, before any text, how the tightest limit stands. */
  readonly onRate?: ((rate: Rate) => void) | undefined
}

export interface Invoked {
  readonly invocationId: string
  /** undefined: it expired before it was accepted. */
  readonly acceptedAt: string | undefined
  /** Only where somebody waits. Rejects with NoLongerFollowed. */
  readonly ended: Promise<EndedCall> | undefined
}

/** The call that this wish makes: the same for each repeat of it. */
export const invocationIdOf = ({ ids }: Pick<Deps, 'ids'>, root: Root): string =>
  newId(ids, root, 'invocation')

/**
 * @throws Refusal agent_not_found, agent_inactive, label_not_found, input_required, variables_invalid,
 *   prompt_too_large, context_exceeded, model_not_found, model_retired, price_missing, not_subscribed,
 *   forbidden, account_not_found, insufficient_credit, idempotency_key_reused, request_too_old,
 *   budget_exceeded, spend_ceiling_reached, calls_stopped, policy_denied, rate_limited
 */
export async function invokeAgent(
  deps: Deps,
  actor: OrganizationActor,
  root: Root,
  input: InvokeInput,
  options: InvokeOptions,
): Promise<Invoked> {
  const caller = callerOf(actor, options.origin)
  const invocationId = invocationIdOf(deps, root)
  if (root.digest !== undefined) {
    const known = await loadCall(deps, invocationId)
    if (known.status !== 'absent') return join(deps, invocationId, known, root, options)
  }
  await refuseWhenStopped(deps)
  const place = deps.calls.tryEnter()
  if (!place) await refuseWhenFull(deps)
  let admitted: Admitted
  try {
    admitted = await admit(deps, caller, root, invocationId, input)
  } catch (error) {
    if (place) deps.calls.leave()
    const ended = await endedMeanwhile(deps, root, invocationId, error)
    if (!ended) throw error
    return join(deps, invocationId, ended, root, options)
  }
  if (admitted.rate) options.onRate?.(admitted.rate)
  if (!place) return wait(deps, admitted, root, options)
  if (!admitted.prompt) {
    deps.calls.leave()
    return wait(deps, admitted, root, options)
  }
  return begin(deps, admitted, admitted.prompt, root, options)
}

/** Another process had the same wish, and has carried it out since this one has looked. */
async function endedMeanwhile(
  { streams }: Deps,
  { digest }: Root,
  invocationId: string,
  error: unknown,
): Promise<Invocation | undefined> {
  const isTooOld = error instanceof Refusal && error.code === 'request_too_old'
  if (!isTooOld || digest === undefined) return undefined
  const { state } = await streams.loadCurrent(invocationDecider, invocationId)
  return state.status === 'absent' ? undefined : state
}

async function refuseWhenFull({ jobs, settings }: Deps): Promise<void> {
  const { waiting } = await jobs.counts(RUN_INVOCATIONS)
  if (waiting >= settings.callsAtOnce)
    throw new Unavailable('a place for the call', undefined, RETRY_AFTER_MS)
}

/** A key that is known: its answer, its running call, or another wish. */
function join(
  deps: Deps,
  invocationId: string,
  known: Invocation,
  root: Root,
  options: InvokeOptions,
): Invoked {
  // Expired before it was accepted: the hold knew the digest, and the answer is that it failed.
  const digest = known.accepted?.requestDigest
  const acceptedAt = known.accepted?.acceptedAt
  if (digest !== undefined && digest !== root.digest) throw new Refusal('idempotency_key_reused')
  if (options.respond === 'async') return { invocationId, acceptedAt, ended: undefined }
  if (known.end) return { invocationId, acceptedAt, ended: endedCall(deps, known) }
  return {
    invocationId,
    acceptedAt,
    ended: followWanted(deps, invocationId, root, options, false),
  }
}

/** Accepted, and carried out by a worker when it is its turn. */
async function wait(
  deps: Deps,
  { accepted, spend }: Admitted,
  root: Root,
  options: InvokeOptions,
): Promise<Invoked> {
  // There was room; whoever carries it out takes its own share.
  spend.end(0n)
  const { invocationId, acceptedAt } = accepted
  const command = { type: 'AcceptInvocation', accepted } as const
  const { state } = await decideCall(deps, root, 'accept', invocationId, command)
  if (state.status === 'accepted')
    await deps.jobs
      .add(RUN_INVOCATIONS, [runJob(invocationId)])
      // It is accepted all the same: a sweep finds it.
      .catch((error: unknown) => deps.logger.warn({ invocationId, error }, 'job not added'))
  if (options.respond === 'async') return { invocationId, acceptedAt, ended: undefined }
  return {
    invocationId,
    acceptedAt,
    ended: followWanted(deps, invocationId, root, options, true),
  }
}

/** Accepted and started in one append, and carried out here. The place is given back at the end. */
async function begin(
  deps: Deps,
  { accepted, spend }: Admitted,
  prompt: NonNullable<Admitted['prompt']>,
  root: Root,
  options: InvokeOptions,
): Promise<Invoked> {
  const { invocationId, acceptedAt } = accepted
  const start = claimOf(deps, accepted, 0)
  const call = deps.calls.begin(invocationId, { abortOnCancel: accepted.abortPolicy !== 'drain' })
  let state: Invocation
  try {
    const command = { type: 'AcceptInvocation', accepted, start } as const
    const name = `start:1:${start.callId}`
    state = (await decideCall(deps, root, name, invocationId, command)).state
  } catch (error) {
    call.end(undefined)
    spend.end(0n)
    deps.calls.leave()
    throw error
  }
  if (!isInCharge(state, start.callId)) {
    call.end(undefined)
    spend.end(0n)
    deps.calls.leave()
    return join(deps, invocationId, state, root, options)
  }
  const waits = options.respond === 'wait'
  const listener = waits ? options.onDelta : undefined
  const onToolCall = waits ? options.onToolCall : undefined
  const execution = { call, prompt, root, spend, listener, onToolCall }
  const carried = carryOut(deps, execution, state, start.callId)
  if (!waits) return { invocationId, acceptedAt, ended: undefined }
  const answer = async () => {
    const left = gone(options.signal)
    const ended = await Promise.race([carried, left.promise]).finally(left.forget)
    return ended ?? followCall(deps, invocationId, options)
  }
  return {
    invocationId,
    acceptedAt,
    ended: whileWanted(deps, invocationId, root, options.signal, true, answer),
  }
}

/** Rejects when the signal aborts. */
function gone(signal: AbortSignal) {
  const { promise, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(new NoLongerFollowed())
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  return { promise, forget: () => signal.removeEventListener('abort', onAbort) }
}
