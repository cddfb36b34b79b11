// Stores that share a process, a server or a log do not disturb each other, and readers never wait for one.
import { EventStoreDBClient, jsonEvent, NO_STREAM } from '@eventstore/db-client'
import { describe, expect, onTestFinished, test } from 'vitest'
import { BEFORE_ALL, RevisionConflict } from '../../../src/ports/event-store.ts'
import type { EventStore, StoredEvent } from '../../../src/ports/event-store.ts'
import { Unavailable } from '../../../src/ports/unavailable.ts'
import { idsOf, never, newEvent, newEvents, take, unique } from '../../contracts/harness.ts'
import { aNamespace, everything, openLog, peer, Seen } from './event-store-parts.ts'

const write = (store: EventStore, count: number, stream = unique('user')) =>
  store.append(stream, 'none', newEvents(count))

/** The client as anybody uses it. */
function bareClient(url: string): EventStoreDBClient {
  const client = EventStoreDBClient.connectionString(url)
  onTestFinished(() => client.dispose())
  return client
}

describe('stores of one process', () => {
  test('work on while others close, in any order', async () => {
    const server = await peer()
    const namespace = aNamespace()
    const logs = await Promise.all(
      Array.from({ length: 5 }, () => openLog(server.url, { namespace })),
    )
    const [first, second, third, fourth, last] = logs
    for (const log of [second, first, third]) {
      const seen = new Seen(fourth!.store)
      const pending = Promise.all(Array.from({ length: 20 }, () => write(fourth!.store, 2)))
      await log!.close()
      await pending
      await seen.until(await fourth!.store.head())
      await seen.stop()
    }
    expect(await everything(fourth!.store)).toHaveLength(3 * 40)
    await last!.close()
    await fourth!.close()
    await fourth!.close()
    const after = await openLog(server.url, { namespace })
    expect(await everything(after.store)).toHaveLength(3 * 40)
  })
  test('that are closed answer as unavailable and connect no more', async () => {
    const server = await peer()
    const log = await openLog(server.url)
    const { store } = log
    const seen = new Seen(store)
    await seen.until((await write(store, 1)).position)
    const pending = store.append(unique('user'), 'none', newEvents(1))
    const settled = pending.then(
      () => undefined,
      (error: unknown) => error,
    )
    await log.close()
    await seen.stop()
    expect([undefined, expect.any(Unavailable)]).toContainEqual(await settled)
    for (const refused of [write(store, 1), store.readStream('a'), store.head(), log.check()]) {
      await expect(refused).rejects.toBeInstanceOf(Unavailable)
    }
  })
  test('on another server do not notice when one dies', async () => {
    const [dying, living] = [await peer(), await peer()]
    const one = await openLog(dying.url, { giveUpMs: 200 })
    const two = await openLog(living.url)
    await Promise.all([write(one.store, 1), write(two.store, 1)])
    living.faults.add({ kind: 'delay', ms: 200, times: 1 })
    const batch = newEvents(1)
    const slow = two.store.append(unique('user'), 'none', batch)
    await dying.close()
    await expect(write(one.store, 1)).rejects.toBeInstanceOf(Unavailable)
    expect(await slow).toMatchObject({ revision: 0 })
    expect(idsOf(await everything(two.store)).slice(1)).toEqual(idsOf(batch))
  })
})

