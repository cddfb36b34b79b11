/**
 * A server that speaks EventStoreDB's public gRPC protocol. It exists for fault injection in tests; it is
 * not EventStoreDB: one node, no projections, no persistent subscriptions, no deletes, no stream metadata,
 * no access rules, no scavenging. What it answers follows what a real server (24.2.0) was seen to answer.
 */
import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import {
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
} from '@grpc/grpc-js'
import type { ClusterInfo } from '@eventstore/db-client/generated/gossip_pb.js'
import type { SupportedMethods } from '@eventstore/db-client/generated/serverfeatures_pb.js'
import type {
  AppendReq,
  AppendResp,
  BatchAppendReq,
  BatchAppendResp,
} from '@eventstore/db-client/generated/streams_pb.js'
import type { ReadCall } from './answers.ts'
import { type Certificate, selfSigned } from './certificate.ts'
import { handleAppend, handleBatchAppend } from './append.ts'
import { ArmedFaults, type Faults } from './faults.ts'
import { Front } from './front.ts'
import { handleHttp } from './http.ts'
import { memberInfo, supportedMethods } from './info.ts'
import { openLog } from './log.ts'
import type { Credentials, OpenSubscription, Peer } from './peer.ts'
import { GossipService, ServerFeaturesService, streamsService } from './protocol.ts'
import { handleRead } from './read.ts'
import { Index } from './streams.ts'

export interface EventStoreDbOptions {
  /** Where the log lies; it is made if it is missing. */
  readonly directory: string
  /** A free one unless given. */
  readonly port?: number
  /** The version that the server says it is. */
  readonly version?: string
  readonly maxAppendSize?: number
  /** TLS with a certificate made at start; the URL names its file. */
  readonly tls?: boolean
  /** Who may call; everyone unless given. The client sends a password over TLS only. */
  readonly credentials?: Credentials
  /** What the fault `die` does; unless given the server drops every connection and stops. */
  readonly die?: () => void
}

export interface EventStoreDb {
  readonly url: string
  readonly port: number
  readonly faults: Faults
  close(): Promise<void>
}

const HOST = '127.0.0.1'
/** Of so many flushed groups one is shown to subscribers before it is acknowledged, as was measured. */
const EARLY_DELIVERY = 6

export async function startEventStoreDb(options: EventStoreDbOptions): Promise<EventStoreDb> {
  const data = await openData(options.directory)
  const { certificate, certificateFile } = options.tls
    ? await certify(options.directory)
    : { certificate: undefined, certificateFile: undefined }
  const server = new Server({ 'grpc.max_receive_message_length': 17 * 1024 * 1024 })
  const injector = server.createConnectionInjector(
    certificate
      ? ServerCredentials.createSsl(null, [
          { private_key: certificate.key, cert_chain: certificate.certificate },
        ])
      : ServerCredentials.createInsecure(),
  )
  const armed = new ArmedFaults()
  const subscriptions = new Set<OpenSubscription>()
  const front = new Front({
    host: HOST,
    port: options.port ?? 0,
    tls: certificate !== undefined,
    onGrpc: (socket) => injector.injectConnection(socket),
    onHttp: (socket) => http.emit('connection', socket),
  })
  const faults = faultsOf(armed, front, subscriptions)
  const http = handleHttp(faults, front)
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => {
    if (stopped) return stopped
    // Connections first: calls that are ended in order would tell the client more than a dead server does.
    stopped = front.close()
    server.forceShutdown()
    http.closeAllConnections()
    return stopped
  }
  const peer: Peer = {
    ...data,
    front,
    faults: armed,
    subscriptions,
    maxAppendSize: options.maxAppendSize ?? 1024 * 1024,
    leader: () => ({ host: HOST, port }),
    credentials: options.credentials,
    die:
      options.die ??
      (() => {
        data.log.abandon()
        void stop()
      }),
  }
  serve(server, peer, options.version ?? '24.2.0')
  const port = await front.listen()
  return {
    url: urlOf(port, certificateFile),
    port,
    faults,
    async close() {
      await stop()
      await data.log.close()
    },
  }
}

/** The log and its index; a new log begins with system events, as the real one does. */
async function openData(directory: string): Promise<Pick<Peer, 'index' | 'log' | 'onVisible'>> {
  const index = new Index()
  const wakers = new Set<() => void>()
  const wake = (): void => {
    const woken = [...wakers]
    wakers.clear()
    for (const one of woken) one()
  }
  let groups = 0
  const log = await openLog(
    directory,
    (body, offset) => index.replay(body, offset),
    (acknowledge) => {
      if (++groups % EARLY_DELIVERY === 0) {
        wake()
        setImmediate(acknowledge)
      } else {
        acknowledge()
        wake()
      }
    },
  )
  if (index.all.length === 0) {
    const data = Buffer.from('{}')
    const id = randomUUID()
    const event = { id, type: '$UserCreated', json: true, data, metadata: Buffer.alloc(0) }
    const body = index.write('$user-admin', [event], log.nextBody())
    await new Promise<void>((acknowledge) => log.append(body, { acknowledge }))
    index.visible = index.all.length
  }
  return { index, log, onVisible: (waker) => wakers.add(waker) }
}

async function certify(
  directory: string,
): Promise<{ certificate: Certificate; certificateFile: string }> {
  const certificate = selfSigned()
  const certificateFile = resolve(directory, 'ca.pem')
  await writeFile(certificateFile, certificate.certificate)
  return { certificate, certificateFile }
}

function urlOf(port: number, certificateFile: string | undefined): string {
  if (certificateFile === undefined) return `esdb://${HOST}:${port}?tls=false`
  return `esdb://localhost:${port}?tlsCAFile=${encodeURIComponent(certificateFile)}`
}

function faultsOf(armed: ArmedFaults, front: Front, subscriptions: Set<OpenSubscription>): Faults {
  return {
    add: (fault) => armed.add(fault),
    lift: () => {
      armed.lift()
      front.thaw()
    },
    freeze: () => front.freeze(),
    thaw: () => front.thaw(),
    endSubscriptions: () => {
      for (const { end } of subscriptions) end()
    },
    muteSubscriptions: () => {
      for (const subscription of subscriptions) subscription.muted = true
    },
  }
}

function serve(server: Server, peer: Peer, version: string): void {
  server.addService(streamsService, {
    append: (
      call: ServerReadableStream<AppendReq, AppendResp>,
      callback: sendUnaryData<AppendResp>,
    ) => handleAppend(peer, call, callback),
    batchAppend: (call: ServerDuplexStream<BatchAppendReq, BatchAppendResp>) =>
      handleBatchAppend(peer, call),
    read: (call: ReadCall) => void handleRead(peer, call),
  })
  server.addService(ServerFeaturesService, {
    getSupportedMethods: (_call: unknown, callback: sendUnaryData<SupportedMethods>) =>
      callback(null, supportedMethods(version)),
  })
  server.addService(GossipService, {
    read: (_call: unknown, callback: sendUnaryData<ClusterInfo>) =>
      callback(null, memberInfo(peer.leader())),
  })
}
