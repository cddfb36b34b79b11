// The metrics say what the process does, in bounded sets of labels and without anybody's data.
import { createServer } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createMetrics, type Metrics } from '../../../src/api/metrics.ts'
import { openHolds } from '../../../src/projections/open-holds.ts'
import { type Books, idOf, openBooks } from '../../support/books.ts'

let books: Books
let metrics: Metrics
let away: boolean
beforeEach(async () => {
  away = false
  books = await openBooks([openHolds])
  const { engine } = books
  const head = () => (away ? Promise.reject(new Error('away')) : engine.events.head())
  metrics = createMetrics({
    engine: {
      events: { ...engine.events, head },
      jobs: engine.jobs,
      health: () => engine.health(),
    },
    runner: books.runner,
    deps: {
      views: books.views,
      limits: { countedAlone: () => 3 },
      floods: { lostInAll: () => 4 },
      passwords: {
        hash: (password) => Promise.resolve(password),
        verify: () => Promise.resolve({ ok: false, rehash: false }),
        load: () => ({ running: 2, waiting: 5 }),
      },
    },
    logEnd: { unseenMs: () => 1_500 },
    leases: { held: () => [{ name: 'work', held: true }] },
    queues: ['run-invocations'],
  })
})
afterEach(async () => {
  await metrics.close()
  await books.close()
})

/** A port that was free a moment ago. */
const freePort = () =>
  new Promise<number>((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
const at = '2026-11-01T12:00:00.000Z'

describe('metrics', () => {
  test('count requests, calls, holds, lag, jobs and hashes', async () => {
    await books.openAccount(1, 1_000_000n, at)
    await books.call(1, { org: 1, user: 1, at, end: 'completed' })
    const url = await metrics.listen('127.0.0.1', await freePort())
    await books.call(2, { org: 1, user: 1, at, endUser: 'customer 7', end: 'completed' })
    await books.call(3, { org: 1, user: 1, at, end: 'open' })
    await books.settled()
    metrics.served({ route: '/usage', method: 'GET', status: 200, latencyMs: 20 })
    metrics.served({ route: '(unknown)', method: 'BREW', status: 404, latencyMs: 1 })
    metrics.usageDropped(3)
    const answer = await fetch(url ?? '')
    const text = await answer.text()
    expect(answer.headers.get('content-type')).toContain('text/plain')
    for (const line of [
      'daybook_http_request_duration_seconds_count{route="/usage",method="GET",status="200"} 1',
      'daybook_http_request_duration_seconds_count{route="(unknown)",method="other",status="404"} 1',
      'daybook_usage_records_dropped_total 3',
      // The call before anybody listened is history.
      'daybook_invocations_ended_total{end="completed",reason="",practice="false"} 1',
      'daybook_tokens_total{class="output"} 40',
      'daybook_open_holds 1',
      'daybook_projection_lag{projection="open-holds"} 0',
      'daybook_projection_stopped{projection="open-holds"} 0',
      'daybook_jobs{queue="run-invocations",state="waiting"} 0',
      'daybook_password_hashes{state="waiting"} 5',
      'daybook_log_end_unseen_seconds 1.5',
      'daybook_lease_held{lease="work"} 1',
      'daybook_telegram_updates_lost 4',
      'daybook_dependency_up{service="event log"} 1',
    ])
      expect(text).toContain(line)
    expect(text).toMatch(/nodejs_eventloop_lag_seconds /)
    expect(text).toMatch(/process_resident_memory_bytes /)
    expect(text).not.toMatch(/customer 7|usr_|org_|inv_/)
    expect(text).not.toContain(idOf('user', 1))
  })

  test('leave out what a store that is away cannot say', async () => {
    const url = await metrics.listen('127.0.0.1', await freePort())
    away = true
    const text = await (await fetch(url ?? '')).text()
    expect(text).not.toMatch(/^daybook_log_head /m)
    expect(text).toContain('daybook_log_end_unseen_seconds 1.5')
  })

  test('are nowhere but under their own path', async () => {
    const url = await metrics.listen('127.0.0.1', await freePort())
    expect((await fetch(new URL('/', url))).status).toBe(404)
    expect((await fetch(url ?? '', { method: 'POST' })).status).toBe(404)
  })

  test('are off at port 0, and say so where the port is taken', async () => {
    expect(await metrics.listen('127.0.0.1', 0)).toBeUndefined()
    metrics.served({ route: '/usage', method: 'GET', status: 200, latencyMs: 20 })
    const taken = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => taken.once('listening', resolve))
    const address = taken.address()
    const port = typeof address === 'object' && address ? address.port : 0
    await expect(metrics.listen('127.0.0.1', port)).rejects.toThrow(/EADDRINUSE/)
    await new Promise((resolve) => taken.close(resolve))
  })
})