describe('installations on one server', () => {
  test('see nothing of each other, also where the name of one begins like the other', async () => {
    const server = await peer()
    const namespace = aNamespace()
    const one = await openLog(server.url, { namespace })
    const two = await openLog(server.url, { namespace: `${namespace}_b` })
    const stream = unique('user')
    for (let n = 0; n < 30; n++) {
      await one.store.append(stream, n === 0 ? 'none' : n - 1, newEvents(1))
      await two.store.append(stream, n === 0 ? 'none' : n * 2 - 1, newEvents(2))
    }
    for (const [{ store }, count] of [[one, 30] as const, [two, 60] as const]) {
      const all = await everything(store)
      expect(all).toHaveLength(count)
      expect(await store.readStream(stream)).toEqual(all)
      expect(await take(store.subscribe({ after: BEFORE_ALL, signal: never() }), count)).toEqual(
        all,
      )
      expect(await store.head()).toBe(all.at(-1)?.position)
      const some = await store.readAll({ after: all[3]?.position ?? BEFORE_ALL, limit: 7 })
      expect(some).toEqual(all.slice(4, 11))
    }
  })
  test('find their head behind many events of others', async () => {
    const server = await peer()
    const loud = await openLog(server.url)
    const quiet = await openLog(server.url)
    expect(await quiet.store.head()).toBe(BEFORE_ALL)
    const { position } = await write(quiet.store, 2)
    await write(loud.store, 900)
    expect(await quiet.store.head()).toBe(position)
    expect(await quiet.store.head()).toBe(position)
    await write(loud.store, 900)
    const namespace = aNamespace()
    const elsewhere = await openLog(server.url, { namespace })
    const behind = await write(elsewhere.store, 1)
    await write(loud.store, 900)
    expect(await (await openLog(server.url, { namespace })).store.head()).toBe(behind.position)
    expect(await quiet.store.head()).toBe(position)
  })
  test('go on after a long silence of their own', async () => {
    const server = await peer()
    const loud = await openLog(server.url)
    const { store } = await openLog(server.url)
    const seen = new Seen(store)
    await seen.until((await write(store, 1)).position)
    await write(loud.store, 900)
    server.faults.endSubscriptions()
    await write(loud.store, 900)
    await seen.until((await write(store, 1)).position)
    expect(seen.events).toEqual(await everything(store))
  })
})

describe('processes on one log', () => {
  const two = async () => {
    const server = await peer()
    const namespace = aNamespace()
    const one = await openLog(server.url, { namespace })
    return { server, one: one.store, other: (await openLog(server.url, { namespace })).store }
  }
  test('write a stream by turns, each from the revision that it read', async () => {
    const { one, other } = await two()
    const stream = unique('account')
    const add = async (store: EventStore): Promise<void> => {
      let done = 0
      while (done < 20) {
        const revision = (await store.revision(stream)) ?? 'none'
        const [written] = await Promise.allSettled([store.append(stream, revision, newEvents(1))])
        if (written.status === 'fulfilled') done++
        else expect(written.reason).toBeInstanceOf(RevisionConflict)
      }
    }
    await Promise.all([add(one), add(other), add(one), add(other)])
    const events = await one.readStream(stream)
    expect(events).toHaveLength(80)
    expect(await other.readStream(stream)).toEqual(events)
  })
  test.each<[string, (store: EventStore, stream: string) => Promise<unknown>]>([
    ['the stream', (store, stream) => store.readStream(stream)],
    ['the head', (store) => store.head()],
    ['the log', (store) => everything(store)],
    ['a subscription', (store) => take(store.subscribe({ after: BEFORE_ALL, signal: never() }), 2)],
  ])('know an append of another once they have read %s', async (_, read) => {
    const { one, other } = await two()
    const stream = unique('user')
    const batch = newEvents(2)
    const first = await one.append(stream, 'none', batch)
    await read(other, stream)
    expect(await other.append(stream, 'none', batch)).toEqual(first)
  })
  test('see what the other writes', async () => {
    const { one, other } = await two()
    const seen = [new Seen(one), new Seen(other)]
    await Promise.all(Array.from({ length: 30 }, (_, n) => write(n % 2 === 0 ? one : other, 2)))
    const all = await everything(one)
    expect(await one.head()).toBe(all.at(-1)?.position)
    expect(await other.head()).toBe(all.at(-1)?.position)
    for (const each of seen) expect(await each.until(await one.head())).toEqual(all)
  })
})

