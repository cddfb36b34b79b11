// What Redis holds may be away, empty, frozen or killed at any moment: nothing hangs, and all goes on.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { Job } from '../../../src/ports/job-queue.ts'
import type { FeedItem } from '../../../src/ports/live-feed.ts'
import { Unavailable } from '../../../src/ports/unavailable.ts'
import { never } from '../../contracts/harness.ts'
import { openParts } from './redis-parts.ts'
import { redisMissing, type RedisServer, startRedis } from './redis-server.ts'

const CHILD = new URL('redis-child.ts', import.meta.url).pathname
const rate = { kind: 'window', key: 'r', limit: 1e6, windowMs: 60_000, units: 1 } as const
const empty = { waiting: 0, running: 0, delayed: 0 }
const within = { timeout: 15_000, interval: 25 }

async function server(...options: string[]): Promise<RedisServer> {
  const started = await startRedis(...options)
  onTestFinished(() => started.close())
  return started
}

/** Asks and says how it was refused and how long that took. */
async function refusal(ask: Promise<unknown>): Promise<{ error: unknown; ms: number }> {
  const began = performance.now()
  try {
    await ask
  } catch (error) {
    return { error, ms: performance.now() - began }
  }
  throw new Error('not refused')
}

/** Publishes numbered words; whole text and what one listener has heard of it. */
function conversation(feed: Awaited<ReturnType<typeof openParts>>['feed']) {
  const stop = new AbortController()
  const talk = { said: '', heard: '', offsets: 0, ended: false }
  const listening = (async () => {
    for await (const item of feed.listen('inv', { signal: stop.signal })) {
      if (item.kind === 'end') talk.ended = true
      else talk.heard += item.text
    }
  })()
  onTestFinished(async () => {
    stop.abort()
    await listening
  })
  const say = (text: string) => {
    talk.said += text
    talk.offsets += text.length
    const item: FeedItem = { kind: 'delta', attempt: 1, offset: talk.offsets, text }
    feed.publish('inv', item)
  }
  return { talk, say }
}

