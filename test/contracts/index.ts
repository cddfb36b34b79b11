/** Every contract of every port: what an engine must keep to be an engine. */
import { describe, expect, test } from 'vitest'
import { contentStoreContract } from './content-store.ts'
import { leaseContract, reservationContract, windowContract } from './counters.ts'
import {
  appendContract,
  parallelContract,
  readContract,
  repeatContract,
  sizeContract,
} from './event-store.ts'
import type { OpenEngine } from './harness.ts'
import { jobQueueContract } from './job-queue.ts'
import { keyStoreContract } from './key-store.ts'
import { liveFeedContract } from './live-feed.ts'
import { subscriptionContract } from './subscription.ts'
import {
  snapshotStoreContract,
  viewDocumentContract,
  viewFindContract,
  viewVersionContract,
} from './view-store.ts'

export function engineContract(open: OpenEngine): void {
  appendContract(open)
  repeatContract(open)
  sizeContract(open)
  parallelContract(open)
  readContract(open)
  subscriptionContract(open)
  contentStoreContract(open)
  keyStoreContract(open)
  viewDocumentContract(open)
  viewVersionContract(open)
  viewFindContract(open)
  snapshotStoreContract(open)
  jobQueueContract(open)
  windowContract(open)
  leaseContract(open)
  reservationContract(open)
  liveFeedContract(open)
  describe('engine', () => {
    test('says of every part that it answers', async () => {
      const { engine } = await open()
      const health = await engine.health()
      expect(health.length).toBeGreaterThan(0)
      expect(health.filter(({ ok }) => !ok)).toEqual([])
    })
  })
}