describe('subscribers', () => {
  test('that fall behind what is kept get all of it, and hold nobody up', async () => {
    const server = await peer()
    const { store } = await openLog(server.url, { ring: { events: 20, bytes: 1_000_000 } })
    const slow = store.subscribe({ after: BEFORE_ALL, signal: never() })[Symbol.asyncIterator]()
    const quick = new Seen(store)
    await write(store, 3)
    const taken: StoredEvent[] = [...((await slow.next()).value as StoredEvent[])]
    for (let n = 0; n < 10; n++) await quick.until((await write(store, 50)).position)
    const all = await everything(store)
    expect(quick.events).toEqual(all)
    while (taken.length < all.length) taken.push(...((await slow.next()).value as StoredEvent[]))
    expect(taken).toEqual(all)
    await slow.return?.()
  })
  test('keep a bounded number of bytes', async () => {
    const server = await peer()
    const { store } = await openLog(server.url, { ring: { events: 1_000, bytes: 50_000 } })
    const seen = new Seen(store)
    for (let n = 0; n < 5; n++) {
      const large = [newEvent('x'.repeat(40_000)), newEvent('y'.repeat(200_000)), newEvent()]
      await seen.until((await store.append(unique('user'), 'none', large)).position)
    }
    expect(seen.events).toEqual(await everything(store))
  })
  test('that begin at any place get what comes after it', async () => {
    const server = await peer()
    const { store } = await openLog(server.url, { ring: { events: 5, bytes: 1_000_000 } })
    const live = new Seen(store)
    for (let n = 0; n < 6; n++) await live.until((await write(store, 2)).position)
    const all = await everything(store)
    for (const [n, { position }] of all.entries()) {
      const later = new Seen(store, position)
      if (n < all.length - 1) await later.until(all.at(-1)?.position ?? BEFORE_ALL)
      await later.stop()
      expect(later.events).toEqual(all.slice(n + 1))
    }
  })
  test('are told when their place is none of this log', async () => {
    const server = await peer()
    const { store } = await openLog(server.url)
    const [event] = (await write(store, 2), await everything(store))
    const after = (event?.position ?? 0n) + 1n
    const message = `${after} is no position of this log`
    await expect(store.readAll({ after, limit: 5 })).rejects.toThrow(message)
    const taken = take(store.subscribe({ after, signal: never() }), 1)
    await expect(taken).rejects.toThrow(message)
  })
})

describe('what is stored', () => {
  test('is JSON to every tool, under the names of the installation', async () => {
    const server = await peer()
    const namespace = aNamespace()
    const { store } = await openLog(server.url, { namespace })
    const event = newEvent({ text: 'Zoë', n: 1 })
    await store.append('user-1', 'none', [event])
    const read = bareClient(server.url).readStream(`${namespace}.user-1`)
    for await (const { event: found } of read) {
      expect(found).toMatchObject({
        isJson: true,
        id: event.id,
        type: event.type,
        data: { text: 'Zoë', n: 1 },
        metadata: { $correlationId: 'cor', $causationId: 'cau' },
      })
    }
  })
  test('by another tool as bytes is read, or found damaged by name', async () => {
    const server = await peer()
    const namespace = aNamespace()
    const { store } = await openLog(server.url, { namespace })
    const client = bareClient(server.url)
    const foreign = jsonEvent({ type: 'Noted', data: { n: 1 }, metadata: { v: 1 } })
    const name = (stream: string) => `${namespace}.${stream}`
    await client.appendToStream(name('a'), foreign, { expectedRevision: NO_STREAM })
    expect(await store.readStream('a')).toMatchObject([{ data: { n: 1 }, metadata: { v: 1 } }])
    const bytes = { ...foreign, metadata: new Uint8Array([1, 2, 3]) }
    await client.appendToStream(name('b'), bytes, { expectedRevision: NO_STREAM })
    await expect(store.readStream('b')).rejects.toThrow(/at position \d+ of the log is damaged/)
    const all = take(store.subscribe({ after: BEFORE_ALL, signal: never() }), 2)
    await expect(all).rejects.toThrow('damaged')
  })
})
