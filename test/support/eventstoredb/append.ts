/**
 * Appends: one decision for both ways that a client can take (the shared batch stream and the call of its
 * own), answered only after the flush. What a fault does to an append is decided here.
 */
import type { sendUnaryData, ServerDuplexStream, ServerReadableStream } from '@grpc/grpc-js'
import type { Status } from '@eventstore/db-client/generated/status_pb.js'
import type {
  AppendReq,
  AppendResp,
  BatchAppendReq,
  BatchAppendResp,
} from '@eventstore/db-client/generated/streams_pb.js'
import empty from 'google-protobuf/google/protobuf/empty_pb.js'
import { accessOf, type Peer } from './peer.ts'
import {
  batchErrors,
  type Expected,
  rpcErrors,
  type RpcError,
  shared,
  streams,
} from './protocol.ts'
import type { ProposedEvent } from './streams.ts'

/** A batch append may wait this long at most, whatever deadline it names. */
const WRITE_TIMEOUT_MS = 2000
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

type Outcome =
  | { readonly kind: 'success'; readonly revision: number; readonly position: number | undefined }
  | { readonly kind: 'conflict'; readonly current: number }
  | { readonly kind: 'not-leader'; readonly host: string; readonly port: number }
  | { readonly kind: 'bad-request'; readonly reason: string }
  | { readonly kind: 'too-large' | 'busy' | 'timeout' }

interface Append {
  readonly stream: string
  readonly expected: Expected
  readonly events: ProposedEvent[]
  size: number
}

/** Decides and writes; `answer` is called at most once, never for an answer that a fault loses. */
function append(
  peer: Peer,
  caller: string,
  request: Append,
  answer: (outcome: Outcome) => void,
): void {
  const reply = (outcome: Outcome): void => {
    const { frozen } = peer.front
    if (frozen) void frozen.then(() => reply(outcome))
    else answer(outcome)
  }
  if (peer.front.frozen)
    return void peer.front.frozen.then(() => append(peer, caller, request, answer))
  const invalid = problemOf(request)
  if (invalid) return reply({ kind: 'bad-request', reason: invalid })
  if (request.size > peer.maxAppendSize) return reply({ kind: 'too-large' })
  const fault = peer.faults.forAppend(request.stream)
  if (fault?.kind === 'busy') return reply({ kind: 'busy' })
  if (fault?.kind === 'not-leader') {
    const leader = peer.leader()
    return reply({
      kind: 'not-leader',
      host: fault.host ?? leader.host,
      port: fault.port ?? leader.port,
    })
  }
  if (fault && 'when' in fault && fault.when !== 'after-commit') {
    if (fault.kind === 'drop') peer.front.drop(caller)
    else if (fault.kind === 'timeout') reply({ kind: 'timeout' })
    else {
      if (fault.when === 'during-commit') tear(peer, request)
      peer.die()
    }
    return
  }
  commit(peer, request, (outcome) => {
    if (fault?.kind === 'drop') peer.front.drop(caller)
    else if (fault?.kind === 'die') peer.die()
    else if (fault?.kind === 'timeout') reply({ kind: 'timeout' })
    else if (fault?.kind === 'delay') setTimeout(() => reply(outcome), fault.ms)
    else reply(outcome)
  })
}

function commit(peer: Peer, request: Append, done: (outcome: Outcome) => void): void {
  const { index, log } = peer
  const { stream, expected, events } = request
  const decision = index.decide(
    stream,
    expected,
    events.map(({ id }) => id),
  )
  if (decision.kind === 'conflict') return done({ kind: 'conflict', current: decision.current })
  if (decision.kind === 'replay') {
    const { revision, position } = decision.last
    const outcome: Outcome = { kind: 'success', revision, position }
    // What the first time wrote may still wait for its flush.
    if (index.isVisible(decision.last)) done(outcome)
    else log.afterFlush(() => done(outcome))
    return
  }
  if (events.length === 0) {
    const head = (index.stream(stream)?.events.length ?? 0) - 1
    return done({ kind: 'success', revision: head, position: undefined })
  }
  const body = index.write(stream, events, log.nextBody())
  const written = index.all.length
  const last = index.all.at(-1)
  log.append(body, {
    committed: () => {
      index.visible = written
    },
    acknowledge: () =>
      done({ kind: 'success', revision: last?.revision ?? -1, position: last?.position }),
  })
}

