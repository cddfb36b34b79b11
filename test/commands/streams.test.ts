// The spine: one effect for one command, no lost update, an answer only for what has committed.
import { describe, expect, test, vi } from 'vitest'
import { PreconditionFailed } from '../../src/commands/streams.ts'
import { Refusal } from '../../src/domain/refusal.ts'
import { type EventStore, EventTooLarge } from '../../src/ports/event-store.ts'
import { Unavailable } from '../../src/ports/unavailable.ts'
import { counter } from '../support/counter.ts'
import { context, engine, raise, setUp, useEngine } from '../support/spine.ts'

useEngine()

/** What another process writes, as the log tells it. */
async function elsewhere(times: number) {
  const other = await setUp()
  for (let n = 0; n < times; n++) await other.streams.transact(counter, 'a', raise(), context())
  return engine.events.readStream('counter-a')
}

describe('what another process has written', () => {
  test('is seen at the next look, once the log has told of it', async () => {
    const { streams } = await setUp()
    await streams.transact(counter, 'a', raise(), context())
    const events = await elsewhere(1)
    expect((await streams.load(counter, 'a')).revision).toBe(0)
    streams.observe(events)
    expect((await streams.load(counter, 'a')).revision).toBe(1)
  })

  test('is seen also when its news comes before the answer to an own append', async () => {
    const { streams } = await setUp({
      ...engine.events,
      async append(stream, expected, batch) {
        const answer = await engine.events.append(stream, expected, batch)
        if (expected !== 'none') streams.observe(await elsewhere(1))
        return answer
      },
    })
    await streams.transact(counter, 'a', raise(), context())
    await streams.transact(counter, 'a', raise(), context())
    expect((await streams.load(counter, 'a')).revision).toBe(2)
  })

  test('is seen also when its news comes while too much else is kept to keep this', async () => {
    let first = true
    const { streams } = await setUp({
      ...engine.events,
      async append(stream, expected, batch) {
        const answer = await engine.events.append(stream, expected, batch)
        if (!first) return answer
        first = false
        for (let n = 0; n < 5_000; n++) await streams.load(counter, `other-${n}`)
        streams.observe(await elsewhere(1))
        return answer
      },
    })
    await streams.transact(counter, 'a', raise(), context())
    expect((await streams.load(counter, 'a')).revision).toBe(1)
  })

  test('is seen also when its news comes before the answer to a read', async () => {
    await elsewhere(1)
    let first = true
    const { streams } = await setUp({
      ...engine.events,
      async readStream(stream, options) {
        const answer = await engine.events.readStream(stream, options)
        if (first) {
          first = false
          streams.observe(await elsewhere(1))
        }
        return answer
      },
    })
    expect((await streams.load(counter, 'a')).revision).toBe(0)
    expect((await streams.load(counter, 'a')).revision).toBe(1)
  })
})

test('a stream in use is not read again, however many others are looked at once', async () => {
  let reads = 0
  const { streams } = await setUp({
    ...engine.events,
    readStream(stream, options) {
      if (stream === 'counter-a') reads++
      return engine.events.readStream(stream, options)
    },
  })
  await streams.transact(counter, 'a', raise(), context())
  for (let n = 0; n < 6_000; n++) {
    await streams.load(counter, `other-${n}`)
    if (n % 1_000 === 0) await streams.load(counter, 'a')
  }
  expect((await streams.load(counter, 'a')).revision).toBe(0)
  expect(reads).toBe(1)
})

