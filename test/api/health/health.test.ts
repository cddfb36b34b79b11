// Ready means that it can serve; where it cannot, the answer names what is missing and why.
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { openBooks } from '../../support/books.ts'
import { healthRoutes, type HealthSources } from '../../../src/api/health.ts'
import { openHolds } from '../../../src/projections/open-holds.ts'
import { silent } from '../../support/silent.ts'

let app: TestApp | undefined
afterEach(async () => {
  await app?.stop()
  app = undefined
})

type Health = { status: string; checks: { name: string; ok: boolean; why?: string }[] }

const current = { unseenMs: () => 0 }

describe('health', () => {
  test('of a running process is alive and ready', async () => {
    app = await startTestApp()
    expect(await app.request('GET /health/live')).toMatchObject({
      status: 200,
      body: { status: 'alive' },
    })
    const { status, body } = await app.request<Health>('GET /health/ready')
    expect(status).toBe(200)
    expect(body.status).toBe('ready')
    expect(body.checks.every(({ ok }) => ok)).toBe(true)
    expect(body.checks.map(({ name }) => name)).toContain('views')
  })

  test('names a view that stands still, a store that does not answer, and a stop', async () => {
    const books = await openBooks([openHolds])
    const logged: object[] = []
    const logger = { ...silent, warn: (fields: object) => void logged.push(fields) }
    const ready = async (change: Partial<HealthSources>) => {
      const stopping = new AbortController().signal
      const { engine, runner } = books
      const sources = { engine, runner, logEnd: current, stopping, ...change }
      const [, route] = healthRoutes({ views: books.views, logger }, sources)
      // The route reads nothing of the call.
      const answer = await route?.handler({} as never)
      const body = answer?.body as Health
      return { status: answer?.status, why: body.checks.filter(({ ok }) => !ok) }
    }
    expect(await ready({})).toEqual({ status: 200, why: [] })
    const status = books.runner.status().map((one) => ({ ...one, stopped: 'poison' }))
    expect(await ready({ runner: { status: () => status } })).toEqual({
      status: 503,
      why: [{ name: 'projection open-holds', ok: false, why: 'it stands still: poison' }],
    })
    const both = ['ledger', 'users'].map((name) => ({ ...status[0], name, stopped: 'too new' }))
    expect((await ready({ runner: { status: () => both as typeof status } })).why).toEqual([
      { name: '2 projections', ok: false, why: 'they stand still: too new' },
    ])
    const { engine } = books
    const failing = {
      events: engine.events,
      health: async () => [
        { service: 'Redis', ok: false, detail: 'connect ECONNREFUSED 10.1.2.3:6379' },
        { service: 'clock', ok: false, why: 'it is 9000 ms behind' },
      ],
    }
    // Anybody may ask: where the server is, and what it said, is for the log.
    expect((await ready({ engine: failing })).why).toEqual([
      { name: 'Redis', ok: false, why: 'it does not answer as it should' },
      { name: 'clock', ok: false, why: 'it is 9000 ms behind' },
    ])
    expect(JSON.stringify(logged)).toContain('10.1.2.3')
    expect((await ready({ logEnd: { unseenMs: () => 7_400 } })).why).toEqual([
      { name: 'end of the log', ok: false, why: 'not seen for 7 s' },
    ])
    expect((await ready({ stopping: AbortSignal.abort() })).why).toMatchObject([
      { name: 'process' },
    ])
    await books.close()
  })

  test('of views that are behind says where they are', async () => {
    const books = await openBooks([openHolds])
    await books.runner.stop()
    await books.openAccount(1, 100n, '2026-11-01T12:00:00.000Z')
    const stopping = new AbortController().signal
    const sources = { engine: books.engine, runner: books.runner, logEnd: current, stopping }
    const [, route] = healthRoutes({ views: books.views, logger: silent }, sources)
    const answer = await route?.handler({} as never)
    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '1' } })
    expect(JSON.stringify(answer?.body)).toMatch(/at position -1 of \d+, still catching up/)
    await books.close()
  })

  test('of views that lag a little is ready, once they have come as far as the log was', async () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    onTestFinished(() => void vi.useRealTimers())
    const at = { views: 0n, head: 9n }
    const views = { passed: async () => at.views >= at.head, position: () => at.views }
    const sources = {
      engine: { events: { head: async () => at.head }, health: async () => [] },
      runner: { status: () => [] },
      logEnd: current,
      stopping: new AbortController().signal,
    }
    const deps = { views, logger: silent } as unknown as Parameters<typeof healthRoutes>[0]
    const [, route] = healthRoutes(deps, sources as unknown as HealthSources)
    const status = async (position: bigint, head: bigint, laterMs: number) => {
      vi.advanceTimersByTime(laterMs)
      Object.assign(at, { views: position, head })
      return (await route?.handler({} as never))?.status
    }
    expect(await status(0n, 9n, 0)).toBe(503)
    expect(await status(8n, 12n, 1_000)).toBe(503)
    // It has what was there at first, and never all: that is how it is under load.
    expect(await status(9n, 15n, 1_000)).toBe(200)
    expect(await status(12n, 20n, 4_000)).toBe(200)
    expect(await status(16n, 25n, 4_000)).toBe(200)
    expect(await status(17n, 30n, 6_000)).toBe(503)
    expect(await status(30n, 30n, 1_000)).toBe(200)
    // Lost, and made anew: nothing can be read.
    expect(await status(3n, 31n, 1_000)).toBe(503)
    expect(await status(31n, 31n, 1_000)).toBe(200)
  })
})
