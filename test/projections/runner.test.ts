// Views are a function of the log: rebuilt, redelivered or resumed, they come out byte for byte the same.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createIds } from '../../src/adapters/ids.ts'
import { createSystemClock } from '../../src/adapters/system-clock.ts'
import { openEngine } from '../../src/engines/embedded/index.ts'
import type { Engine } from '../../src/ports/engine.ts'
import type { StoredEvent } from '../../src/ports/event-store.ts'
import { foldBatch } from '../../src/projections/fold.ts'
import { type Projection, projection } from '../../src/projections/projection.ts'
import { createRunner, type Runner } from '../../src/projections/runner.ts'
import { physical } from '../../src/projections/views.ts'
import { counterEvents } from '../support/counter.ts'
import { silent } from '../support/silent.ts'
import { put } from '../contracts/harness.ts'

interface Totals {
  readonly stream: string
  readonly total: number
  readonly raised: number
}
const totals = projection<Totals, typeof counterEvents>(counterEvents, {
  name: 'totals',
  version: 1,
  indexes: { byRaised: { equals: ['raised'], orderBy: 'total' } },
  on: {
    CounterRaised: {
      keys: (event) => event.stream,
      project: (view, { data, stream }) => ({
        stream,
        total: (view?.total ?? 0) + data.by,
        raised: (view?.raised ?? 0) + 1,
      }),
    },
  },
})

const ids = createIds()
let folder: string
let engine: Engine
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'daybook-runner-'))
  engine = await openEngine({ dataDir: folder, logger: silent, clock: createSystemClock() })
})
afterEach(async () => {
  await engine.close()
  rmSync(folder, { recursive: true, force: true })
})

const heads = new Map<string, number>()

/** Appends one event for each number to a stream, in one go. */
async function append(stream: string, ...numbers: number[]) {
  const key = `${folder}/${stream}`
  const revision = heads.get(key) ?? -1
  heads.set(key, revision + numbers.length)
  const events = numbers.map((by) => ({
    id: ids.random(),
    type: 'CounterRaised',
    data: JSON.stringify({ by }),
    metadata: JSON.stringify({
      v: 1,
      recordedAt: '2026-11-01T12:00:00.000Z',
      commandId: key,
      $correlationId: key,
      $causationId: key,
      actor: { kind: 'operator' },
    }),
  }))
  return engine.events.append(stream, revision < 0 ? 'none' : revision, events)
}

const STREAMS = 7
const fill = async (count: number) => {
  for (let from = 0; from < count; from += STREAMS * 50)
    for (let stream = 0; stream < STREAMS; stream++) {
      const numbers: number[] = []
      for (let i = from + stream; i < Math.min(count, from + STREAMS * 50); i += STREAMS)
        numbers.push(i)
      if (numbers.length > 0) await append(`counter-${stream}`, ...numbers)
    }
}

const runnerOf = (...projections: Projection<Totals>[]): Runner =>
  createRunner({
    events: engine.events,
    store: engine.views,
    projections,
    upcast: (event) => event,
    logger: silent,
  })

async function dump(runner: Runner): Promise<string> {
  const rows: unknown[] = []
  for await (const row of runner.views.all(totals)) rows.push(row)
  return JSON.stringify(rows)
}

describe('the runner', () => {
  test('catches up before it is started, then follows', async () => {
    await fill(2_500)
    const runner = runnerOf(totals)
    await runner.start()
    expect((await runner.views.get(totals, 'counter-0'))?.raised).toBe(358)
    const { position } = await append('counter-0', 5)
    expect(await runner.views.passed(position, 2_000)).toBe(true)
    expect((await runner.views.get(totals, 'counter-0'))?.raised).toBe(359)
    await runner.stop()
  })

  test('resumes where it stopped and counts nothing twice', async () => {
    await fill(50)
    const first = runnerOf(totals)
    await first.start()
    const before = await dump(first)
    await first.stop()
    const second = runnerOf(totals)
    await second.start()
    expect(await dump(second)).toBe(before)
    await second.stop()
  })

  test('rebuilds beside the served view and switches, byte for byte the same', async () => {
    await fill(2_100)
    const runner = runnerOf(totals)
    await runner.start()
    const before = await dump(runner)
    await runner.rebuild('totals')
    expect(await dump(runner)).toBe(before)
    expect(runner.status()[0]?.generation).toBe(1)
    const { position } = await append('counter-1', 1)
    await runner.views.passed(position, 2_000)
    await runner.stop()
    // What serves after a restart is the rebuilt one, and it has gone on.
    const again = runnerOf(totals)
    await again.start()
    expect(again.status()[0]?.generation).toBe(1)
    expect((await again.views.get(totals, 'counter-1'))?.raised).toBe(301)
    await again.stop()
  })

  test('applying any suffix again changes nothing', async () => {
    await fill(30)
    const runner = runnerOf(totals)
    await runner.start()
    const before = await dump(runner)
    await runner.stop()
    const events = await engine.events.readAll({ after: -1n, limit: 1_000 })
    for (let from = 0; from < events.length; from += 7) {
      const suffix: StoredEvent[] = events.slice(from)
      const last = suffix.at(-1) as StoredEvent
      await foldBatch(engine.views, totals, physical(totals, 0), suffix, last.position)
    }
    const again = runnerOf(totals)
    await again.start()
    expect(await dump(again)).toBe(before)
    await again.stop()
  })

  test('a projection that throws stops alone, says why, and skips nothing', async () => {
    const poisoned = projection<Totals, typeof counterEvents>(counterEvents, {
      ...totals,
      name: 'poisoned',
      on: {
        CounterRaised: {
          keys: (event) => event.stream,
          project: (_view, { data }) => {
            if (data.by === 13) throw new Error('poison')
            return undefined
          },
        },
      },
    })
    await fill(20)
    const runner = runnerOf(totals, poisoned)
    await runner.start()
    expect(runner.status().map(({ name, stopped }) => ({ name, stopped }))).toEqual([
      { name: 'totals', stopped: undefined },
      {
        name: 'poisoned',
        stopped: expect.stringMatching(/^what comes after position -?\d+ cannot/),
      },
    ])
    // Readiness tells it to anybody: what was thrown may name a server or quote what a person wrote.
    expect(JSON.stringify(runner.status().map(({ stopped }) => stopped))).not.toContain('poison')
    await runner.stop()
  })

  test('a view that is ahead of the log refuses the start', async () => {
    await fill(3)
    const runner = runnerOf(totals)
    await runner.start()
    await put(engine.views, physical(totals, 0), [], 10_000n)
    await runner.stop()
    await expect(runnerOf(totals).start()).rejects.toThrow(/ahead of the log/)
  })

  test('waiting for a position that never comes ends in time', async () => {
    const runner = runnerOf(totals)
    await runner.start()
    expect(await runner.views.passed(99n, 20)).toBe(false)
    await runner.stop()
  })
})
