// Every answered request leaves a record, in bounded events and bounded memory; what a broken log costs
// is counted, and nothing is recorded twice.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Streams } from '../../../src/commands/streams.ts'
import {
  type AnsweredRequest,
  createUsageRecorder,
} from '../../../src/commands/usage/record-usage.ts'
import type { UsageEvent } from '../../../src/domain/usage/events.ts'
import { Unavailable } from '../../../src/ports/unavailable.ts'
import { usageRecords } from '../../../src/projections/usage-records.ts'
import { type Books, idOf, openBooks } from '../../support/books.ts'
import { fakeClock } from '../../support/clock.ts'
import { silent } from '../../support/silent.ts'

let books: Books
beforeEach(async () => {
  books = await openBooks([usageRecords])
})
afterEach(() => books.close())

const RUN = '5f0c1d2e-0000-4000-8000-000000000001'

function recorder(options: { on?: boolean; streams?: Streams } = {}) {
  const onDropped = vi.fn<(requests: number) => void>()
  const one = createUsageRecorder(
    {
      streams: options.streams ?? books.streams,
      ids: books.ids,
      clock: fakeClock(),
      logger: silent,
      // Only the run of all settings concerns records.
      settings: { runId: RUN } as never,
    },
    { on: options.on ?? true, onDropped },
  )
  return { ...one, onDropped }
}

const request = (n: number, change: Partial<AnsweredRequest> = {}): AnsweredRequest => ({
  requestId: `request-${n}`,
  route: '/agents/{agent_id}/invoke',
  method: 'POST',
  status: 200,
  latencyMs: 5,
  at: new Date('2026-11-01T12:00:00.000Z'),
  actor: { kind: 'user', userId: idOf('user', 1), orgId: idOf('organization', 1) },
  ...change,
})
const stranger = (n: number, change: Partial<AnsweredRequest> = {}) =>
  request(n, { route: '/auth/login', status: 401, actor: { kind: 'anonymous' }, ...change })

async function recorded(stream = 1): Promise<UsageEvent['data'][]> {
  const events = await books.streams.read(`usage-${RUN}-${stream}`)
  return events.map(({ data }) => data as unknown as UsageEvent['data'])
}

/** Streams whose appends fail as often as they are told to. */
function failing(times: number): Streams {
  let left = times
  return {
    ...books.streams,
    transact: (...args: Parameters<Streams['transact']>) =>
      left-- > 0 ? Promise.reject(new Unavailable('the log')) : books.streams.transact(...args),
  } as Streams
}

describe('request records', () => {
  test('are in the log once flushed, with whose they are', async () => {
    const { record, flush } = recorder()
    record(request(1))
    record(request(2, { status: 404, latencyMs: 7.4 }))
    await flush()
    expect(await recorded()).toMatchObject([
      {
        runId: RUN,
        batch: 1,
        counts: [],
        items: [
          {
            requestId: 'request-1',
            route: '/agents/{agent_id}/invoke',
            userId: idOf('user', 1),
            orgId: idOf('organization', 1),
          },
          { requestId: 'request-2', status: 404, latencyMs: 7 },
        ],
      },
    ])
  })

  test('reach the log by themselves, and nothing is written where nothing happened', async () => {
    const { record, flush, close } = recorder()
    await flush()
    expect(await recorded()).toEqual([])
    record(request(1))
    await expect.poll(async () => (await recorded()).length).toBe(1)
    await close()
    expect(await recorded()).toHaveLength(1)
  })

  test('come in events far below the limit, none lost and none twice', async () => {
    const { record, flush } = recorder()
    for (let n = 0; n < 1_000; n++) record(request(n, { route: `/${'r'.repeat(199)}` }))
    await flush()
    const batches = await recorded()
    expect(batches.map(({ batch }) => batch)).toEqual([1, 2, 3, 4])
    for (const batch of batches)
      expect(Buffer.byteLength(JSON.stringify(batch))).toBeLessThan(200 * 1024)
    const ids = batches.flatMap(({ items }) => items.map(({ requestId }) => requestId))
    expect(ids).toEqual(Array.from({ length: 1_000 }, (_, n) => `request-${n}`))
  })

  test('of strangers are listed up to ten in a second, then counted by route and status', async () => {
    const { record, flush } = recorder()
    for (let n = 0; n < 25; n++) record(stranger(n))
    for (let n = 25; n < 30; n++) record(stranger(n, { status: 200 }))
    record(stranger(30, { at: new Date('2026-11-01T12:00:01.000Z') }))
    await flush()
    const [batch] = await recorded()
    expect(batch?.items).toHaveLength(11)
    expect(batch?.counts).toEqual([
      { route: '/auth/login', method: 'POST', status: 401, requests: 15 },
      { route: '/auth/login', method: 'POST', status: 200, requests: 5 },
    ])
  })

  test('are never refused for an odd request', async () => {
    const { record, flush, onDropped } = recorder()
    record(request(1, { method: 'M-SEARCH', route: '', status: 999, latencyMs: -3 }))
    record(request(2, { requestId: 'x'.repeat(500), route: 'y'.repeat(500) }))
    await flush()
    expect((await recorded())[0]?.items).toMatchObject([
      { method: 'OTHER', route: '(unknown)', status: 500, latencyMs: 0 },
      { requestId: 'x'.repeat(64), route: 'y'.repeat(200) },
    ])
    expect(onDropped).not.toHaveBeenCalled()
  })

  test('wait for a log that is away, and are written once when it is back', async () => {
    const { record, flush, close, onDropped } = recorder({ streams: failing(2) })
    record(request(1))
    await expect.poll(async () => (await recorded()).length, { timeout: 5_000 }).toBe(1)
    record(request(2))
    await flush()
    await close()
    const items = (await recorded()).flatMap((batch) => batch.items)
    expect(items.map(({ requestId }) => requestId)).toEqual(['request-1', 'request-2'])
    expect(onDropped).not.toHaveBeenCalled()
  })

  test('of a log that stays away are dropped at a stop, and counted', async () => {
    const { record, close, onDropped } = recorder({ streams: failing(Infinity) })
    for (let n = 0; n < 400; n++) record(request(n))
    for (let n = 0; n < 25; n++) record(stranger(n))
    await close()
    expect(await recorded()).toEqual([])
    expect(onDropped.mock.calls.reduce((sum, [requests]) => sum + requests, 0)).toBe(425)
  })

  test('never fill the memory: what is too much is dropped and counted', async () => {
    const { record, close, onDropped } = recorder()
    for (let n = 0; n < 20_500; n++) record(request(n))
    expect(onDropped).toHaveBeenCalledTimes(500)
    await close()
    const items = (await recorded()).flatMap((batch) => batch.items)
    expect(items).toHaveLength(20_000)
  })

  test('go on in a second stream when the first is full', async () => {
    const batches = new Map<string, number>()
    const streams = {
      transact: (_decider: unknown, id: string, { batch }: { batch: number }) =>
        Promise.resolve(batches.set(id, batch)),
    } as unknown as Streams
    const { record, flush } = recorder({ streams })
    for (let n = 0; n <= 10_000; n++) {
      record(request(n))
      await flush()
    }
    expect([...batches]).toEqual([
      [`${RUN}-1`, 10_000],
      [`${RUN}-2`, 1],
    ])
  })

  test('are not made where they are turned off, nor after the stop', async () => {
    const off = recorder({ on: false })
    off.record(request(1))
    await off.close()
    const stopped = recorder()
    await stopped.close()
    stopped.record(request(2))
    await stopped.flush()
    expect(await recorded()).toEqual([])
  })
})
