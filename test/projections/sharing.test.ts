// Several processes share the views: whoever projects, and however many, every reader sees the same.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createIds } from '../../src/adapters/ids.ts'
import type { Engine } from '../../src/ports/engine.ts'
import { createLeases } from '../../src/commands/lease.ts'
import type { Position, StoredEvent } from '../../src/ports/event-store.ts'
import { Unavailable } from '../../src/ports/unavailable.ts'
import { UnknownEvent } from '../../src/ports/unknown-event.ts'
import type { ViewStore } from '../../src/ports/view-store.ts'
import { type Projection, projection } from '../../src/projections/projection.ts'
import { createRunner, type Lead, type Runner } from '../../src/projections/runner.ts'
import { openTemporary } from '../support/embedded-engine.ts'
import { counterEvents } from '../support/counter.ts'
import { silent } from '../support/silent.ts'

interface Total {
  readonly total: number
}
const totalsOf = (version: number) =>
  projection<Total, typeof counterEvents>(counterEvents, {
    name: 'totals',
    version,
    indexes: {},
    on: {
      CounterRaised: {
        keys: (event) => event.stream,
        project: (view, { data }) => ({ total: (view?.total ?? 0) + data.by * version }),
      },
    },
  })
const totals = totalsOf(1)

const ids = createIds()
let engine: Engine
const runners: Runner[] = []
beforeEach(async () => {
  engine = (await openTemporary()).engine
})
afterEach(async () => {
  await Promise.all(runners.splice(0).map((runner) => runner.stop()))
})

let revision = -1
beforeEach(() => {
  revision = -1
  away = false
})

/** One event more; answers its position. */
async function raise(by = 1): Promise<Position> {
  const event = {
    id: ids.random(),
    type: 'CounterRaised',
    data: JSON.stringify({ by }),
    metadata: JSON.stringify({ v: 1, recordedAt: '2026-11-01T12:00:00.000Z' }),
  }
  const appended = await engine.events.append('c', revision < 0 ? 'none' : revision, [event])
  revision = appended.revision
  return appended.position
}

/** The view store, while it is not away. */
let away = false
const passing = (views: ViewStore): ViewStore =>
  new Proxy(views, {
    get(target, name: keyof ViewStore) {
      const call = target[name].bind(target) as (...given: unknown[]) => Promise<unknown>
      return (...given: unknown[]) =>
        away ? Promise.reject(new Unavailable('views')) : call(...given)
    },
  })

/** Leads from the start to the end of its life; or may be told when. */
const always: Lead = (work) => {
  const abort = new AbortController()
  const done = work(abort.signal)
  return {
    stop: () => {
      abort.abort()
      return done
    },
  }
}

async function process(
  lead?: Lead,
  projected: Projection<Total> = totals,
  upcast = (event: StoredEvent): StoredEvent => event,
): Promise<Runner> {
  const runner = createRunner({
    events: engine.events,
    store: passing(engine.views),
    projections: [projected],
    upcast,
    logger: silent,
    sharing: { lead },
  })
  runners.push(runner)
  await runner.start()
  return runner
}

const bound = (events: Engine['events']): Engine['events'] => ({
  append: events.append.bind(events),
  readStream: events.readStream.bind(events),
  readAll: events.readAll.bind(events),
  subscribe: events.subscribe.bind(events),
  head: events.head.bind(events),
  revision: events.revision.bind(events),
})

const total = async (runner: Runner, position: Position, of = totals) => {
  expect(await runner.views.passed(position, 5_000)).toBe(true)
  return (await runner.views.get(of, 'c'))?.total
}