describe('a refusal', () => {
  test('is not told for what another process has changed already', async () => {
    const [here, there] = [await setUp(), await setUp()]
    await here.streams.transact(counter, 'a', raise(10), context())
    await there.streams.transact(counter, 'a', raise(-5), context())
    const { state } = await here.streams.transact(counter, 'a', raise(1, 10), context())
    expect(state.total).toBe(6)
    there.streams.observe(await engine.events.readStream('counter-a'))
    await there.streams.transact(counter, 'a', raise(-5), context())
    await here.streams.check(counter, 'a', raise(9, 10))
    await expect(here.streams.check(counter, 'a', raise(10, 10))).rejects.toThrow(Refusal)
  })

  test('of a revision is not told where the client knows a later one than this process', async () => {
    const [here, there] = [await setUp(), await setUp()]
    await here.streams.transact(counter, 'a', raise(), context())
    const { revision } = await there.streams.transact(counter, 'a', raise(), context())
    await here.streams.transact(counter, 'a', raise(), context(), { ifRevision: revision })
    const stale = here.streams.transact(counter, 'a', raise(), context(), { ifRevision: revision })
    await expect(stale).rejects.toMatchObject({ name: 'PreconditionFailed', revision: 2 })
  })

  test('costs nothing more where no other process writes', async () => {
    let reads = 0
    const { streams } = await setUp(
      {
        ...bound(engine.events),
        readStream(...asked) {
          reads++
          return engine.events.readStream(...asked)
        },
      },
      true,
    )
    await streams.transact(counter, 'a', raise(10), context())
    const before = reads
    await expect(streams.transact(counter, 'a', raise(1, 10), context())).rejects.toThrow(Refusal)
    expect(reads).toBe(before)
  })
})

describe('one stream, many commands', () => {
  test('200 at once all count, in order, without a gap', async () => {
    const { streams } = await setUp()
    const results = await Promise.all(
      Array.from({ length: 200 }, () => streams.transact(counter, 'a', raise(), context())),
    )
    expect(results.map((result) => result.state.total)).toEqual(
      Array.from({ length: 200 }, (_, index) => index + 1),
    )
    expect((await streams.read('counter-a')).map((event) => event.stored.revision)).toEqual(
      Array.from({ length: 200 }, (_, index) => index),
    )
  })

  test('a refusal refuses only its own', async () => {
    const { streams } = await setUp()
    const results = await Promise.allSettled(
      Array.from({ length: 15 }, () => streams.transact(counter, 'a', raise(1, 10), context())),
    )
    expect(
      results.map((result) => result.status).filter((status) => status === 'fulfilled'),
    ).toHaveLength(10)
    expect((await streams.load(counter, 'a')).state.total).toBe(10)
  })

  test('nothing to do writes nothing', async () => {
    const { streams } = await setUp()
    const result = await streams.transact(counter, 'a', raise(0), context())
    expect(result).toMatchObject({ events: [], revision: -1, position: undefined })
    expect(await engine.events.revision('counter-a')).toBeUndefined()
  })

  test('an event above the limit refuses only its own command', async () => {
    const { streams } = await setUp()
    const [big, small] = await Promise.allSettled([
      streams.transact(
        counter,
        'a',
        { type: 'Raise', by: 1, note: 'x'.repeat(300_000) },
        context(),
      ),
      streams.transact(counter, 'a', raise(), context()),
    ])
    expect(big).toMatchObject({ status: 'rejected', reason: expect.any(EventTooLarge) })
    expect(small).toMatchObject({ status: 'fulfilled', value: { state: { total: 1 } } })
  })
})

