// The documents of a view that is listed are never dropped, also where a read did not show it for a moment.
import { expect, onTestFinished, test, vi } from 'vitest'
import type { MongoDatabase } from '../../../src/engines/distributed/mongodb/database.ts'
import { LeftBehind } from '../../../src/engines/distributed/mongodb/left-behind.ts'
import type { KnownView } from '../../../src/engines/distributed/mongodb/view-catalogue.ts'
import { silent } from '../../support/silent.ts'

const listed = (collection: string): KnownView => ({
  id: 'ledger@1',
  name: 'ledger',
  version: 1,
  collection,
  indexes: '{}',
  checkpoint: 9n,
})

test('a collection is looked for once more before it goes', async () => {
  const dropped: string[] = []
  // As a server may answer right after a failover: the second read has what the first one had not.
  const reads = [[], [listed('view_ledger_1_a')]]
  const db = {
    listCollections: () => ({
      toArray: async () => ['view_ledger_1_a', 'view_ledger_1_b', 'snapshots'].map(named),
    }),
    dropCollection: async (name: string) => void dropped.push(name),
  }
  const database = { db, service: 'MongoDB', updatesAtOnce: 1 } as unknown as MongoDatabase
  const catalogue = { read: async () => reads.shift() ?? [listed('view_ledger_1_a')] }
  const leftBehind = new LeftBehind(database, catalogue, { logger: silent, keepMs: 0 })
  onTestFinished(() => leftBehind.close())
  await leftBehind.sweep()
  await vi.waitFor(() => expect(dropped).toEqual(['view_ledger_1_b']))
})

const named = (name: string) => ({ name })
