// Whatever happens to the server or to an answer, what was acknowledged is there once and in order.
import { describe, expect, test, vi } from 'vitest'
import type { EventStore, NewEvent } from '../../../src/ports/event-store.ts'
import { BEFORE_ALL } from '../../../src/ports/event-store.ts'
import { Unavailable } from '../../../src/ports/unavailable.ts'
import { idsOf, newEvents, unique } from '../../contracts/harness.ts'
import type { Fault } from '../../support/eventstoredb/faults.ts'
import { everything, killablePeer, openLog, peer, Seen } from './event-store-parts.ts'

/** Limits with which a test need not wait long. */
const SHORT = { appendMs: 300, giveUpMs: 1_000, readMs: 300 }
/** Patience enough for a server that is started again. */
const PATIENT = { appendMs: 1_000, giveUpMs: 20_000, readMs: 1_000 }

describe('an append without an answer', () => {
  test.each<[string, Fault]>([
    ['is lost with its connection before the commit', { kind: 'drop', when: 'before-commit' }],
    ['is lost with its connection after the commit', { kind: 'drop', when: 'after-commit' }],
    ['times out on the server before the commit', { kind: 'timeout', when: 'before-commit' }],
    ['times out on the server after the commit', { kind: 'timeout', when: 'after-commit' }],
    ['comes later than it is waited for', { kind: 'delay', ms: 900 }],
    ['is "busy"', { kind: 'busy' }],
    ['is "not leader"', { kind: 'not-leader' }],
  ])('that %s is done, once', async (_, fault) => {
    const server = await peer()
    const { store } = await openLog(server.url, { ...SHORT, giveUpMs: 5_000 })
    const stream = unique('user')
    await store.append(stream, 'none', newEvents(1))
    server.faults.add({ ...fault, times: 1 })
    const batch = newEvents(2)
    const done = await store.append(stream, 0, batch)
    expect(done).toEqual({ revision: 2, position: await store.head() })
    expect(idsOf(await store.readStream(stream, { after: 0 }))).toEqual(idsOf(batch))
  })
  test('whose place another has taken is a conflict', async () => {
    const server = await peer()
    const { store } = await openLog(server.url, { ...SHORT, giveUpMs: 5_000 })
    const stream = unique('user')
    server.faults.add({ kind: 'timeout', when: 'before-commit', times: 1 })
    const lift = server.faults.add({ kind: 'busy-read' })
    const refused = store.append(stream, 'none', newEvents(1))
    const other = newEvents(3)
    await store.append(stream, 'none', other)
    lift()
    await expect(refused).rejects.toMatchObject({ name: 'RevisionConflict', actual: 2 })
    expect(idsOf(await store.readStream(stream))).toEqual(idsOf(other))
  })
  test('whose events were there before answers as the first time', async () => {
    const server = await peer()
    const { store } = await openLog(server.url, { ...SHORT, giveUpMs: 5_000 })
    const stream = unique('user')
    const batch = newEvents(2)
    const first = await store.append(stream, 'none', batch)
    server.faults.add({ kind: 'drop', when: 'before-commit', times: 1 })
    expect(await store.append(stream, 'none', batch)).toEqual(first)
  })
  test('is followed no longer than its time', async () => {
    const server = await peer()
    const { store } = await openLog(server.url, SHORT)
    server.faults.add({ kind: 'busy' })
    const began = performance.now()
    const refused = store.append(unique('user'), 'none', newEvents(1))
    await expect(refused).rejects.toMatchObject({ name: 'Unavailable', service: 'EventStoreDB' })
    expect(performance.now() - began).toBeLessThan(SHORT.giveUpMs + 500)
  })
  test('is given up in its time also where its stream cannot be read', async () => {
    const server = await peer()
    const { store } = await openLog(server.url, { ...SHORT, readMs: 5_000 })
    server.faults.add({ kind: 'busy' })
    server.faults.add({ kind: 'delay-read', ms: 20_000 })
    const began = performance.now()
    const refused = store.append(unique('user'), 'none', newEvents(1))
    await expect(refused).rejects.toBeInstanceOf(Unavailable)
    expect(performance.now() - began).toBeLessThan(SHORT.giveUpMs + 500)
  })
})