function tear(peer: Peer, request: Append): void {
  if (peer.index.decide(request.stream, request.expected, []).kind !== 'write') return
  peer.log.tear(peer.index.write(request.stream, request.events, peer.log.nextBody()))
}

function problemOf({ stream, events }: Append): string | undefined {
  if (stream === '') return 'The name of a stream may not be empty.'
  for (const { id, type } of events) {
    if (!UUID.test(id)) return `'${id}' is no UUID.`
    if (type === '') return 'The type of an event may not be empty.'
  }
  return undefined
}

interface ProposedMessage {
  getId(): { getString(): string } | undefined
  getMetadataMap(): { get(key: string): string | undefined }
  getData_asU8(): Uint8Array
  getCustomMetadata_asU8(): Uint8Array
}

function add(request: Append, message: ProposedMessage): void {
  const metadata = message.getMetadataMap()
  const data = message.getData_asU8()
  request.size += data.length
  request.events.push({
    id: message.getId()?.getString().toLowerCase() ?? '',
    type: metadata.get('type') ?? '',
    json: metadata.get('content-type') === 'application/json',
    data,
    metadata: message.getCustomMetadata_asU8(),
  })
}

const nameOf = (identifier: { getStreamName_asU8(): Uint8Array } | undefined): string =>
  identifier ? Buffer.from(identifier.getStreamName_asU8()).toString('utf8') : ''

/** The shared stream: appends come in frames, each answer names the append it belongs to. */
export function handleBatchAppend(
  peer: Peer,
  call: ServerDuplexStream<BatchAppendReq, BatchAppendResp>,
): void {
  const caller = call.getPeer()
  const access = accessOf(peer, call)
  if (access === 'wrong') return void call.emit('error', rpcErrors.unauthenticated())
  const pending = new Map<string, Append>()
  let unanswered = 0
  let ended = false
  const send = (answer: BatchAppendResp): void => {
    if (!call.cancelled) call.write(answer)
  }
  const finish = (): void => {
    if (ended && unanswered === 0) call.end()
  }
  call.on('error', () => undefined)
  call.on('end', () => {
    ended = true
    finish()
  })
  call.on('data', (frame: BatchAppendReq) => {
    const id = frame.getCorrelationId()?.getString() ?? ''
    const options = frame.getOptions()
    const answer = (stream: string): BatchAppendResp =>
      new streams.BatchAppendResp()
        .setCorrelationId(new shared.UUID().setString(id))
        .setStreamIdentifier(new shared.StreamIdentifier().setStreamName(Buffer.from(stream)))
    if (options) {
      const stream = nameOf(options.getStreamIdentifier())
      if (access !== 'granted') return send(answer(stream).setError(batchErrors.accessDenied()))
      if (timeoutOf(options) <= 0) return send(answer(stream).setError(batchErrors.timeout()))
      pending.set(id, { stream, expected: expectedOfBatch(options), events: [], size: 0 })
    }
    const request = pending.get(id)
    if (!request) return
    for (const message of frame.getProposedMessagesList()) add(request, message)
    if (!frame.getIsFinal() && request.size <= peer.maxAppendSize) return
    pending.delete(id)
    unanswered++
    append(peer, caller, request, (outcome) => {
      unanswered--
      if (outcome.kind === 'not-leader')
        return void call.emit('error', rpcErrors.notLeader(outcome.host, outcome.port))
      const response = answer(request.stream)
      if (outcome.kind === 'success') response.setSuccess(batchSuccess(outcome))
      else response.setError(batchErrorOf(peer, request, outcome))
      send(response)
      finish()
    })
  })
}

/** The deadline is a moment by the caller's clock: a clock far behind makes every append time out. */
function timeoutOf(options: BatchAppendReq.Options): number {
  const deadline = options.getDeadline()
  if (!deadline) return WRITE_TIMEOUT_MS
  const at = deadline.getSeconds() * 1000 + deadline.getNanos() / 1e6
  return Math.min(at - Date.now(), WRITE_TIMEOUT_MS)
}

function expectedOfBatch(options: BatchAppendReq.Options): Expected {
  if (options.hasStreamPosition()) return Number(options.getStreamPosition())
  if (options.hasNoStream()) return 'no_stream'
  return options.hasStreamExists() ? 'stream_exists' : 'any'
}

