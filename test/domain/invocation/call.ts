/** One call and what may happen to it, for the tests of an invocation. */
import type { InvocationCommand } from '../../../src/domain/invocation/commands.ts'
import type { Accepted, InvocationEvent, Usage } from '../../../src/domain/invocation/events.ts'

export const invocationId = 'inv_00000000000000000000000001'
export const orgId = 'org_00000000000000000000000001'
/** Minute n of the call; its deadline is minute 10. */
export const minute = (n: number): string => new Date(n * 60_000).toISOString()
const digest = 'd'.repeat(64)
const part = (name: string) => ({ ref: `${invocationId}/${name}/r`, digest, size: 1 })

/** nano-USD a million tokens. */
const prices = (input: number, output: number) => ({
  input_uncached: `${input}000000`,
  input_cached: '0',
  output: `${output}000000`,
  reasoning: `${output}000000`,
})

export const accepted: Accepted = {
  invocationId,
  orgId,
  userId: 'usr_00000000000000000000000001',
  keyId: 'key_00000000000000000000000001',
  endUser: digest,
  endUserText: 'customer 7',
  metadata: { team: 'blue' },
  agentId: 'agt_00000000000000000000000001',
  agentVersion: 3,
  label: 'production',
  parameters: { maxTokens: 100, temperature: 0.5 },
  priceList: { id: 'prl_00000000000000000000000001', version: 2 },
  chain: [
    { model: 'first', price: prices(10, 20), cost: prices(5, 8) },
    { model: 'second', price: prices(1, 2), cost: prices(1, 1) },
  ],
  holdNanos: '2000',
  abortPolicy: 'drain',
  onProviderFailure: 'free',
  store: true,
  contentSubject: 'usr_00000000000000000000000001/1970-01-01',
  input: part('input'),
  messages: part('messages'),
  requestDigest: digest,
  acceptedAt: minute(0),
  deadline: minute(10),
  practice: false,
}
export const output = part('output')

export const of = (model: string) => ({
  userId: 'usr_00000000000000000000000001',
  keyId: 'key_00000000000000000000000001',
  endUser: digest,
  agentId: 'agt_00000000000000000000000001',
  agentVersion: 3,
  model,
  metadata: { team: 'blue' },
  acceptedAt: minute(0),
  practice: false,
})

/** 10 tokens in and 50 out: 1100 nanos at the first model's price, 450 its cost; 110 and 60 at the second's. */
export const reported: Usage = {
  basis: 'reported',
  quantities: { input_uncached: 10, input_cached: 0, output: 40, reasoning: 10 },
}
export const unknown: Usage = { basis: 'unknown' }

type Of<T extends InvocationCommand['type']> = Extract<InvocationCommand, { type: T }>

export const accept: Of<'AcceptInvocation'> = { type: 'AcceptInvocation', accepted }
export const claim = (callId: string, at = minute(1), model = 'first') => ({
  callId,
  runId: 'run',
  model,
  at,
})
export const start = (...args: Parameters<typeof claim>): Of<'StartInvocation'> => ({
  type: 'StartInvocation',
  ...claim(...args),
})
export const complete = (callId: string, at = minute(2)): Of<'CompleteInvocation'> => ({
  type: 'CompleteInvocation',
  callId,
  at,
  usage: reported,
  finishReason: 'stop',
  output,
  latencyMs: 900,
  firstByteMs: 100,
  providerRequestId: 'req-1',
})
export const fail = (
  callId: string,
  change: Partial<Of<'FailAttempt'>> = {},
): Of<'FailAttempt'> => ({
  type: 'FailAttempt',
  callId,
  at: minute(2),
  reason: 'unreachable',
  firstByte: false,
  retry: true,
  ...change,
})
export const stop = (callId: string): Of<'StopInvocation'> => ({
  type: 'StopInvocation',
  callId,
  at: minute(2),
  usage: { basis: 'estimated', quantities: reported.quantities },
  output,
})
export const cancel = (
  by: 'caller' | 'client_gone' = 'caller',
  at = minute(2),
): Of<'CancelInvocation'> => ({ type: 'CancelInvocation', by, at })
export const expire = (at = minute(10)): Of<'ExpireInvocation'> => ({
  type: 'ExpireInvocation',
  invocationId,
  orgId,
  deadline: minute(10),
  at,
})
export const interrupt = (callId: string): Of<'InterruptInvocation'> => ({
  type: 'InterruptInvocation',
  callId,
  at: minute(2),
})
export const abandon: Of<'AbandonInvocation'> = {
  type: 'AbandonInvocation',
  reason: 'content_erased',
  at: minute(2),
}

