/** What the server says about itself: its version, its methods, and that it is a cluster of one. */
import { randomUUID } from 'node:crypto'
import type { ClusterInfo } from '@eventstore/db-client/generated/gossip_pb.js'
import type { SupportedMethods } from '@eventstore/db-client/generated/serverfeatures_pb.js'
import {
  features,
  gossip,
  GossipService,
  ServerFeaturesService,
  shared,
  streamsService,
} from './protocol.ts'

const instanceId = randomUUID()
/** 100 ns. */
const TICKS_PER_MS = 10_000n

const pathsOf = (service: object): string[] =>
  Object.values(service).map(({ path }: { path: string }) => path)

export function supportedMethods(version: string): SupportedMethods {
  const methods = new features.SupportedMethods().setEventStoreServerVersion(version)
  for (const path of [streamsService, GossipService, ServerFeaturesService].flatMap(pathsOf)) {
    const [, service = '', name = ''] = path.toLowerCase().split('/')
    const method = new features.SupportedMethod().setServiceName(service).setMethodName(name)
    if (path.endsWith('Streams/Read')) method.setFeaturesList(['position', 'events'])
    methods.addMethods(method)
  }
  return methods
}

export function memberInfo({ host, port }: { host: string; port: number }): ClusterInfo {
  const member = new gossip.MemberInfo()
    .setInstanceId(new shared.UUID().setString(instanceId))
    .setTimeStamp(String(BigInt(Date.now()) * TICKS_PER_MS))
    .setState(gossip.MemberInfo.VNodeState.LEADER)
    .setIsAlive(true)
    .setHttpEndPoint(new gossip.EndPoint().setAddress(host).setPort(port))
  return new gossip.ClusterInfo().setMembersList([member])
}
