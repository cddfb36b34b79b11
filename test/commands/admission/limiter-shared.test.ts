// Processes that share a store share its limits: together they let exactly as many through as one would.
import { expect, test } from 'vitest'
import {
  giveBack,
  reservationsOf,
  reserve,
  takenOf,
} from '../../../src/commands/admission/limiter.ts'
import type { LimitToReserve } from '../../../src/domain/policy/decision.ts'
import { Refusal } from '../../../src/domain/refusal.ts'
import type { Counters } from '../../../src/ports/counters.ts'
import { openParts } from '../../engines/distributed/redis-parts.ts'
import { idOf } from '../../support/books.ts'
import { needs, serverUrl } from '../../support/distributed.ts'

const CALLERS = 100
const limits: readonly LimitToReserve[] = [
  ['requests', 30, 1],
  ['concurrency', 7, 1],
  ['tokens', 1_000, 50],
].map(([measure, limit, units]) => ({
  ruling: { policyId: idOf('policy', 1), version: 1, rule: 'a limit', reason: 'so many' },
  key: `policy/${String(measure)}`,
  measure: measure as LimitToReserve['measure'],
  per: 'organization',
  limit: Number(limit),
  windowSeconds: 60,
  burst: undefined,
  units: Number(units),
}))

const wanted = (holder: string) => reservationsOf(limits, { holder, ttlMs: 60_000 })

async function passes(counters: Counters, holder: string): Promise<boolean> {
  try {
    await reserve(counters, wanted(holder))
    return true
  } catch (error) {
    if (error instanceof Refusal && error.code === 'rate_limited') return false
    throw error
  }
}

needs('REDIS_URL')('two processes', () => {
  test('let through together what the tightest limit allows, and more as places come free', async () => {
    const url = serverUrl('REDIS_URL')
    const one = await openParts({ url })
    const processes = [one, await openParts({ url, namespace: one.namespace })]
    const admitted: string[] = []
    const come = async (round: number) => {
      const before = admitted.length
      await Promise.all(
        Array.from({ length: CALLERS }, async (_one, n) => {
          const holder = `call ${round}/${n}`
          const counters = processes[n % 2]?.counters
          if (counters && (await passes(counters, holder))) admitted.push(holder)
        }),
      )
      return admitted.length - before
    }
    const end = (holder: string, n: number) =>
      giveBack(processes[n % 2]?.counters ?? raise(), takenOf(wanted(holder)), holder, 0)
    // Seven places; then 20 × 50 tokens would be the end, but ended calls have used none of theirs.
    for (const [round, left] of [7, 7, 7, 7, 2, 0].entries()) {
      expect(await come(round)).toBe(left)
      await Promise.all(admitted.slice(-7).map(end))
    }
    expect(admitted).toHaveLength(30)
  })
})

const raise = (): never => {
  throw new Error('there are two processes')
}