describe('a read', () => {
  test.each<[string, Fault]>([
    ['connection is lost', { kind: 'drop-read' }],
    ['server is busy', { kind: 'busy-read' }],
  ])('whose %s is made again', async (_, fault) => {
    const server = await peer()
    const { store } = await openLog(server.url)
    const stream = unique('user')
    const { position } = await store.append(stream, 'none', newEvents(2))
    const again = async <T>(read: () => Promise<T>): Promise<T> => {
      server.faults.add({ ...fault, times: 1 })
      return read()
    }
    expect(await again(() => store.readStream(stream))).toHaveLength(2)
    expect(await again(() => everything(store))).toHaveLength(2)
    expect(await again(() => store.revision(stream))).toBe(1)
    expect(await again(() => store.head())).toBe(position)
  })
})

describe('a server that is frozen', () => {
  test('is answered for as unavailable, in time, and works again after', async () => {
    const server = await peer()
    const log = await openLog(server.url, { ...SHORT, pageMs: 300 })
    const stream = unique('user')
    await log.store.append(stream, 'none', newEvents(1))
    server.faults.freeze()
    const began = performance.now()
    const asked = await Promise.allSettled([
      log.store.append(stream, 0, newEvents(1)),
      log.store.readStream(stream),
      log.store.readAll({ after: BEFORE_ALL, limit: 10 }),
      log.store.head(),
      log.store.revision(stream),
      log.check(),
    ])
    for (const one of asked) {
      expect(one).toMatchObject({ status: 'rejected', reason: { name: 'Unavailable' } })
    }
    expect(performance.now() - began).toBeLessThan(SHORT.giveUpMs + SHORT.readMs + 500)
    server.faults.thaw()
    await log.check()
    const next = unique('user')
    await log.store.append(next, 'none', newEvents(1))
    expect(await log.store.revision(next)).toBe(0)
  })
  test('does what was given up at most once', async () => {
    const server = await peer()
    const { store } = await openLog(server.url, SHORT)
    const stream = unique('user')
    const batch = newEvents(2)
    server.faults.freeze()
    await expect(store.append(stream, 'none', batch)).rejects.toBeInstanceOf(Unavailable)
    server.faults.thaw()
    const repeated = await store.append(stream, 'none', batch)
    expect(repeated.revision).toBe(1)
    expect(idsOf(await store.readStream(stream))).toEqual(idsOf(batch))
  })
})

