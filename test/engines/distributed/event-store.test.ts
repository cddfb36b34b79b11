// The log in EventStoreDB keeps every promise of the event-store port, each test in a namespace of its own.
import { mkdtempSync, rmSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import { openEventStore } from '../../../src/engines/distributed/event-store.ts'
import type { Engine } from '../../../src/ports/engine.ts'
import {
  appendContract,
  parallelContract,
  readContract,
  repeatContract,
  sizeContract,
} from '../../contracts/event-store.ts'
import type { OpenEngine } from '../../contracts/harness.ts'
import { subscriptionContract } from '../../contracts/subscription.ts'
import { startEventStoreDb } from '../../support/eventstoredb/server.ts'
import { silent } from '../../support/silent.ts'

let url = process.env['EVENTSTOREDB_URL'] ?? ''

if (url === '') {
  const directory = mkdtempSync(join(tmpdir(), 'daybook-esdb-'))
  let close: (() => Promise<void>) | undefined
  beforeAll(async () => {
    const peer = await startEventStoreDb({ directory })
    url = peer.url
    close = () => peer.close()
  })
  afterAll(async () => {
    await close?.()
    rmSync(directory, { recursive: true, force: true })
  })
}

const open: OpenEngine = async () => {
  const namespace = `test_${randomBytes(8).toString('hex')}`
  const openStore = () => openEventStore({ url, namespace, logger: silent })
  let log = await openStore()
  onTestFinished(() => log.close())
  const engine = () => ({ events: log.store }) as Engine
  return {
    engine: engine(),
    reopen: async () => {
      await log.close()
      log = await openStore()
      return engine()
    },
  }
}

appendContract(open)
repeatContract(open)
sizeContract(open)
parallelContract(open)
readContract(open)
subscriptionContract(open)
