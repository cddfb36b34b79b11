/**
 * What an application needs to run on the distributed engine in a test: addresses of servers, a
 * namespace of its own, and the way to remove it. EventStoreDB is the one that EVENTSTOREDB_URL names, or
 * the protocol peer, one for each test process.
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  dropMongoDatabases,
  dropRedisKeys,
  freshNamespace,
  servers,
  serverUrl,
} from './distributed.ts'
import { startEventStoreDb } from './eventstoredb/server.ts'

let peer: Promise<string> | undefined

/** The address of the log; the peer ends with the process. */
export function eventStoreUrl(): Promise<string> {
  const named = servers().EVENTSTOREDB_URL
  if (named !== undefined) return Promise.resolve(named)
  peer ??= (async () => {
    const directory = mkdtempSync(join(tmpdir(), 'daybook-esdb-'))
    process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
    return (await startEventStoreDb({ directory })).url
  })()
  return peer
}

export interface Environment {
  readonly settings: Readonly<Record<string, string>>
  /** Removes what was stored under the namespace; events stay. */
  remove(): Promise<void>
}

/** A fresh installation on the servers. */
export async function distributedEnvironment(): Promise<Environment> {
  const namespace = freshNamespace()
  return {
    settings: {
      ENGINE: 'distributed',
      NAMESPACE: namespace,
      EVENTSTOREDB_URL: await eventStoreUrl(),
      MONGODB_URL: serverUrl('MONGODB_URL'),
      REDIS_URL: serverUrl('REDIS_URL'),
      MASTER_KEY: randomBytes(32).toString('base64'),
    },
    async remove() {
      await Promise.all([dropMongoDatabases(namespace), dropRedisKeys(namespace)])
    },
  }
}

/** All tests of the whole application run on this engine when it is asked for. */
export const onDistributed = (): boolean => process.env['TEST_ENGINE'] === 'distributed'