function batchSuccess({
  revision,
  position,
}: Extract<Outcome, { kind: 'success' }>): BatchAppendResp.Success {
  const success = new streams.BatchAppendResp.Success()
  if (revision < 0) success.setNoStream(new empty.Empty())
  else success.setCurrentRevision(String(revision))
  if (position === undefined) return success.setNoPosition(new empty.Empty())
  return success.setPosition(
    new shared.AllStreamPosition()
      .setCommitPosition(String(position))
      .setPreparePosition(String(position)),
  )
}

function batchErrorOf(
  peer: Peer,
  request: Append,
  outcome: Exclude<Outcome, { kind: 'success' | 'not-leader' }>,
): Status {
  switch (outcome.kind) {
    case 'conflict':
      return batchErrors.wrongExpectedVersion(request.expected, outcome.current)
    case 'bad-request':
      return batchErrors.badRequest(outcome.reason)
    case 'too-large':
      return batchErrors.maxAppendSize(peer.maxAppendSize)
    case 'busy':
      return batchErrors.busy()
    case 'timeout':
      return batchErrors.timeout()
  }
}

/** The call of its own: the first message names the stream, each other one is an event. */
export function handleAppend(
  peer: Peer,
  call: ServerReadableStream<AppendReq, AppendResp>,
  callback: sendUnaryData<AppendResp>,
): void {
  const caller = call.getPeer()
  const access = accessOf(peer, call)
  if (access === 'wrong') return callback(rpcErrors.unauthenticated())
  if (access === 'anonymous') return callback(rpcErrors.accessDenied())
  let request: Append | undefined
  call.on('error', () => undefined)
  call.on('data', (message: AppendReq) => {
    const options = message.getOptions()
    const proposed = message.getProposedMessage()
    if (options) {
      const stream = nameOf(options.getStreamIdentifier())
      request = { stream, expected: expectedOf(options), events: [], size: 0 }
    } else if (request && proposed) add(request, proposed)
  })
  call.on('end', () => {
    if (!request) return callback(rpcErrors.handlerFailed())
    const { expected } = request
    append(peer, caller, request, (outcome) => {
      if (outcome.kind === 'success') callback(null, unarySuccess(outcome))
      else if (outcome.kind === 'conflict') callback(null, unaryConflict(expected, outcome.current))
      else callback(unaryErrorOf(peer, outcome))
    })
  })
}

function expectedOf(options: AppendReq.Options): Expected {
  if (options.hasRevision()) return Number(options.getRevision())
  if (options.hasNoStream()) return 'no_stream'
  return options.hasStreamExists() ? 'stream_exists' : 'any'
}

function unarySuccess({ revision, position }: Extract<Outcome, { kind: 'success' }>): AppendResp {
  const success = new streams.AppendResp.Success()
  if (revision < 0) success.setNoStream(new shared.Empty())
  else success.setCurrentRevision(String(revision))
  if (position === undefined) success.setNoPosition(new shared.Empty())
  else
    success.setPosition(
      new streams.AppendResp.Position()
        .setCommitPosition(String(position))
        .setPreparePosition(String(position)),
    )
  return new streams.AppendResp().setSuccess(success)
}

function unaryConflict(expected: Expected, current: number): AppendResp {
  const details = new streams.AppendResp.WrongExpectedVersion()
  if (expected === 'any') details.setExpectedAny(new shared.Empty())
  else if (expected === 'stream_exists') details.setExpectedStreamExists(new shared.Empty())
  else if (expected === 'no_stream') details.setExpectedNoStream(new shared.Empty())
  else details.setExpectedRevision(String(expected))
  if (current < 0) details.setCurrentNoStream(new shared.Empty())
  else details.setCurrentRevision(String(current))
  return new streams.AppendResp().setWrongExpectedVersion(details)
}

function unaryErrorOf(
  peer: Peer,
  outcome: Exclude<Outcome, { kind: 'success' | 'conflict' }>,
): RpcError {
  switch (outcome.kind) {
    case 'not-leader':
      return rpcErrors.notLeader(outcome.host, outcome.port)
    case 'bad-request':
      return rpcErrors.handlerFailed()
    case 'too-large':
      return rpcErrors.maxAppendSize(peer.maxAppendSize)
    case 'busy':
      return rpcErrors.busy()
    case 'timeout':
      return rpcErrors.timeout()
  }
}