describe('processes that share views', () => {
  test('see what another one projects, as soon as they ask for it', async () => {
    const reader = await process()
    const leader = await process(always)
    expect(await total(reader, await raise(2))).toBe(2)
    expect(await total(reader, await raise(3))).toBe(5)
    expect(leader.status()).toMatchObject([{ name: 'totals', generation: 0 }])
  })

  test('count nothing twice when two of them project at once', async () => {
    const both = [await process(always), await process(always)]
    let last: Position = -1n
    for (let n = 0; n < 200; n++) last = await raise()
    for (const runner of both) expect(await total(runner, last)).toBe(200)
  })

  test('go on when the one that projects is gone and another takes over', async () => {
    const first = await process(always)
    const reader = await process()
    expect(await total(reader, await raise())).toBe(1)
    await first.stop()
    const unseen = await raise()
    expect(await reader.views.passed(unseen, 50)).toBe(false)
    await process(always)
    expect(await total(reader, unseen)).toBe(2)
  })

  test('fail to read before the views have what was in the log at the start', async () => {
    const position = await raise()
    const reader = await process()
    await expect(reader.views.get(totals, 'c')).rejects.toThrow(Unavailable)
    await process(always)
    expect(await total(reader, position)).toBe(1)
  })

  test('never show lost views as empty ones: reading fails until they are back', async () => {
    const leader = await process(always)
    const reader = await process()
    const position = await raise(7)
    expect(await total(reader, position)).toBe(7)
    for (const stored of await engine.views.collections()) await engine.views.drop(stored)
    // Noticed within a second or two; from then on nothing wrong is read.
    let refused = false
    for (let answer: unknown; answer !== 7 || !refused;) {
      answer = await reader.views.get(totals, 'c').then(
        (view) => view?.total,
        () => 'refused',
      )
      expect(answer).not.toBeUndefined()
      if (answer === 'refused') refused = true
      else if (refused) expect(answer).toBe(7)
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(await total(leader, position)).toBe(7)
  })

  test('go on by themselves when the store was away in the middle of it', async () => {
    await process(always)
    const reader = await process()
    expect(await total(reader, await raise(2))).toBe(2)
    away = true
    const unseen = await raise(3)
    expect(await reader.views.passed(unseen, 1_500)).toBe(false)
    away = false
    expect(await total(reader, unseen)).toBe(5)
  })

  test('have a view rebuilt by the one that projects', async () => {
    const leader = await process(always)
    const reader = await process()
    const position = await raise(4)
    expect(await total(reader, position)).toBe(4)
    await reader.rebuild('totals')
    expect(leader.status()[0]?.generation).toBe(1)
    expect(reader.status()[0]?.generation).toBe(1)
    expect(await total(reader, await raise(1))).toBe(5)
    await reader.rebuild('totals')
    expect(reader.status()[0]?.generation).toBe(2)
    expect(await total(reader, position)).toBe(5)
  })

  test('project what is served, also where whoever rebuilt it died before it had told anybody', async () => {
    await process(always)
    const reader = await process()
    const position = await raise(4)
    expect(await total(reader, position)).toBe(4)
    const rebuilt = { name: 'totals', version: 1_001, indexes: {} }
    const document = { key: 'c', document: { total: 4 }, position }
    const pointer = { key: 'totals@1', document: {}, position: 1n }
    await engine.views.putMany([
      { view: rebuilt, documents: [document], checkpoint: position },
      {
        view: { name: 'served-generations', version: 1, indexes: {} },
        documents: [pointer],
        checkpoint: 1n,
      },
    ])
    const last = await raise(1)
    const served = async () => [
      reader.status()[0]?.generation,
      await total(reader, last).catch(() => 'refused'),
    ]
    await expect.poll(served, { timeout: 5_000 }).toEqual([1, 5])
  })

  test('read the rebuilt view with the first position that is in it alone', async () => {
    const leader = await process(always)
    const reader = await process()
    let sum = 0
    for (let n = 0; n < 5; n++) {
      await leader.rebuild('totals')
      expect(await total(reader, await raise(1))).toBe(++sum)
      expect(reader.status()).toMatchObject([{ generation: n + 1 }])
    }
    // Whoever still reads an earlier one does not find it empty.
    const { generation } = reader.status()[0] ?? { generation: 0 }
    const earlier = { name: 'totals', version: 1_000 + generation - 1, indexes: {} }
    expect(await engine.views.get(earlier, 'c')).toEqual({ total: sum - 1 })
  })

  test('all say which view stands still, and no longer when it is rebuilt', async () => {
    let poison = true
    const poisoned = projection<Total, typeof counterEvents>(counterEvents, {
      ...totals,
      on: {
        CounterRaised: {
          keys: (event) => event.stream,
          project: (view, { data }) => {
            if (poison && data.by === 13) throw new Error('poison')
            return { total: (view?.total ?? 0) + data.by }
          },
        },
      },
    })
    const leader = await process(always, poisoned)
    const reader = await process(undefined, poisoned)
    const stopped = (runner: Runner) => runner.status()[0]?.stopped
    const position = await raise(13)
    await reader.views.passed(position, 5_000)
    expect(stopped(reader)).toMatch(/^what comes after position -1 cannot/)
    expect(stopped(reader)).toBe(stopped(leader))
    poison = false
    await reader.rebuild('totals')
    expect([stopped(leader), stopped(reader)]).toEqual([undefined, undefined])
    expect(await total(reader, position, poisoned)).toBe(13)
  })

  test('serve a half-filled generation never, whoever left it', async () => {
    await raise(4)
    const leader = await process(always)
    const left = { name: 'totals', version: 1_001, indexes: {} }
    await engine.views.putMany([{ view: left, documents: [], checkpoint: 0n }])
    await leader.stop()
    const next = await process(always)
    expect(await total(next, await engine.events.head())).toBe(4)
    await next.rebuild('totals')
    expect(next.status()[0]?.generation).toBe(2)
    expect(await total(next, await engine.events.head())).toBe(4)
  })

  test('verify the views without holding them still', async () => {
    const leader = await process(always)
    const reader = await process()
    const writing = new AbortController()
    const writer = (async () => {
      while (!writing.signal.aborted) await raise()
    })()
    const verified = await reader.verify()
    writing.abort()
    await writer
    expect(verified).toMatchObject([{ name: 'totals', different: [] }])
    const position = await raise()
    await total(leader, position)
    const target = { name: 'totals', version: 1_000, indexes: {} }
    const document = { key: 'c', document: { total: 1 }, position: position + 1n }
    await engine.views.putMany([{ view: target, documents: [document], checkpoint: position }])
    expect(await reader.verify()).toMatchObject([{ different: ['c'] }])
  })

  test('verify the views two at once, and drop what a verification has left behind', async () => {
    const leader = await process(always)
    const reader = await process()
    for (let n = 0; n < 300; n++) await raise()
    const yesterday = (Date.now() - 25 * 60 * 60_000).toString(36)
    for (const name of [
      `verify-${yesterday}-x-totals`,
      `verify-${Date.now().toString(36)}-y-totals`,
    ])
      await engine.views.putMany([
        { view: { name, version: 1, indexes: {} }, documents: [], checkpoint: 1n },
      ])
    const both = await Promise.all([leader.verify(), reader.verify()])
    const right = [{ name: 'totals', documents: 1, different: [] }]
    expect(both).toEqual([right, right])
    // One of today may still be at work.
    const left = (await engine.views.collections()).filter(({ name }) => name.startsWith('verify-'))
    expect(left).toMatchObject([{ name: expect.stringContaining('-y-') }])
  })

  test('of two releases each read their own version of a view', async () => {
    const newer = totalsOf(2)
    const old = await process(always)
    const next = await process(always, newer)
    const position = await raise(3)
    expect(await total(old, position)).toBe(3)
    expect(await total(next, position, newer)).toBe(6)
    await next.stop()
    const later = await raise(1)
    expect(await total(old, later)).toBe(4)
  })

  test('start while others project: what comes meanwhile is no sign of another log', async () => {
    const leader = await process(always)
    await total(leader, await raise())
    const { events } = engine
    const runner = createRunner({
      events: {
        ...bound(events),
        async head() {
          const head = await events.head()
          await total(leader, await raise())
          return head
        },
      },
      store: engine.views,
      projections: [totals],
      upcast: (event) => event,
      logger: silent,
      sharing: { lead: undefined },
    })
    runners.push(runner)
    await runner.start()
    expect(await total(runner, await events.head())).toBe(2)
  })

  test('say what they cannot read, and leave the lead to a process that can', async () => {
    const leadOf = (holder: string): Lead => {
      const leases = createLeases({ counters: engine.counters, logger: silent }, holder)
      return (work) => leases.lead('project', work)
    }
    const old = await process(leadOf('old'), totals, (event) => {
      if (event.data['by'] === 99) throw new UnknownEvent(event)
      return event
    })
    expect(await total(old, await raise(1))).toBe(1)
    const next = await process(leadOf('next'))
    const position = await raise(99)
    expect(await total(next, position)).toBe(100)
    expect(old.status()[0]?.stopped).toMatch(
      /^position \d+ of c: event CounterRaised version 1 is not/,
    )
    expect(next.status()[0]?.stopped).toBeUndefined()
  })

  test('refuse views that are ahead of the log', async () => {
    const target = { name: 'totals', version: 1_000, indexes: {} }
    await engine.views.putMany([{ view: target, documents: [], checkpoint: 1_000n }])
    await expect(process()).rejects.toThrow(/ahead of the log/)
  })
})
