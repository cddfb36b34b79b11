/**
 * What became of each call: one document, from its hold to its charge. Lists, single calls and sweeps
 * read it; whether something may still happen to a call is decided by its stream. The caller's own end
 * user stays sealed, texts are only references.
 */
import { accountEvents, type AccountData } from '../domain/account/events.ts'
import { parseStreamName } from '../domain/decider.ts'
import {
  type Accepted,
  type ContentPart,
  type FailureReason,
  invocationEvents,
  type InvocationMetadata,
  type Terminal,
  type Usage,
} from '../domain/invocation/events.ts'
import type { Sealed, SealedData } from '../domain/personal.ts'
import { projection, type ProjectedEvent } from './projection.ts'
import { addNanos } from './usage-totals.ts'
import type { Page, Views } from './views.ts'

/** held: admitted, its hold stands. accepted: waiting for a start, the first or the next one. */
export type InvocationStatus = 'held' | 'accepted' | 'running' | 'completed' | 'failed' | 'canceled'

export interface InvocationRecord {
  readonly invocationId: string
  readonly orgId: string
  readonly status: InvocationStatus
  /** While the call has not ended: sweeps look for it. */
  readonly open?: 1
  /** Time of the hold, then of the acceptance. */
  readonly acceptedAt: string
  readonly userId?: string
  readonly keyId?: string
  /** HMAC of the caller's own end user. */
  readonly endUser?: string
  readonly endUserText?: Sealed
  readonly metadata?: InvocationMetadata
  readonly agentId: string
  readonly agentVersion: number
  readonly label?: string
  /** The one that was called last; the first of the chain before. */
  readonly model: string
  readonly practice: boolean
  /** Request that asked for it. */
  readonly requestId: string
  readonly deadline?: string
  readonly parameters?: Accepted['parameters']
  readonly priceList: { readonly id: string; readonly version: number }
  readonly store?: boolean
  readonly contentSubject?: string
  readonly input?: ContentPart
  readonly messages?: ContentPart
  readonly output?: ContentPart
  /** The execution in charge, or the last one. */
  readonly attempt?: { readonly number: number; readonly callId: string; readonly runId: string }
  readonly startedAt?: string
  readonly failedAttempts?: readonly {
    readonly attempt: number
    readonly model: string
    readonly reason: string
    readonly firstByte: boolean
    readonly failedAt: string
  }[]
  /** Who asked for what, where the client repeats without a key. */
  readonly retryDigest?: string
  /** The same, once the client has left before its answer. */
  readonly lost?: string
  readonly cancelRequested?: { readonly by: string; readonly at: string }
  readonly endedAt?: string
  readonly reason?: FailureReason
  readonly finishReason?: string
  readonly usage?: Usage
  readonly latencyMs?: number
  readonly firstByteMs?: number
  readonly holdNanos: string
  readonly holdEnd?: 'settled' | 'released'
  /** Position of the event that ended the hold, and the balance that it left. */
  readonly holdEndPosition?: string
  readonly balanceAfterNanos?: string
  readonly releaseReason?: string
  readonly chargeNanos?: string
  readonly waivedNanos?: string
  readonly uncollectedNanos?: string
  /** The seller's: never shown to a customer. */
  readonly costNanos?: string
  /** Sum of corrections, positive in the buyer's favour. */
  readonly adjustedNanos?: string
}

const events = { ...accountEvents, ...invocationEvents }
const keys = ({ data }: ProjectedEvent<{ readonly invocationId: string }>) => data.invocationId

/** Changes a call that is known; an event about one whose hold never was changes nothing. */
const change = <Data extends { readonly invocationId: string }>(
  by: (call: InvocationRecord, data: Data, position: bigint) => InvocationRecord,
) => ({
  keys,
  project: (call: InvocationRecord | undefined, { data, position }: ProjectedEvent<Data>) =>
    call && by(call, data, position),
})

const holdEnded = ({ balanceNanos }: { readonly balanceNanos?: string }, position: bigint) => ({
  holdEndPosition: position.toString(),
  ...(balanceNanos === undefined ? {} : { balanceAfterNanos: balanceNanos }),
})

function held({
  data,
  stream,
  metadata,
}: ProjectedEvent<AccountData<'HoldPlaced'>>): InvocationRecord {
  const { userId, keyId, endUser, label } = data
  return {
    invocationId: data.invocationId,
    orgId: parseStreamName(stream).id,
    status: 'held',
    open: 1,
    acceptedAt: data.at,
    ...(userId === undefined ? {} : { userId }),
    ...(keyId === undefined ? {} : { keyId }),
    ...(endUser === undefined ? {} : { endUser }),
    agentId: data.agentId,
    agentVersion: data.agentVersion,
    ...(label === undefined ? {} : { label }),
    model: data.model,
    practice: data.practice === true,
    requestId: metadata.$correlationId,
    priceList: { id: data.priceListId, version: data.priceListVersion },
    holdNanos: data.amountNanos,
  }
}

