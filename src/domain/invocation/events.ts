/**
 * The stored contract of an invocation. Texts are not here: events carry reference, salted digest and
 * size of each part in the content store. What a charge rests on is copied in (settings, price and cost
 * of each model of the chain, hold, policies), so that a replay and an explanation need no look-up and
 * no later price or rule can change what a past call cost. Terminal events repeat whom and what the call
 * was for, because a projection sees one event at a time.
 */
import { z } from 'zod'
import { event, type EventsOf } from '../event.ts'
import { idField, idSchema, instant, instantText } from '../ids.ts'
import { nanos, nanosText, tokenPrices, tokenQuantities } from '../money.ts'
import { modelName } from '../model/events.ts'
import { clear, content, SELLER, shownTo } from '../personal.ts'
import { ruling } from '../policy/events.ts'
import {
  abortPolicy,
  digestText,
  labelName,
  MAX_FALLBACKS,
  maxTokens,
  onProviderFailure,
  temperature,
  versionNumber,
} from '../agent/events.ts'

export const MAX_ATTEMPTS = 1 + MAX_FALLBACKS

/** The caller's own tags, as OpenAI bounds them. Clear, so that usage can be grouped by them: no place
 * for personal data. */
export const invocationMetadata = z
  .record(z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}$/), z.string().max(512))
  .refine((tags) => Object.keys(tags).length <= 16, 'at most 16 keys')
export type InvocationMetadata = z.output<typeof invocationMetadata>

/** A text in the content store. */
export const contentPart = z.strictObject({
  /** Made by contentRef(). */
  ref: z.string().min(1).max(160),
  /** Of salt and text; the salt is sealed with the text, so that a short text cannot be guessed. */
  digest: digestText,
  size: z.int().nonnegative(),
  /** Of an answer that calls tools: JSON of text and calls. Otherwise it is the text itself. */
  format: z.exactOptional(z.literal('message')),
})
export type ContentPart = z.output<typeof contentPart>

/** One model that may answer, with what it costs the seller and what the buyer pays. */
export const chainLink = z.strictObject({
  model: modelName,
  price: tokenPrices,
  cost: shownTo(SELLER, tokenPrices),
})
export type ChainLink = z.output<typeof chainLink>

/** How the quantities came to be known. Unknown is listed and never priced as zero. */
export const callUsage = z.discriminatedUnion('basis', [
  z.strictObject({ basis: z.literal('reported'), quantities: tokenQuantities }),
  z.strictObject({ basis: z.literal('counted'), quantities: tokenQuantities }),
  z.strictObject({ basis: z.literal('estimated'), quantities: tokenQuantities }),
  z.strictObject({ basis: z.literal('unknown') }),
])
export type Usage = z.output<typeof callUsage>

/** Why a hold goes back whole. */
export const releaseReason = z.enum([
  'canceled',
  'expired',
  'interrupted',
  'failed',
  'usage_unknown',
])
export type ReleaseReason = z.output<typeof releaseReason>

/** What the end means for the hold: priced once, by the rules of that day. */
export const settlement = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('settle'),
    priceNanos: nanosText,
    chargeNanos: nanosText,
    waivedNanos: nanosText,
    uncollectedNanos: nanosText,
    costNanos: shownTo(SELLER, nanosText),
  }),
  z.strictObject({ kind: z.literal('release'), reason: releaseReason }),
])

/** Why an attempt gave no answer: the provider's part of it. */
export const attemptFailure = z.enum([
  'unreachable',
  'timeout',
  'rate_limited',
  'quota_exhausted',
  'refused_key',
  'refused_request',
  'unknown_model',
  'context_exceeded',
  'content_filtered',
  'provider_error',
  'cut_off',
  'nonsense',
  'aborted',
])
export type AttemptFailure = z.output<typeof attemptFailure>

/** Our own part of it. `expired`: not begun in time. `interrupted`: the process that called is gone.
 * `content_erased`: the texts went before the call. `calls_stopped`: the administrator's stop. */
export const ownFailure = z.enum(['expired', 'interrupted', 'content_erased', 'calls_stopped'])
export type OwnFailure = z.output<typeof ownFailure>
export const failureReason = z.union([shownTo(SELLER, attemptFailure), ownFailure])
export type FailureReason = z.output<typeof failureReason>

/** Whom and what a call was for: everything that usage is grouped by. */
export const dimensions = z.strictObject({
  userId: z.exactOptional(idSchema('user')),
  keyId: z.exactOptional(idSchema('apiKey')),
  endUser: z.exactOptional(digestText),
  agentId: idSchema('agent'),
  agentVersion: versionNumber,
  /** The one that was called last; the first of the chain where none was. */
  model: modelName,
  metadata: invocationMetadata,
  acceptedAt: instantText,
  practice: z.boolean(),
})
export type Dimensions = z.output<typeof dimensions>

/** Whoever ends the call gives back what it holds of `taken`, or corrects it. */
export const admission = z.strictObject({
  rulings: z.array(ruling).max(200),
  taken: z
    .array(
      z.strictObject({
        key: z.string().min(1).max(256),
        measure: z.enum(['requests', 'tokens', 'concurrency']),
        limit: z.int().positive(),
        windowMs: z.int().positive(),
        units: z.int().nonnegative(),
      }),
    )
    .max(200),
})
export type Admission = z.output<typeof admission>

