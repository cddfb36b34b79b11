// Counters, live feed and jobs in Redis keep the contracts of their ports.
import { randomUUID } from 'node:crypto'
import { describe, onTestFinished, test } from 'vitest'
import { createCounters } from '../../../src/engines/distributed/counters.ts'
import { openRedis } from '../../../src/engines/distributed/redis/connection.ts'
import type { Engine } from '../../../src/ports/engine.ts'
import { leaseContract, reservationContract, windowContract } from '../../contracts/counters.ts'
import type { OpenEngine } from '../../contracts/harness.ts'
import { silent } from '../../support/silent.ts'

const url = process.env['REDIS_URL']

/** Only the parts that Redis holds, under a name of their own that is removed in the end. */
const open: OpenEngine = async ({ clock } = {}) => {
  const namespace = `test_${randomUUID().slice(0, 8)}`
  const redis = await openRedis({ url: url ?? '', namespace, logger: silent })
  onTestFinished(async () => {
    await redis.close()
  })
  const engine = { counters: createCounters({ redis, clock }) }
  const unused = async () => Promise.reject(new Error('these parts are not opened again'))
  return { engine: engine as unknown as Engine, reopen: unused }
}

if (url === undefined) {
  test.skip('left out: REDIS_URL is not set', () => undefined)
} else {
  describe('in Redis', () => {
    windowContract(open)
    leaseContract(open)
    reservationContract(open)
  })
}
