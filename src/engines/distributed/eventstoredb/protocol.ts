/**
 * The parts of EventStoreDB's client that are not in its types: its protocol messages, and the methods with
 * which it opens calls on its connection. The package is pinned and has had its last release: they stay.
 */
import type { EventStoreDBClient } from '@eventstore/db-client'
import { ServerFeaturesClient } from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js'
import type { SupportedMethods } from '@eventstore/db-client/generated/serverfeatures_pb.js'
import shared from '@eventstore/db-client/generated/shared_pb.js'
import { StreamsClient } from '@eventstore/db-client/generated/streams_grpc_pb.js'
import streams from '@eventstore/db-client/generated/streams_pb.js'
import type { BatchAppendReq, BatchAppendResp } from '@eventstore/db-client/generated/streams_pb.js'

export { shared, streams }
export type { BatchAppendReq, BatchAppendResp }

/** What every call asks for: in a cluster only the leader knows all that was acknowledged. */
export const LEADER = { requiresLeader: true } as const

const UNIMPLEMENTED = 12

interface Channel {
  close(): void
}

interface Internals {
  GRPCStreamCreator<C, S>(
    service: new (...args: never[]) => C,
    name: string,
    open: (grpc: C) => S,
    opened: WeakMap<object, S>,
  ): () => Promise<S>
  execute<C, A>(
    service: new (...args: never[]) => C,
    name: string,
    action: (grpc: C) => Promise<A>,
  ): Promise<A>
  callArguments(
    options: { requiresLeader?: boolean; deadline?: number },
    callOptions?: { deadline: number },
  ): [metadata: never, options: never]
  handleError: (grpc: object, error: unknown) => Promise<void>
  getChannel: () => Promise<Channel>
}

const internals = (client: EventStoreDBClient): Internals => client as unknown as Internals

/**
 * Makes good two faults of the client; answers how to end it.
 * It replaces a lost connection in the background, and where that fails (a cluster that cannot be found, a
 * leader without an address) nobody takes the rejection, which would end the process. And its `dispose`
 * leaves the connection open.
 */
export function tame(client: EventStoreDBClient, onError: (error: unknown) => void) {
  const inside = internals(client)
  const { handleError, getChannel } = inside
  let channel: Promise<Channel | undefined> = Promise.resolve(undefined)
  inside.handleError = (grpc, error) => handleError(grpc, error).catch(onError)
  inside.getChannel = () => {
    const current = getChannel()
    channel = current.catch(() => undefined)
    return current
  }
  return async (): Promise<void> => {
    await client.dispose()
    // A cluster that is still being looked for is not waited for.
    void channel.then((found) => found?.close())
  }
}

export interface AppendStream {
  write(message: BatchAppendReq): boolean
  destroy(): void
  on(event: 'data', listener: (answer: BatchAppendResp) => void): this
  on(event: 'error', listener: (error: Error) => void): this
  on(event: 'end' | 'close', listener: () => void): this
}

/** How to get the stream that all appends of a connection share; it is opened once for each connection. */
export function appendStreams<S>(
  client: EventStoreDBClient,
  opened: (stream: AppendStream) => S,
): () => Promise<S> {
  const inside = internals(client)
  const states = new WeakMap<AppendStream, S>()
  const open = inside.GRPCStreamCreator(
    StreamsClient,
    'appendToStream',
    (grpc) => {
      const call = grpc.batchAppend(...inside.callArguments(LEADER, { deadline: Infinity }))
      const stream = call as unknown as AppendStream
      states.set(stream, opened(stream))
      return stream
    },
    new WeakMap<object, AppendStream>(),
  )
  return async () => states.get(await open()) as S
}

/**
 * The version that the server says it has; undefined where it is too old to be asked. The limit holds once
 * there is a connection: a cluster is looked for as long as the address says.
 */
export function serverVersion(
  client: EventStoreDBClient,
  limitMs: number,
): Promise<string | undefined> {
  const inside = internals(client)
  return inside.execute(ServerFeaturesClient, 'getSupportedMethods', (grpc) => {
    const [metadata, options] = inside.callArguments({ deadline: limitMs })
    return new Promise<string | undefined>((resolve, reject) => {
      grpc.getSupportedMethods(
        new shared.Empty(),
        metadata,
        options,
        (error: (Error & { code: number }) | null, methods: SupportedMethods) => {
          if (error === null) resolve(methods.getEventStoreServerVersion())
          else if (error.code === UNIMPLEMENTED) resolve(undefined)
          else reject(error)
        },
      )
    })
  })
}