const attempt = clear(z.int().min(1).max(MAX_ATTEMPTS))
/** Random for each execution: only the one whose callId stands in the last InvocationStarted may end it. */
const callId = clear(z.string().min(1).max(64))
const milliseconds = z.int().nonnegative()

/** What every end of a call that was accepted says. */
const ended = {
  invocationId: idField('invocation'),
  orgId: idField('organization'),
  endedAt: instant,
  of: clear(dimensions),
  settlement: clear(settlement),
  /** Absent where the provider was never called. */
  usage: clear(z.exactOptional(callUsage)),
  attempt: clear(z.exactOptional(attempt)),
  callId: clear(z.exactOptional(callId)),
  /** Absent where nothing was said, or the agent keeps no texts. */
  output: clear(z.exactOptional(contentPart)),
  /** From the start of the last attempt. */
  latencyMs: clear(z.exactOptional(milliseconds)),
  firstByteMs: clear(z.exactOptional(milliseconds)),
  providerRequestId: shownTo(SELLER, clear(z.exactOptional(z.string().max(200)))),
}

export const invocationEvents = {
  InvocationAccepted: event('A call was admitted, its hold stands, it will be carried out.', {
    invocationId: idField('invocation'),
    orgId: idField('organization'),
    /** The person; absent for a key that no person holds. */
    userId: clear(z.exactOptional(idSchema('user'))),
    keyId: clear(z.exactOptional(idSchema('apiKey'))),
    /** HMAC of the caller's `user`: groups usage without naming anybody. */
    endUser: clear(z.exactOptional(digestText)),
    /** The caller's `user` as it was sent, for the caller's own lists. */
    endUserText: z.exactOptional(content(z.string().min(1).max(256), 'orgId')),
    metadata: clear(invocationMetadata),
    agentId: idField('agent'),
    agentVersion: clear(versionNumber),
    label: clear(labelName),
    parameters: clear(z.strictObject({ maxTokens, temperature: z.exactOptional(temperature) })),
    priceList: clear(z.strictObject({ id: idSchema('priceList'), version: versionNumber })),
    /** The model and its fallbacks, in the order in which they are tried. */
    chain: clear(z.array(chainLink).min(1).max(MAX_ATTEMPTS)),
    holdNanos: nanos,
    /** The most that the provider can take from the seller; absent in calls of before. */
    costBoundNanos: shownTo(SELLER, clear(z.exactOptional(nanosText))),
    abortPolicy: clear(abortPolicy),
    onProviderFailure: clear(onProviderFailure),
    /** false: the parts are deleted when the call has ended. */
    store: clear(z.boolean()),
    /** Whose key seals the parts: user (or organization, for a key) and UTC day. */
    contentSubject: clear(z.string().min(1).max(64)),
    input: clear(contentPart),
    messages: clear(contentPart),
    requestDigest: clear(digestText),
    /** Keyed digest of who asked for what, where the client retries without a key of its own. */
    retryDigest: clear(z.exactOptional(digestText)),
    acceptedAt: instant,
    /** The hold's time plus CALL_LIMIT. */
    deadline: instant,
    /** Answered by the built-in practice model, not by a provider. */
    practice: clear(z.boolean()),
    /** Which policies let it in, and what it took of their limits until it ends. */
    decision: clear(z.exactOptional(admission)),
  }),
  InvocationStarted: event('An execution took the call: it alone may ask the provider.', {
    invocationId: idField('invocation'),
    attempt,
    callId,
    /** The process: when it is gone, so is the call. */
    runId: clear(z.string().min(1).max(64)),
    model: clear(modelName),
    startedAt: instant,
  }),
  InvocationAttemptFailed: event('The provider gave no answer this time.', {
    invocationId: idField('invocation'),
    attempt,
    callId,
    model: clear(modelName),
    reason: shownTo(SELLER, clear(attemptFailure)),
    /** Some of the answer had arrived: it is never asked for again. */
    firstByte: clear(z.boolean()),
    failedAt: instant,
  }),
  InvocationCancelRequested: event('The caller wants no more of a running call, or has left.', {
    invocationId: idField('invocation'),
    by: clear(z.enum(['caller', 'client_gone'])),
    requestedAt: instant,
  }),
  InvocationCompleted: event('The provider answered to the end.', {
    ...ended,
    usage: clear(callUsage),
    attempt,
    callId,
    finishReason: clear(z.string().max(64)),
  }),
  InvocationFailed: event('The call ended without a whole answer.', {
    ...ended,
    /** Absent where the call was never accepted: its hold outlived its time. */
    of: clear(z.exactOptional(dimensions)),
    reason: clear(failureReason),
  }),
  InvocationCanceled: event('The call ended because the caller wanted it to.', { ...ended }),
}
export type InvocationEvent = EventsOf<typeof invocationEvents>
/** The data of one type of event. */
export type InvocationData<T extends InvocationEvent['type']> = Extract<
  InvocationEvent,
  { type: T }
>['data']
export type Accepted = InvocationData<'InvocationAccepted'>
export type Attempt = InvocationData<'InvocationStarted'>
export type Terminal = Extract<
  InvocationEvent,
  { type: 'InvocationCompleted' | 'InvocationFailed' | 'InvocationCanceled' }
>

/** The key of a part. The random part keeps a retry from overwriting what an event already names. */
export const contentRef = (
  invocationId: string,
  part: 'input' | 'messages' | 'output',
  random: string,
): string => `${invocationId}/${part}/${random}`
