/**
 * One call of an agent, from admission to exactly one end. This stream arbitrates: whatever happens to
 * jobs, workers and clients, what stands here first is what happened, and a hold ends only after it.
 *
 * Fencing: a start is a claim with a random callId. Only the execution whose callId stands in the last
 * InvocationStarted, and has not failed, may end the call; every other one changes nothing, is answered
 * [] and learns from the state (isInCharge, end) that it must neither call nor answer. An attempt is
 * started again only after one that failed before the first byte, at most MAX_ATTEMPTS in all.
 */
import type { Decider } from '../decider.ts'
import { Refusal } from '../refusal.ts'
import type { Claim, InvocationCommand } from './commands.ts'
import { endOf, linkOf, type Said } from './ending.ts'
import {
  type Accepted,
  type Attempt,
  type FailureReason,
  type InvocationEvent,
  MAX_ATTEMPTS,
  type Terminal,
} from './events.ts'
import { readSettlement, type Settlement } from './settlement.ts'

export interface Invocation {
  /** accepted: waiting for a start, the first or the next one. */
  readonly status: 'absent' | 'accepted' | 'running' | 'completed' | 'failed' | 'canceled'
  /** undefined also where the call expired before it was accepted. */
  readonly accepted: Accepted | undefined
  readonly attempts: readonly Attempt[]
  readonly cancelRequestedAt: string | undefined
  readonly end: Terminal | undefined
}

function decide(command: InvocationCommand, state: Invocation): readonly InvocationEvent[] {
  if (command.type === 'AcceptInvocation') return accept(command.accepted, command.start, state)
  if (command.type === 'ExpireInvocation') return expire(command, state)
  if (state.status === 'absent') throw new Refusal('invocation_not_found')
  switch (command.type) {
    case 'StartInvocation':
      return start(command, state)
    case 'CancelInvocation':
      return cancel(command, state)
    case 'AbandonInvocation':
      return state.status === 'accepted' ? [failed(state, command.reason, { at: command.at })] : []
    case 'InterruptInvocation':
    case 'FailAttempt':
    case 'CompleteInvocation':
    case 'StopInvocation':
      return isInCharge(state, command.callId) ? endAttempt(command, state) : []
  }
}

type Ends = 'InterruptInvocation' | 'FailAttempt' | 'CompleteInvocation' | 'StopInvocation'

/** Of the execution in charge only. */
function endAttempt(
  command: Extract<InvocationCommand, { type: Ends }>,
  state: Invocation,
): readonly InvocationEvent[] {
  switch (command.type) {
    case 'InterruptInvocation':
      return [failed(state, 'interrupted', { at: command.at, usage: { basis: 'unknown' } })]
    case 'FailAttempt':
      return failAttempt(command, state)
    case 'CompleteInvocation':
      return [completed(command, state)]
    case 'StopInvocation':
      // A stop that nobody asked for is an interruption: the buyer does not pay for it.
      return state.cancelRequestedAt === undefined
        ? [failed(state, 'interrupted', command)]
        : [canceled(state, command)]
  }
}

function accept(
  accepted: Accepted,
  claim: Claim | undefined,
  state: Invocation,
): readonly InvocationEvent[] {
  const events: InvocationEvent[] = []
  if (state.status === 'absent') {
    if (accepted.acceptedAt >= accepted.deadline) throw new Refusal('request_too_old')
    events.push({ type: 'InvocationAccepted', data: accepted })
  } else if (!state.accepted) throw new Refusal('invocation_ended', { status: state.status })
  const now = events.reduce(evolve, state)
  return claim ? [...events, ...start(claim, now)] : events
}

/** Too late, taken by another or ended: [], and the state says so. */
function start(claim: Claim, state: Invocation): readonly InvocationEvent[] {
  if (state.status !== 'accepted') return []
  const accepted = acceptedOf(state)
  if (claim.at >= accepted.deadline) return []
  // A claim that was delivered twice must not become the next attempt of itself.
  if (state.attempts.some((attempt) => attempt.callId === claim.callId)) return []
  linkOf(accepted, claim.model)
  const { callId, runId, model, at: startedAt } = claim
  const { invocationId } = accepted
  const attempt = state.attempts.length + 1
  return [
    {
      type: 'InvocationStarted',
      data: { invocationId, attempt, callId, runId, model, startedAt },
    },
  ]
}

function failAttempt(
  command: Extract<InvocationCommand, { type: 'FailAttempt' }>,
  state: Invocation,
): readonly InvocationEvent[] {
  const { reason, firstByte, retry, at } = command
  const { attempt, callId, model } = lastAttempt(state)
  const { invocationId, deadline } = acceptedOf(state)
  const events: InvocationEvent[] = [
    {
      type: 'InvocationAttemptFailed',
      data: { invocationId, attempt, callId, model, reason, firstByte, failedAt: at },
    },
  ]
  if (state.cancelRequestedAt !== undefined && !firstByte)
    return [...events, canceled(state, command)]
  const again = retry && !firstByte && attempt < MAX_ATTEMPTS && at < deadline
  if (again) return events
  // Something was delivered that nobody counted: unknown, not nothing.
  const known = command.usage ?? (firstByte ? { basis: 'unknown' as const } : undefined)
  return [...events, failed(state, reason, known ? { ...command, usage: known } : command)]
}