function accepted(call: InvocationRecord, data: SealedData<Accepted>): InvocationRecord {
  return {
    ...call,
    status: 'accepted',
    acceptedAt: data.acceptedAt,
    label: data.label,
    metadata: data.metadata,
    ...(data.endUserText === undefined ? {} : { endUserText: data.endUserText }),
    deadline: data.deadline,
    parameters: data.parameters,
    store: data.store,
    contentSubject: data.contentSubject,
    input: data.input,
    messages: data.messages,
    ...(data.retryDigest === undefined ? {} : { retryDigest: data.retryDigest }),
  }
}

function ended(
  status: InvocationStatus,
  call: InvocationRecord,
  data: SealedData<Terminal['data']>,
): InvocationRecord {
  const { open: _open, ...rest } = call
  const { of, usage, output, latencyMs, firstByteMs } = data
  return {
    ...rest,
    status,
    endedAt: data.endedAt,
    model: of?.model ?? call.model,
    ...('reason' in data ? { reason: data.reason } : {}),
    ...('finishReason' in data ? { finishReason: data.finishReason } : {}),
    ...(usage === undefined ? {} : { usage }),
    ...(output === undefined ? {} : { output }),
    ...(latencyMs === undefined ? {} : { latencyMs }),
    ...(firstByteMs === undefined ? {} : { firstByteMs }),
  }
}

const endedAs = (status: InvocationStatus) =>
  change<SealedData<Terminal['data']>>((call, data) => ended(status, call, data))

export const invocationHistory = projection<InvocationRecord, typeof events>(events, {
  name: 'invocation-history',
  version: 2,
  indexes: {
    org: { equals: ['orgId'], orderBy: 'acceptedAt' },
    person: { equals: ['orgId', 'userId'], orderBy: 'acceptedAt' },
    key: { equals: ['orgId', 'keyId'], orderBy: 'acceptedAt' },
    agent: { equals: ['orgId', 'agentId'], orderBy: 'acceptedAt' },
    open: { equals: ['open'], orderBy: 'acceptedAt' },
    lost: { equals: ['lost'], orderBy: 'acceptedAt' },
  },
  on: {
    HoldPlaced: { keys, project: (_call, event) => held(event) },
    InvocationAccepted: change(accepted),
    InvocationStarted: change((call, { attempt, callId, runId, model, startedAt }) => ({
      ...call,
      status: 'running',
      model,
      attempt: { number: attempt, callId, runId },
      startedAt,
    })),
    InvocationAttemptFailed: change((call, { attempt, model, reason, firstByte, failedAt }) => ({
      ...call,
      status: 'accepted',
      failedAttempts: [
        ...(call.failedAttempts ?? []),
        { attempt, model, reason, firstByte, failedAt },
      ],
    })),
    InvocationCancelRequested: change((call, { by, requestedAt }) => ({
      ...call,
      cancelRequested: { by, at: requestedAt },
      ...(by === 'client_gone' && call.retryDigest !== undefined ? { lost: call.retryDigest } : {}),
    })),
    InvocationCompleted: endedAs('completed'),
    InvocationFailed: endedAs('failed'),
    InvocationCanceled: endedAs('canceled'),
    HoldSettled: change((call, data, position) => ({
      ...call,
      holdEnd: 'settled',
      ...holdEnded(data, position),
      chargeNanos: data.chargeNanos,
      waivedNanos: data.waivedNanos,
      uncollectedNanos: data.uncollectedNanos,
      costNanos: data.costNanos,
    })),
    HoldReleased: change((call, data, position) => ({
      ...call,
      holdEnd: 'released',
      ...holdEnded(data, position),
      releaseReason: data.reason,
    })),
    ChargeAdjusted: change((call, { amountNanos }) => ({
      ...call,
      adjustedNanos: addNanos(call.adjustedNanos ?? '0', amountNanos),
    })),
  },
})

/** What the call is charged now, after corrections; undefined before its hold has ended. */
export const chargedNanosOf = (call: InvocationRecord): bigint | undefined =>
  call.holdEnd === undefined
    ? undefined
    : BigInt(call.chargeNanos ?? '0') - BigInt(call.adjustedNanos ?? '0')

/** Every call that has not ended, oldest first: for sweeps. */
export async function* openInvocations(views: Views): AsyncIterable<InvocationRecord> {
  for (let after: string | undefined; ;) {
    const page: Page<InvocationRecord> = await views.find(invocationHistory, {
      index: 'open',
      equals: { open: 1 },
      limit: 500,
      ...(after === undefined ? {} : { after }),
    })
    yield* page.items
    after = page.next
    if (after === undefined) return
  }
}

/** Most recent first. */
export const lostInvocations = async (
  views: Views,
  retryDigest: string,
  from: string,
): Promise<readonly InvocationRecord[]> => {
  const query = { index: 'lost', equals: { lost: retryDigest }, descending: true, limit: 20, from }
  return (await views.find(invocationHistory, query)).items
}
