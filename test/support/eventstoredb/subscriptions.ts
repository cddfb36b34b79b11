/**
 * Catch-up subscriptions to the whole log or to one stream. Each has a place of its own in the log and
 * goes on only when the client has taken what was sent, so a slow one loses nothing and holds up nobody.
 */
import { randomUUID } from 'node:crypto'
import type { ReadReq } from '@eventstore/db-client/generated/streams_pb.js'
import { fail, isOpen, isPosition, type ReadCall, send } from './answers.ts'
import type { Peer } from './peer.ts'
import { rpcErrors, streams } from './protocol.ts'
import type { StoredEvent } from './streams.ts'

/** What the real server looks through before it sends a checkpoint, unless the client says otherwise. */
const SEARCH_WINDOW = 32

interface Filter {
  readonly matches: (event: StoredEvent) => boolean
  /** Events looked at between two checkpoints. */
  readonly interval: number
}

/** A list of events of which the first `length()` can be seen. */
interface Source {
  readonly events: readonly StoredEvent[]
  readonly length: () => number
}

export async function subscribe(
  peer: Peer,
  call: ReadCall,
  options: ReadReq.Options,
  stream: string | undefined,
): Promise<void> {
  const open = { end: (): void => fail(call, rpcErrors.gone()), muted: false }
  peer.subscriptions.add(open)
  const confirmation = new streams.ReadResp.SubscriptionConfirmation().setSubscriptionId(
    randomUUID(),
  )
  await send(peer, call, new streams.ReadResp().setConfirmation(confirmation))
  const from =
    stream === undefined ? startInAll(peer, options) : startInStream(peer, options, stream)
  if (from === undefined) fail(call, rpcErrors.invalidPosition())
  else await follow(peer, call, sourceOf(peer, stream), from, filterOf(options), open)
  peer.subscriptions.delete(open)
}

function sourceOf({ index }: Peer, stream: string | undefined): Source {
  if (stream === undefined) return { events: index.all, length: () => index.visible }
  const { events } = index.streamOf(stream)
  return {
    events,
    length: () => {
      let length = events.length
      while (length > 0 && !index.isVisible(events[length - 1]!)) length--
      return length
    },
  }
}

/** The index of the first event to send; `fromPosition` itself has been seen. */
function startInAll(peer: Peer, options: ReadReq.Options): number | undefined {
  const all = options.getAll()
  if (all?.hasEnd()) return peer.index.visible
  if (!all?.hasPosition()) return 0
  const position = Number(all.getPosition()?.getCommitPosition())
  if (!isPosition(peer, position)) return undefined
  return peer.index.seek(position + 1)
}

function startInStream(peer: Peer, options: ReadReq.Options, name: string): number {
  const from = options.getStream()
  if (from?.hasEnd()) return sourceOf(peer, name).length()
  return from?.hasRevision() ? Number(from.getRevision()) + 1 : 0
}

function filterOf(options: ReadReq.Options): Filter | undefined {
  const filter = options.getFilter()
  if (!filter) return undefined
  const byStream = filter.hasStreamIdentifier()
  const expression = byStream ? filter.getStreamIdentifier() : filter.getEventType()
  const textOf = (event: StoredEvent): string => (byStream ? event.stream.name : event.type)
  const prefixes = expression?.getPrefixList() ?? []
  const source = expression?.getRegex() ?? ''
  const regex = source === '' ? undefined : new RegExp(source)
  const window = filter.hasMax() ? filter.getMax() : SEARCH_WINDOW
  return {
    matches: (event) => {
      const text = textOf(event)
      return regex ? regex.test(text) : prefixes.some((prefix) => text.startsWith(prefix))
    },
    interval: window * Math.max(filter.getCheckpointintervalmultiplier(), 1),
  }
}

async function follow(
  peer: Peer,
  call: ReadCall,
  source: Source,
  from: number,
  filter: Filter | undefined,
  open: { readonly muted: boolean },
): Promise<void> {
  let next = from
  let looked = 0
  let sentCheckpoint = 0
  const checkpoint = async (event: StoredEvent | undefined): Promise<void> => {
    if (!event || event.position <= sentCheckpoint) return
    sentCheckpoint = event.position
    await send(peer, call, checkpointAt(event))
  }
  if (next < source.length()) {
    // Catching up ends with a checkpoint, so that there is one however few events there were.
    await pass()
    if (filter) await checkpoint(source.events[next - 1])
  }
  await send(peer, call, new streams.ReadResp().setCaughtUp(new streams.ReadResp.CaughtUp()))
  while (isOpen(call)) {
    await pass()
    await more()
  }

  async function pass(): Promise<void> {
    while (next < source.length() && isOpen(call) && !open.muted) {
      const event = source.events[next++]!
      if (!filter || filter.matches(event)) {
        const answer = peer.index.answer(event, peer.log)
        await send(peer, call, answer)
      }
      if (filter && ++looked >= filter.interval) {
        looked = 0
        await checkpoint(event)
      }
    }
  }

  function more(): Promise<void> {
    if ((next < source.length() && !open.muted) || !isOpen(call)) return Promise.resolve()
    return new Promise((resolve) => {
      const done = (): void => {
        call.off('cancelled', done).off('close', done).off('error', done)
        resolve()
      }
      call.once('cancelled', done).once('close', done).once('error', done)
      peer.onVisible(done)
    })
  }
}

function checkpointAt({ position }: StoredEvent): InstanceType<typeof streams.ReadResp> {
  const checkpoint = new streams.ReadResp.Checkpoint()
    .setCommitPosition(String(position))
    .setPreparePosition(String(position))
  return new streams.ReadResp().setCheckpoint(checkpoint)
}