async function child(mode: string, { url }: RedisServer, namespace: string) {
  const started: ChildProcess = spawn(process.execPath, [CHILD, mode, url, namespace], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(() => void started.kill('SIGKILL'))
  const exited = once(started, 'exit')
  let lines = ''
  started.stdout?.on('data', (text: Buffer) => (lines += text.toString()))
  const said = async (pattern: RegExp): Promise<string> => {
    await vi.waitFor(() => expect(lines).toMatch(pattern), { timeout: 20_000, interval: 25 })
    return pattern.exec(lines)?.[1] ?? ''
  }
  await said(/ready/)
  return {
    said,
    go: () => started.stdin?.write('go\n'),
    kill: () => started.kill('SIGKILL'),
    exited,
  }
}

if (redisMissing === undefined) {
  describe('Redis', () => {
    outages()
    losses()
    processes()
    stops()
  })
} else {
  test.skip(`faults of Redis: ${redisMissing}`, () => undefined)
}

function outages(): void {
  test('gone for two seconds and back: refused at once meanwhile, then everything goes on', async () => {
    const redis = await server()
    const parts = await openParts({ url: redis.url, namespace: 'faults' })
    const { talk, say } = conversation(parts.feed)
    const done: string[] = []
    parts.jobs.work('mail', async ({ id }) => void done.push(id), { concurrency: 2 })
    await parts.jobs.add('mail', [{ id: 'before', payload: 0 }])
    say('before ')
    await vi.waitFor(() => expect([done, talk.heard]).toEqual([['before'], 'before ']))

    await redis.kill()
    const until = performance.now() + 2_000
    let worst = 0
    while (performance.now() < until) {
      const refused = await refusal(parts.counters.reserve([rate]))
      expect(refused.error).toBeInstanceOf(Unavailable)
      worst = Math.max(worst, refused.ms)
      if (worst > 500) break
      const added = await refusal(parts.jobs.add('mail', [{ id: 'meanwhile', payload: 0 }]))
      expect(added.error).toBeInstanceOf(Unavailable)
      expect(added.ms).toBeLessThan(2_500)
      say('meanwhile ')
      expect(await parts.redis.health()).toMatchObject({ ok: false })
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(worst).toBeLessThan(500)
    const counted = await refusal(parts.jobs.counts('mail'))
    expect(counted.error).toBeInstanceOf(Unavailable)

    await redis.start()
    await vi.waitFor(async () => expect(await parts.counters.reserve([rate])).toBeTruthy(), within)
    await vi.waitFor(() => parts.jobs.add('mail', [{ id: 'after', payload: 0 }]), within)
    say('after')
    await vi.waitFor(() => expect(done).toEqual(['before', 'after']), within)
    await vi.waitFor(() => expect(talk.heard).toBe(talk.said), within)
    expect(await parts.redis.health()).toEqual({ service: 'Redis', ok: true })
  })

  test('frozen: nothing waits longer than its time, and all goes on when it thaws', async () => {
    const redis = await server()
    const parts = await openParts({ url: redis.url, namespace: 'faults' })
    const { talk, say } = conversation(parts.feed)
    const done: string[] = []
    parts.jobs.work('mail', async ({ id }) => void done.push(id), { concurrency: 1 })
    say('before ')
    await vi.waitFor(() => expect(talk.heard).toBe('before '))
    await redis.freeze()
    say('meanwhile ')
    for (let n = 0; n < 6; n++) {
      const refused = await refusal(parts.counters.reserve([rate]))
      expect(refused.error).toBeInstanceOf(Unavailable)
      expect(refused.ms).toBeLessThan(600)
    }
    const added = await refusal(parts.jobs.add('mail', [{ id: 'a', payload: 0 }]))
    expect(added.error).toBeInstanceOf(Unavailable)
    expect(added.ms).toBeLessThan(2_500)
    redis.thaw()
    await vi.waitFor(async () => expect(await parts.counters.reserve([rate])).toBeTruthy(), within)
    await vi.waitFor(() => parts.jobs.add('mail', [{ id: 'b', payload: 0 }]), within)
    await vi.waitFor(() => expect(done).toContain('b'), within)
    await vi.waitFor(() => expect(talk.heard).toBe(talk.said), within)
  })

  test('gone while much is said: memory is bounded, the oldest goes, and it is said once', async () => {
    const redis = await server()
    const lines: string[] = []
    const log = (_: object, message: string) => void lines.push(message)
    const logger = { debug: () => undefined, info: log, warn: log, error: log }
    const limits = { outBytes: 256 * 1024, listenerBytes: 64 * 1024 }
    const parts = await openParts({ url: redis.url, namespace: 'faults', logger, limits })
    const { talk, say } = conversation(parts.feed)
    say('first ')
    await vi.waitFor(() => expect(talk.heard).toBe('first '))
    await redis.kill()
    for (let n = 0; n < 40_000; n++) say(`${n} `.padStart(60))
    await redis.start()
    say('last')
    await vi.waitFor(() => expect(talk.heard).toMatch(/39999 last$/), within)
    expect(talk.heard.length).toBeLessThan(256 * 1024 + 1_000)
    const count = (message: string) => lines.filter((line) => line === message).length
    for (const message of ['Redis is away', 'Redis is back', 'live text was dropped'])
      await vi.waitFor(() => expect([message, count(message)]).toEqual([message, 1]), within)
  })
}

function losses(): void {
  test('emptied in the middle: running jobs are told, and what comes is taken as before', async () => {
    const redis = await server()
    const options = { url: redis.url, namespace: 'faults', lockMs: 1_000, checkEveryMs: 250 }
    const parts = await openParts(options)
    const { talk, say } = conversation(parts.feed)
    const seen: string[] = []
    const told = Promise.withResolvers<void>()
    parts.jobs.work(
      'calls',
      async ({ id, attempt }, signal) => {
        seen.push(`${id} ${attempt}`)
        if (id !== 'long') return
        await once(signal, 'abort')
        told.resolve()
      },
      { concurrency: 2 },
    )
    const limited = { ...rate, limit: 1 }
    await parts.counters.reserve([limited])
    expect(await parts.counters.reserve([limited])).toMatchObject({ ok: false })
    await parts.jobs.add('calls', [{ id: 'long', payload: 0 }])
    say('before ')
    await vi.waitFor(() => expect([seen, talk.heard]).toEqual([['long 1'], 'before ']), within)

    await redis.command('FLUSHALL')
    await told.promise
    expect(await parts.counters.reserve([limited])).toMatchObject({ ok: true })
    say('after')
    await vi.waitFor(() => expect(talk.heard).toBe('before after'), within)
    await parts.jobs.add('calls', [{ id: 'next', payload: 0 }])
    await vi.waitFor(() => expect(seen).toEqual(['long 1', 'next 1']), within)
    await vi.waitFor(async () => expect(await parts.jobs.counts('calls')).toEqual(empty), within)
  })

  test('replaced by an empty one, scripts and all: jobs are added and done as before', async () => {
    const redis = await server('--appendonly', 'no')
    const { jobs } = await openParts({ url: redis.url, namespace: 'faults' })
    const pair = (name: string) => [1, 2].map((n) => ({ id: `${name} ${n}`, payload: 0 }))
    const done: string[] = []
    jobs.work('mail', async ({ id }) => void done.push(id), { concurrency: 1 })
    await jobs.add('mail', pair('before'))
    await vi.waitFor(() => expect(done).toHaveLength(2))
    await redis.command('SCRIPT', 'FLUSH')
    await vi.waitFor(() => jobs.add('mail', pair('flushed')), within)
    await vi.waitFor(() => expect(done).toHaveLength(4), within)
    await redis.kill()
    await redis.start()
    await vi.waitFor(() => jobs.add('mail', pair('after')), within)
    await vi.waitFor(() => expect(done).toHaveLength(6), within)
  })

  test('replaced by an empty one: listeners go on with what comes, and hear the end', async () => {
    const redis = await server('--appendonly', 'no')
    const parts = await openParts({ url: redis.url, namespace: 'faults' })
    const { talk, say } = conversation(parts.feed)
    say('before ')
    await vi.waitFor(() => expect(talk.heard).toBe('before '))
    await redis.kill()
    await redis.start()
    await vi.waitFor(async () => expect(await parts.counters.reserve([rate])).toBeTruthy(), within)
    say('after')
    parts.feed.publish('inv', { kind: 'end' })
    await vi.waitFor(
      () => expect(talk).toMatchObject({ heard: 'before after', ended: true }),
      within,
    )
  })
}

function processes(): void {
  test('gives the job of a killed process to another one, as often as it must', async () => {
    const redis = await server()
    const { jobs } = await openParts({ url: redis.url, namespace: 'faults' })
    await jobs.add('calls', [{ id: 'call', payload: 0 }])
    for (const attempt of [1, 2, 3]) {
      const worker = await child('work', redis, 'faults')
      expect(await worker.said(/started call (\d+)/)).toBe(String(attempt))
      worker.kill()
      await worker.exited
    }
    const worker = await child('work', redis, 'faults')
    expect(await worker.said(/started call (\d+)/)).toBe('4')
  })

  test('lets exactly the limit through when several processes reserve at once', async () => {
    const redis = await server()
    const children = await Promise.all([1, 2, 3].map(() => child('reserve', redis, 'faults')))
    for (const { go } of children) go()
    const passed = await Promise.all(children.map(({ said }) => said(/passed (\d+)/)))
    expect(passed.map(Number).reduce((sum, one) => sum + one, 0)).toBe(150)
  })
}

function stops(): void {
  test('a stop gives back what ran without a failure, and takes nothing more', async () => {
    const redis = await server()
    const { jobs } = await openParts({ url: redis.url, namespace: 'faults' })
    await jobs.add('calls', [{ id: 'call', payload: 0 }])
    const attempts: number[] = []
    const untilAborted = async ({ attempt }: Job, signal: AbortSignal) => {
      attempts.push(attempt)
      await once(signal, 'abort')
      throw new Error('aborted')
    }
    for (const count of [1, 2, 3]) {
      const worker = jobs.work('calls', untilAborted, { concurrency: 1, maxAttempts: 2 })
      await vi.waitFor(() => expect(attempts).toHaveLength(count), within)
      await worker.stop()
      expect(await jobs.counts('calls')).toEqual({ ...empty, waiting: 1 })
    }
    const fails = async ({ attempt }: Job) => {
      attempts.push(attempt)
      throw new Error('no')
    }
    jobs.work('calls', fails, { concurrency: 1, maxAttempts: 2 })
    // A stop that counted as a failure would have dropped it by now.
    await vi.waitFor(async () =>
      expect(await jobs.counts('calls')).toEqual({ ...empty, delayed: 1 }),
    )
    await vi.waitFor(async () => expect(await jobs.counts('calls')).toEqual(empty), within)
    expect(attempts).toEqual([1, 2, 3, 4, 5])
  })

  test('a process stops in seconds and ends by itself, also while Redis is away', async () => {
    const redis = await server()
    const { jobs } = await openParts({ url: redis.url, namespace: 'faults' })
    const there = await child('idle', redis, 'faults')
    there.go()
    await there.said(/closed/)
    expect(await there.exited).toEqual([0, null])
    const busy = await child('idle', redis, 'faults')
    await jobs.add('calls', [{ id: 'call', payload: 0 }])
    await busy.said(/started call/)
    await redis.kill()
    const began = performance.now()
    busy.go()
    await busy.said(/closed/)
    expect(await busy.exited).toEqual([0, null])
    expect(performance.now() - began).toBeLessThan(8_000)
  })

  test('listeners end when everything is closed', async () => {
    const redis = await server()
    const parts = await openParts({ url: redis.url, namespace: 'faults' })
    const next = parts.feed.listen('inv', { signal: never() })[Symbol.asyncIterator]().next()
    await parts.close()
    expect(await next).toEqual({ done: true, value: undefined })
  })
}
