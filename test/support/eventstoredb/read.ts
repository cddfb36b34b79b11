/**
 * Reads of a stream and of the whole log, in both directions. Of a stream the first revision is included
 * both ways; of the log the position is included forwards and excluded backwards.
 */
import type { ReadReq } from '@eventstore/db-client/generated/streams_pb.js'
import { fail, isPosition, type ReadCall, send } from './answers.ts'
import { accessOf, type Peer } from './peer.ts'
import { rpcErrors, shared, streams } from './protocol.ts'
import type { StoredEvent } from './streams.ts'
import { subscribe } from './subscriptions.ts'

export async function handleRead(peer: Peer, call: ReadCall): Promise<void> {
  call.on('error', () => undefined)
  const caller = call.getPeer()
  const options = call.request.getOptions()
  const access = accessOf(peer, call)
  if (access === 'wrong') return fail(call, rpcErrors.unauthenticated())
  if (access === 'anonymous') return fail(call, rpcErrors.accessDenied())
  if (!options) return fail(call, rpcErrors.handlerFailed())
  const stream = nameOf(options)
  const fault = peer.faults.forRead(stream ?? '')
  if (fault?.kind === 'drop-read') return peer.front.drop(caller)
  if (fault?.kind === 'busy-read') return fail(call, rpcErrors.busy())
  if (fault?.kind === 'delay-read') await new Promise((resolve) => setTimeout(resolve, fault.ms))
  await peer.front.frozen
  if (options.hasSubscription()) return subscribe(peer, call, options, stream)
  const count = Number(options.getCount())
  if (count === 0) return fail(call, rpcErrors.handlerFailed())
  if (stream !== undefined) await readStream(peer, call, options, stream, count)
  else await readAll(peer, call, options, count)
  if (!call.destroyed && !call.cancelled) call.end()
}

const nameOf = (options: ReadReq.Options): string | undefined => {
  const identifier = options.getStream()?.getStreamIdentifier()
  return identifier ? Buffer.from(identifier.getStreamName_asU8()).toString('utf8') : undefined
}

const isBackwards = (options: ReadReq.Options): boolean =>
  options.getReadDirection() === streams.ReadReq.Options.ReadDirection.BACKWARDS

async function readStream(
  peer: Peer,
  call: ReadCall,
  options: ReadReq.Options,
  name: string,
  count: number,
): Promise<void> {
  if (name === '') return fail(call, rpcErrors.handlerFailed())
  const events = peer.index.stream(name)?.events ?? []
  if (!events[0] || !peer.index.isVisible(events[0])) {
    const identifier = new shared.StreamIdentifier().setStreamName(Buffer.from(name))
    const missing = new streams.ReadResp.StreamNotFound().setStreamIdentifier(identifier)
    await send(peer, call, new streams.ReadResp().setStreamNotFound(missing))
    return
  }
  const from = options.getStream()
  const length = visibleLength(peer, events)
  if (!isBackwards(options)) {
    if (from?.hasEnd()) return
    const first = from?.hasRevision() ? Number(from.getRevision()) : 0
    await sendEvents(peer, call, events, first, Math.min(first + count, length), 1)
    return
  }
  const asked = from?.hasRevision() ? Number(from.getRevision()) : from?.hasEnd() ? length - 1 : 0
  const first = Math.min(asked, length - 1)
  await sendEvents(peer, call, events, first, Math.max(first - count, -1), -1)
}

function visibleLength(peer: Peer, events: readonly StoredEvent[]): number {
  let length = events.length
  while (length > 0 && !peer.index.isVisible(events[length - 1]!)) length--
  return length
}

async function readAll(
  peer: Peer,
  call: ReadCall,
  options: ReadReq.Options,
  count: number,
): Promise<void> {
  const { index } = peer
  const from = options.getAll()
  let first = from?.hasEnd() ? index.visible : 0
  if (from?.hasPosition()) {
    const position = Number(from.getPosition()?.getCommitPosition())
    if (!isPosition(peer, position)) return fail(call, rpcErrors.invalidPosition())
    first = Math.min(index.seek(position), index.visible)
  }
  if (isBackwards(options))
    await sendEvents(peer, call, index.all, first - 1, Math.max(first - 1 - count, -1), -1)
  else await sendEvents(peer, call, index.all, first, Math.min(first + count, index.visible), 1)
}

async function sendEvents(
  peer: Peer,
  call: ReadCall,
  events: readonly StoredEvent[],
  first: number,
  end: number,
  step: 1 | -1,
): Promise<void> {
  for (let n = first; step === 1 ? n < end : n > end; n += step) {
    const answer = peer.index.answer(events[n]!, peer.log)
    if (!(await send(peer, call, answer))) return
  }
}
