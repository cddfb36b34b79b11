/**
 * EventStoreDB's public protocol as the client package ships it: message classes, service definitions,
 * and the two ways an error travels (a gRPC status with metadata, a google.rpc.Status in a batch answer).
 */
import { Metadata, status, type StatusObject } from '@grpc/grpc-js'
import { GossipService } from '@eventstore/db-client/generated/gossip_grpc_pb.js'
import gossip from '@eventstore/db-client/generated/gossip_pb.js'
import { ServerFeaturesService } from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js'
import features from '@eventstore/db-client/generated/serverfeatures_pb.js'
import shared from '@eventstore/db-client/generated/shared_pb.js'
import rpc from '@eventstore/db-client/generated/status_pb.js'
import type { Status } from '@eventstore/db-client/generated/status_pb.js'
import { StreamsService } from '@eventstore/db-client/generated/streams_grpc_pb.js'
import streams from '@eventstore/db-client/generated/streams_pb.js'
import type { ReadResp } from '@eventstore/db-client/generated/streams_pb.js'
import any from 'google-protobuf/google/protobuf/any_pb.js'
import empty from 'google-protobuf/google/protobuf/empty_pb.js'
import type { Message } from 'google-protobuf'

export { features, gossip, shared, streams, status, GossipService, ServerFeaturesService }

/** An answer to a read: a message, or an event in the encoded form that the log keeps. */
export type ReadAnswer = ReadResp | Buffer

/** Delete and Tombstone are left out: a call of them is answered with UNIMPLEMENTED. */
export const streamsService = {
  append: StreamsService.append,
  batchAppend: StreamsService.batchAppend,
  read: {
    ...StreamsService.read,
    responseSerialize: (answer: ReadAnswer): Buffer =>
      Buffer.isBuffer(answer) ? answer : Buffer.from(answer.serializeBinary()),
  },
}

export type RpcError = Partial<StatusObject> & { readonly code: status; readonly details: string }

const rpcError = (
  code: status,
  details: string,
  properties: Readonly<Record<string, string>> = {},
): RpcError => {
  const metadata = new Metadata()
  for (const [key, value] of Object.entries(properties)) metadata.set(key, value)
  return { code, details, metadata }
}

export const rpcErrors = {
  accessDenied: () =>
    rpcError(status.PERMISSION_DENIED, 'Access Denied', { exception: 'access-denied' }),
  unauthenticated: () => rpcError(status.UNAUTHENTICATED, 'Bad HTTP status code: 401'),
  maxAppendSize: (size: number) =>
    rpcError(status.INVALID_ARGUMENT, `Maximum Append Size of ${size} Exceeded.`, {
      exception: 'maximum-append-size-exceeded',
      'maximum-append-size': String(size),
    }),
  invalidPosition: () =>
    rpcError(status.INVALID_ARGUMENT, 'Trying to read from an invalid position.'),
  handlerFailed: () => rpcError(status.UNKNOWN, 'Exception was thrown by handler.'),
  busy: () => rpcError(status.UNAVAILABLE, 'Server Is Too Busy'),
  gone: () => rpcError(status.UNAVAILABLE, 'Server Is Shutting Down'),
  timeout: () => rpcError(status.ABORTED, 'Operation timed out'),
  notLeader: (host: string, port: number) =>
    rpcError(status.NOT_FOUND, 'Leader info available', {
      exception: 'not-leader',
      'leader-endpoint-host': host,
      'leader-endpoint-port': String(port),
    }),
}

/** The revision an append expects of its stream. */
export type Expected = number | 'any' | 'no_stream' | 'stream_exists'

const NAMES = 'event_store.client'

function batchError(message: string, details: Message, type: string): Status {
  const packed = new any.Any()
  packed.pack(details.serializeBinary(), type)
  return new rpc.Status().setMessage(message).setDetails(packed)
}

export const batchErrors = {
  wrongExpectedVersion(expected: Expected, current: number): Status {
    const details = new shared.WrongExpectedVersion()
    if (current < 0) details.setCurrentNoStream(new empty.Empty())
    else details.setCurrentStreamRevision(String(current))
    if (expected === 'any') details.setExpectedAny(new empty.Empty())
    else if (expected === 'no_stream') details.setExpectedNoStream(new empty.Empty())
    else if (expected === 'stream_exists') details.setExpectedStreamExists(new empty.Empty())
    else details.setExpectedStreamPosition(String(expected))
    return batchError('WrongExpectedVersion', details, `${NAMES}.WrongExpectedVersion`)
  },
  accessDenied: () =>
    batchError('AccessDenied', new shared.AccessDenied(), `${NAMES}.AccessDenied`),
  timeout: () => batchError('Timeout', new shared.Timeout(), `${NAMES}.Timeout`),
  badRequest: (reason: string) =>
    batchError('BadRequest', new shared.BadRequest().setMessage(reason), `${NAMES}.BadRequest`),
  maxAppendSize: (size: number) =>
    batchError(
      'MaximumAppendSizeExceeded',
      new shared.MaximumAppendSizeExceeded().setMaxappendsize(size),
      `${NAMES}.MaximumAppendSizeExceeded`,
    ),
  busy: () => batchError('Server Is Busy', new empty.Empty(), 'google.protobuf.Empty'),
}