function cancel(
  { by, at }: Extract<InvocationCommand, { type: 'CancelInvocation' }>,
  state: Invocation,
): readonly InvocationEvent[] {
  switch (state.status) {
    case 'accepted':
      return [canceled(state, { at })]
    case 'running':
      if (state.cancelRequestedAt !== undefined) return []
      return [
        {
          type: 'InvocationCancelRequested',
          data: { invocationId: acceptedOf(state).invocationId, by, requestedAt: at },
        },
      ]
    case 'completed':
    case 'failed':
      // A client that leaves wants nothing; one that asks is told that it came too late.
      if (by === 'client_gone') return []
      throw new Refusal('invocation_ended', { status: state.status })
    case 'canceled':
    case 'absent':
      return []
  }
}

function expire(
  command: Extract<InvocationCommand, { type: 'ExpireInvocation' }>,
  state: Invocation,
): readonly InvocationEvent[] {
  const { at, invocationId, orgId } = command
  if (state.end || at < (state.accepted?.deadline ?? command.deadline)) return []
  // The provider was asked and nobody knows what it said.
  if (state.status === 'running')
    return [failed(state, 'interrupted', { at, usage: { basis: 'unknown' } })]
  if (state.status === 'accepted') return [failed(state, 'expired', { at })]
  return [
    {
      type: 'InvocationFailed',
      data: {
        invocationId,
        orgId,
        endedAt: at,
        reason: 'expired',
        settlement: { kind: 'release', reason: 'expired' },
      },
    },
  ]
}

function completed(
  command: Extract<InvocationCommand, { type: 'CompleteInvocation' }>,
  state: Invocation,
): InvocationEvent {
  const { usage, finishReason } = command
  const last = lastAttempt(state)
  const { attempt, callId } = last
  const data = endOf(acceptedOf(state), last, { kind: 'completed', usage }, command)
  return { type: 'InvocationCompleted', data: { ...data, usage, attempt, callId, finishReason } }
}

function failed(state: Invocation, reason: FailureReason, said: Said): InvocationEvent {
  const end = { kind: 'failed', reason, usage: said.usage } as const
  return {
    type: 'InvocationFailed',
    data: { ...endOf(acceptedOf(state), state.attempts.at(-1), end, said), reason },
  }
}

function canceled(state: Invocation, said: Said): InvocationEvent {
  const end = { kind: 'canceled', usage: said.usage } as const
  return {
    type: 'InvocationCanceled',
    data: endOf(acceptedOf(state), state.attempts.at(-1), end, said),
  }
}

function acceptedOf({ accepted }: Invocation): Accepted {
  if (!accepted) throw new Refusal('invocation_not_found')
  return accepted
}

function lastAttempt({ attempts }: Invocation): Attempt {
  const last = attempts.at(-1)
  if (!last) throw new Refusal('invocation_not_found')
  return last
}

function evolve(state: Invocation, event: InvocationEvent): Invocation {
  switch (event.type) {
    case 'InvocationAccepted':
      return { ...state, status: 'accepted', accepted: event.data }
    case 'InvocationStarted':
      return { ...state, status: 'running', attempts: [...state.attempts, event.data] }
    case 'InvocationAttemptFailed':
      return { ...state, status: 'accepted' }
    case 'InvocationCancelRequested':
      return { ...state, cancelRequestedAt: event.data.requestedAt }
    case 'InvocationCompleted':
      return { ...state, status: 'completed', end: event }
    case 'InvocationFailed':
      return { ...state, status: 'failed', end: event }
    case 'InvocationCanceled':
      return { ...state, status: 'canceled', end: event }
  }
}

export const invocationDecider: Decider<Invocation, InvocationCommand, InvocationEvent> = {
  category: 'invocation',
  initial: () => ({
    status: 'absent',
    accepted: undefined,
    attempts: [],
    cancelRequestedAt: undefined,
    end: undefined,
  }),
  decide,
  evolve,
}

/** Whether the execution with this callId may call the provider and end the call. */
export const isInCharge = ({ status, attempts }: Invocation, callId: string): boolean =>
  status === 'running' && attempts.at(-1)?.callId === callId

/** What is to happen to the hold. As the end's event has it: a later rule changes no past call. */
export const settlementOf = ({ end }: Invocation): Settlement | 'open' =>
  end ? readSettlement(end.data.settlement) : 'open'
