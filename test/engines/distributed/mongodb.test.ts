// Contents, keys, views and snapshots in MongoDB keep the contracts of their ports.
import { afterAll, onTestFinished } from 'vitest'
import { openEventStore } from '../../../src/engines/embedded/event-store.ts'
import type { Engine } from '../../../src/ports/engine.ts'
import { contentStoreContract } from '../../contracts/content-store.ts'
import type { OpenEngine } from '../../contracts/harness.ts'
import { keyStoreContract } from '../../contracts/key-store.ts'
import {
  snapshotStoreContract,
  viewDocumentContract,
  viewFindContract,
  viewVersionContract,
} from '../../contracts/view-store.ts'
import { dropMongoDatabases, freshNamespace, needs } from '../../support/distributed.ts'
import { temporaryDirectory } from '../../support/embedded-engine.ts'
import { openMongoParts } from './mongodb-parts.ts'

const namespace = freshNamespace()

/** Only the parts that MongoDB holds, beside a log that gives the views their positions. */
const open: OpenEngine = async () => {
  const log = openEventStore(temporaryDirectory())
  let parts = await openMongoParts({ namespace })
  onTestFinished(async () => {
    await parts.close()
    log.close()
  })
  const engine = () => ({ ...parts, events: log.store }) as unknown as Engine
  return {
    engine: engine(),
    reopen: async () => {
      await parts.close()
      parts = await openMongoParts({ namespace })
      return engine()
    },
  }
}

needs('MONGODB_URL')('in MongoDB', () => {
  afterAll(() => dropMongoDatabases(namespace))
  contentStoreContract(open)
  keyStoreContract(open)
  viewDocumentContract(open)
  viewVersionContract(open)
  viewFindContract(open)
  snapshotStoreContract(open)
})