describe('a server that dies', () => {
  test('and comes back under 16 writers has all that was acknowledged, once', async () => {
    const server = await killablePeer()
    const { store } = await openLog(server.url, PATIENT)
    const seen = new Seen(store)
    const acknowledged: NewEvent[] = []
    const write = async (stop: { now: boolean }, rounds: number[], writer: number) => {
      const stream = unique('account')
      let revision: 'none' | number = 'none'
      while (!stop.now) {
        const batch = newEvents(2)
        const done = await store.append(stream, revision, batch)
        revision = done.revision
        acknowledged.push(...batch)
        rounds[writer] = (rounds[writer] ?? 0) + 1
      }
    }
    const stop = { now: false }
    const rounds: number[] = []
    const writers = Array.from({ length: 16 }, (_, n) => write(stop, rounds, n))
    const everyoneWrote = async () => {
      const before = [...rounds]
      await vi.waitFor(
        () => {
          for (let n = 0; n < 16; n++) expect(rounds[n] ?? 0).toBeGreaterThan(before[n] ?? 0)
        },
        { timeout: 20_000 },
      )
    }
    for (let kill = 0; kill < 3; kill++) {
      await everyoneWrote()
      await server.kill()
      await server.restart()
    }
    await everyoneWrote()
    stop.now = true
    await Promise.all(writers)
    const all = await everything(store)
    expect(idsOf(all).toSorted()).toEqual(idsOf(acknowledged).toSorted())
    expect(await seen.until(await store.head())).toEqual(all)
  })
  test.each(['before-commit', 'during-commit', 'after-commit'] as const)(
    '%s of an append lets it be done once when it is back',
    async (when) => {
      const server = await killablePeer()
      const { store } = await openLog(server.url, PATIENT)
      const stream = unique('user')
      await store.append(stream, 'none', newEvents(1))
      await server.fault({ kind: 'die', when, times: 1 })
      const batch = newEvents(2)
      const done = store.append(stream, 0, batch)
      await server.exited()
      await server.restart()
      expect(await done).toMatchObject({ revision: 2 })
      expect(idsOf(await store.readStream(stream, { after: 0 }))).toEqual(idsOf(batch))
    },
  )
  test('and stays away is unavailable', async () => {
    const server = await killablePeer()
    const { store } = await openLog(server.url, SHORT)
    await server.kill()
    const stream = unique('user')
    await expect(store.append(stream, 'none', newEvents(1))).rejects.toBeInstanceOf(Unavailable)
    await expect(store.readStream(stream)).rejects.toBeInstanceOf(Unavailable)
    await expect(store.head()).rejects.toBeInstanceOf(Unavailable)
    await server.restart()
    await vi.waitFor(() => store.append(stream, 'none', newEvents(1)), { timeout: 10_000 })
    expect(await store.revision(stream)).toBe(0)
  })
})

describe('a subscription', () => {
  const write = async (store: EventStore, count: number) =>
    (await store.append(unique('user'), 'none', newEvents(count))).position

  test('that the server ends goes on where it was', async () => {
    const server = await peer()
    const { store } = await openLog(server.url)
    const seen = new Seen(store)
    for (let n = 0; n < 5; n++) {
      await seen.until(await write(store, 3))
      server.faults.endSubscriptions()
      await write(store, 2)
    }
    expect(await seen.until(await store.head())).toEqual(await everything(store))
  })
  test('that stays open and brings nothing is begun again', async () => {
    const server = await peer()
    const { store } = await openLog(server.url, { watchMs: 50 })
    const seen = new Seen(store)
    await seen.until(await write(store, 3))
    server.faults.muteSubscriptions()
    expect(await seen.until(await write(store, 3))).toEqual(await everything(store))
  })
  test('begun while the server is away begins when it is back', async () => {
    const server = await killablePeer()
    const { store } = await openLog(server.url, PATIENT)
    await write(store, 3)
    await server.kill()
    const seen = new Seen(store)
    await server.restart()
    await write(store, 3)
    expect(await seen.until(await store.head())).toEqual(await everything(store))
  })
  test('ends at once while the server is frozen, when nobody wants it or its store closes', async () => {
    const server = await peer()
    const log = await openLog(server.url)
    await write(log.store, 3)
    server.faults.freeze()
    const began = performance.now()
    const wanted = new Seen(log.store)
    const unwanted = new Seen(log.store)
    await unwanted.stop()
    await log.close()
    await wanted.stop()
    expect(performance.now() - began).toBeLessThan(1_000)
  })
  test('waits through a freeze', async () => {
    const server = await peer()
    const { store } = await openLog(server.url, { ...SHORT, pageMs: 300 })
    const seen = new Seen(store)
    await seen.until(await write(store, 3))
    server.faults.freeze()
    await expect(store.head()).rejects.toBeInstanceOf(Unavailable)
    server.faults.thaw()
    await seen.until(await write(store, 3))
    expect(seen.events).toEqual(await everything(store))
  })
})

describe('a clock', () => {
  test.each([-5, 5])('that is %s minutes off does not matter', async (minutes) => {
    const server = await killablePeer()
    const { store } = await openLog(server.url, SHORT)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + minutes * 60_000 })
    try {
      const stream = unique('user')
      await store.append(stream, 'none', newEvents(1))
      expect(await store.readStream(stream)).toHaveLength(1)
    } finally {
      vi.useRealTimers()
    }
  })
})