export const wasAccepted: InvocationEvent = { type: 'InvocationAccepted', data: accepted }
export const wasStarted = (callId: string, attempt = 1, model = 'first'): InvocationEvent => ({
  type: 'InvocationStarted',
  data: { invocationId, attempt, callId, runId: 'run', model, startedAt: minute(1) },
})
export const attemptFailed = (
  callId: string,
  attempt = 1,
  change: { firstByte?: boolean; reason?: 'unreachable' | 'cut_off'; failedAt?: string } = {},
): InvocationEvent => ({
  type: 'InvocationAttemptFailed',
  data: {
    invocationId,
    attempt,
    callId,
    model: 'first',
    reason: 'unreachable',
    firstByte: false,
    failedAt: minute(2),
    ...change,
  },
})
export const cancelRequested: InvocationEvent = {
  type: 'InvocationCancelRequested',
  data: { invocationId, by: 'caller', requestedAt: minute(2) },
}

export const released = (
  reason: 'canceled' | 'expired' | 'interrupted' | 'failed' | 'usage_unknown',
) => ({ kind: 'release', reason }) as const
export const charged = {
  kind: 'settle',
  priceNanos: '1100',
  chargeNanos: '1100',
  waivedNanos: '0',
  uncollectedNanos: '0',
  costNanos: '450',
} as const
export const waived = { ...charged, chargeNanos: '0', waivedNanos: '1100' }
export const base = { invocationId, orgId, endedAt: minute(2), of: of('first') }
export const byFirst = { ...base, attempt: 1, callId: 'a' }

export const completed: InvocationEvent = {
  type: 'InvocationCompleted',
  data: {
    ...byFirst,
    settlement: charged,
    usage: reported,
    finishReason: 'stop',
    output,
    latencyMs: 900,
    firstByteMs: 100,
    providerRequestId: 'req-1',
  },
}
export const canceledBefore: InvocationEvent = {
  type: 'InvocationCanceled',
  data: { ...base, settlement: released('canceled') },
}
export const canceled: InvocationEvent = {
  type: 'InvocationCanceled',
  data: { ...byFirst, settlement: charged, usage: stop('a').usage, output },
}
type Failed = Extract<InvocationEvent, { type: 'InvocationFailed' }>
export const interrupted: Failed = {
  type: 'InvocationFailed',
  data: {
    ...byFirst,
    reason: 'interrupted',
    usage: unknown,
    settlement: released('interrupted'),
  },
}
export const refusedByProvider: Failed = {
  type: 'InvocationFailed',
  data: { ...byFirst, reason: 'unreachable', settlement: released('failed') },
}
export const expiredUnaccepted: InvocationEvent = {
  type: 'InvocationFailed',
  data: {
    invocationId,
    orgId,
    endedAt: minute(10),
    reason: 'expired',
    settlement: released('expired'),
  },
}
/** Logs of calls. */
export const running = [wasAccepted, wasStarted('a')]
export const waitingAgain = [...running, attemptFailed('a')]
export const ends: readonly (readonly InvocationEvent[])[] = [
  [...running, completed],
  [wasAccepted, canceledBefore],
  [...running, cancelRequested, canceled],
  [...running, interrupted],
  [...running, attemptFailed('a'), refusedByProvider],
  [expiredUnaccepted],
]