describe('the append decides', () => {
  test('when it fails, nobody is told of a state that never was', async () => {
    const broken: EventStore = {
      ...bound(engine.events),
      append: () => Promise.reject(new Error('disk full')),
    }
    const { streams } = await setUp(broken)
    const results = await Promise.allSettled([
      streams.transact(counter, 'a', raise(10), context()),
      // Folded on the first, it would be refused: but the first never happened.
      streams.transact(counter, 'a', raise(1, 10), context()),
      streams.transact(counter, 'a', raise(0), context()),
    ])
    for (const result of results)
      expect(result).toMatchObject({ status: 'rejected', reason: { message: 'disk full' } })
    expect((await streams.load(counter, 'a')).state.total).toBe(0)
  })

  test('while the store does not answer, whoever has waited long enough is told so at once', async () => {
    let [tried, now] = [0, 0]
    const time = vi.spyOn(performance, 'now').mockImplementation(() => now)
    const away: EventStore = {
      ...bound(engine.events),
      async append() {
        tried++
        now += 4_000
        throw new Unavailable('EventStoreDB')
      },
    }
    const { streams } = await setUp(away)
    const results = await Promise.allSettled(
      Array.from({ length: 300 }, () => streams.transact(counter, 'a', raise(), context())),
    )
    time.mockRestore()
    for (const result of results)
      expect(result).toMatchObject({ status: 'rejected', reason: expect.any(Unavailable) })
    expect(tried).toBe(1)
  })

  test('two processes on one stream lose no update', async () => {
    const [one, two] = [await setUp(), await setUp()]
    await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        (index % 2 ? one : two).streams.transact(counter, 'a', raise(), context()),
      ),
    )
    const events = await engine.events.readStream('counter-a')
    expect(events).toHaveLength(60)
  })

  test('a limit holds between two processes', async () => {
    const [one, two] = [await setUp(), await setUp()]
    const results = await Promise.allSettled(
      Array.from({ length: 40 }, (_, index) =>
        (index % 2 ? one : two).streams.transact(counter, 'a', raise(1, 10), context()),
      ),
    )
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(10)
    expect(await engine.events.readStream('counter-a')).toHaveLength(10)
  })

  test('If-Match: another revision refuses, and says which it is', async () => {
    const { streams } = await setUp()
    await streams.transact(counter, 'a', raise(), context())
    const stale = streams.transact(counter, 'a', raise(), context(), { ifRevision: 3 })
    await expect(stale).rejects.toThrow(PreconditionFailed)
    await expect(stale).rejects.toMatchObject({ revision: 0 })
    await streams.transact(counter, 'a', raise(), context(), { ifRevision: 0 })
  })
})

describe('one key, one effect', () => {
  test('20 times at once and again by another process', async () => {
    const { streams } = await setUp()
    const same = context('digest-1')
    const results = await Promise.all(
      Array.from({ length: 20 }, () => streams.transact(counter, 'a', raise(), same)),
    )
    expect(results.filter((result) => !result.duplicate)).toHaveLength(1)
    expect(new Set(results.map((result) => result.position))).toEqual(
      new Set([results[0]?.position]),
    )
    const again = await (await setUp()).streams.transact(counter, 'a', raise(), same)
    expect(again).toMatchObject({ duplicate: true, position: results[0]?.position })
    expect(await engine.events.readStream('counter-a')).toHaveLength(1)
  })

  test('decided by two processes at one moment, and differently: both have what the log has', async () => {
    const [one, two] = [await setUp(), await setUp()]
    for (const { streams } of [one, two]) await streams.load(counter, 'a')
    const same = context('digest-1')
    await one.streams.transact(counter, 'a', raise(1), same)
    const second = await two.streams.transact(counter, 'a', raise(2), same)
    expect(second).toMatchObject({ duplicate: true, events: [], state: { total: 1 } })
    expect((await two.streams.load(counter, 'a')).state.total).toBe(1)
    expect(await engine.events.readStream('counter-a')).toHaveLength(1)
  })

  test('with another body it is refused', async () => {
    const { streams } = await setUp()
    const first = context('digest-1')
    await streams.transact(counter, 'a', raise(), first)
    await expect(
      streams.transact(counter, 'a', raise(2), { ...first, digest: 'digest-2' }),
    ).rejects.toMatchObject({ code: 'idempotency_key_reused' })
  })

  test('a refusal is not remembered', async () => {
    const { streams } = await setUp()
    const same = context('digest-1')
    await expect(streams.transact(counter, 'a', raise(11, 10), same)).rejects.toMatchObject({
      code: 'insufficient_credit',
    })
    await expect(streams.transact(counter, 'a', raise(1, 10), same)).resolves.toMatchObject({
      duplicate: false,
    })
  })
})

const bound = (events: EventStore): EventStore => ({
  append: events.append.bind(events),
  readStream: events.readStream.bind(events),
  readAll: events.readAll.bind(events),
  subscribe: events.subscribe.bind(events),
  head: events.head.bind(events),
  revision: events.revision.bind(events),
})
