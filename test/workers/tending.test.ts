// Unfinished work is looked for at once and then every 30 s; where a store was away, again within moments, and nothing cries for it.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { StoredEvent } from '../../src/ports/event-store.ts'
import type { Logger } from '../../src/ports/logger.ts'
import { Unavailable } from '../../src/ports/unavailable.ts'
import { createWorkers, type Sweep } from '../../src/workers/worker.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

const deps = () => {
  const lines: string[] = []
  const say = (level: string) => (_fields: object, message: string) => {
    lines.push(`${level}: ${message}`)
  }
  const logger: Logger = {
    debug: say('debug'),
    info: say('info'),
    warn: say('warn'),
    error: say('error'),
  }
  const parts = {
    jobs: {},
    streams: { lastWritten: () => 0n },
    views: { passed: async () => true },
    logger,
  }
  // Sweeps need nothing else of them.
  return { lines, parts: parts as unknown as Parameters<typeof createWorkers>[0] }
}

/** Tends for so long and answers when the sweep ran, in milliseconds from the beginning. */
async function ranAt(ms: number, run: (round: number) => Promise<number>) {
  const { lines, parts } = deps()
  const began = performance.now()
  const rounds: number[] = []
  const sweep: Sweep = {
    name: 'a sweep',
    run() {
      rounds.push(performance.now() - began)
      return run(rounds.length)
    },
  }
  const abort = new AbortController()
  const tended = createWorkers(parts, [], [sweep]).tend(abort.signal)
  await vi.advanceTimersByTimeAsync(ms)
  abort.abort()
  await tended
  return { rounds, lines }
}

test('an event of which no job can be made stops neither the others nor what comes after it', async () => {
  const { lines, parts } = deps()
  const added: unknown[] = []
  const jobs = { add: async (_name: string, made: unknown[]) => void added.push(...made) }
  const on = (event: StoredEvent) => {
    if (event.id === 'odd') throw new Error('no address in it')
    return { id: event.id, payload: {} }
  }
  const worker = { name: 'a worker', concurrency: 1, on: { Noted: on }, handle: async () => {} }
  const workers = createWorkers({ ...parts, jobs: jobs as never }, [worker], [])
  const abort = new AbortController()
  const tended = workers.tend(abort.signal)
  for (const id of ['odd', 'even']) workers.onEvents([{ id, type: 'Noted' } as StoredEvent])
  await vi.advanceTimersByTimeAsync(1)
  expect(added).toMatchObject([{ id: 'even' }])
  expect(lines).toEqual(['error: no job made'])
  abort.abort()
  await tended
})

test('at the beginning and every 30 s', async () => {
  expect((await ranAt(65_000, async () => 0)).rounds).toEqual([0, 30_000, 60_000])
})

test('a store that was away is asked again soon, and ever later; when it is back, every 30 s', async () => {
  const { rounds, lines } = await ranAt(40_000, async (round) => {
    if (round < 4) throw new Unavailable('views')
    return 1
  })
  expect(rounds).toEqual([0, 500, 1_500, 3_500, 33_500])
  expect(lines.filter((line) => line.startsWith('warn'))).toHaveLength(3)
  expect(lines.filter((line) => line.startsWith('error'))).toEqual([])
})

test('a sweep that fails otherwise is an error, and the next round is in 30 s', async () => {
  const { rounds, lines } = await ranAt(31_000, async () => {
    throw new Error('a defect')
  })
  expect(rounds).toEqual([0, 30_000])
  expect(lines).toEqual(['error: sweep failed', 'error: sweep failed'])
})
