/** The calls that are answered by many messages: reads and subscriptions. */
import type { ServerWritableStream } from '@grpc/grpc-js'
import type { ReadReq } from '@eventstore/db-client/generated/streams_pb.js'
import type { Peer } from './peer.ts'
import type { ReadAnswer, RpcError } from './protocol.ts'

export type ReadCall = ServerWritableStream<ReadReq, ReadAnswer>

export const isOpen = (call: ReadCall): boolean => !call.cancelled && !call.destroyed

export function fail(call: ReadCall, error: RpcError): void {
  if (isOpen(call)) call.emit('error', error)
}

/** Writes one answer and waits while the client does not take more; false once the call has ended. */
export async function send(peer: Peer, call: ReadCall, answer: ReadAnswer): Promise<boolean> {
  if (peer.front.frozen) await peer.front.frozen
  if (!isOpen(call)) return false
  if (!call.write(answer)) await drained(call)
  return isOpen(call)
}

function drained(call: ReadCall): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      call.off('drain', done).off('cancelled', done).off('close', done).off('error', done)
      resolve()
    }
    call.once('drain', done).once('cancelled', done).once('close', done).once('error', done)
  })
}

/** Zero, an event's position, or one past the end. */
export function isPosition({ index, log }: Peer, position: number): boolean {
  if (position === 0 || position >= log.nextBody()) return true
  return index.all[index.seek(position)]?.position === position
}
