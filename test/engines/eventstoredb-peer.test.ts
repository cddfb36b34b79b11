// The protocol peer answers the client as a real EventStoreDB was seen to answer it, so that what passes
// against it may be believed. With EVENTSTOREDB_URL the same cases run against a real server instead.
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import {
  type AppendExpectedRevision,
  type AppendToStreamOptions,
  BACKWARDS,
  END,
  type EventData,
  type EventStoreDBClient,
  excludeSystemEvents,
  eventTypeFilter,
  jsonEvent,
  MaxAppendSizeExceededError,
  type RecordedEvent,
  streamNameFilter,
  StreamNotFoundError,
  UnknownError,
  WrongExpectedVersionError,
} from '@eventstore/db-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  all,
  event,
  events,
  openTestServer,
  refusal,
  take,
  type TestServer,
  unique,
} from '../support/eventstoredb/test-client.ts'

let server: TestServer
let client: EventStoreDBClient
beforeAll(async () => {
  server = await openTestServer()
  client = server.client
})
afterAll(() => server.close())

const append = (
  stream: string,
  proposed: EventData | EventData[],
  expectedRevision: AppendExpectedRevision,
  options: AppendToStreamOptions = {},
) => client.appendToStream(stream, proposed, { expectedRevision, ...options })
const idsIn = async (stream: string): Promise<string[]> =>
  (await all(client.readStream(stream))).map(({ id }) => id)
const positions = (read: readonly RecordedEvent[]): bigint[] =>
  read.map(({ position }) => position?.commit ?? -1n)

/** The client takes two ways: one shared stream, and a call of its own where credentials are given. */
describe.each<[string, AppendToStreamOptions]>([
  ['the shared stream', {}],
  ['a call of its own', { credentials: { username: 'admin', password: 'changeit' } }],
])('an append by %s', (_way, way) => {
  test('answers the revision of the last event and a position', async () => {
    const stream = unique()
    const one = await append(stream, event(), 'no_stream', way)
    expect(one).toEqual({
      success: true,
      nextExpectedRevision: 0n,
      position: { commit: expect.any(BigInt), prepare: expect.any(BigInt) },
    })
    const two = await append(stream, events(3), 0n, way)
    expect(two.nextExpectedRevision).toBe(3n)
    expect(two.position!.commit).toBeGreaterThan(one.position!.commit)
    const [last] = await all(client.readStream(stream, { fromRevision: 3n }))
    expect(last?.position).toEqual(two.position)
  })

  test.each<[AppendExpectedRevision, number, bigint | 'no_stream']>([
    ['no_stream', 2, 1n],
    [0n, 2, 1n],
    [5n, 2, 1n],
    [0n, 0, 'no_stream'],
    ['stream_exists', 0, 'no_stream'],
  ])('that expects %s of %i events conflicts', async (expected, there, actual) => {
    const stream = unique()
    if (there > 0) await append(stream, events(there), 'no_stream', way)
    const error = await refusal(append(stream, event(), expected, way))
    expect(error).toBeInstanceOf(WrongExpectedVersionError)
    expect(error).toMatchObject({
      type: 'wrong-expected-version',
      streamName: stream,
      expectedVersion: expected,
      actualVersion: actual,
      message: '',
    })
  })

  test('of a batch that was written answers as the first time and drops the new data', async () => {
    const stream = unique()
    const batch = events(3)
    const first = await append(stream, batch, 'no_stream', way)
    await append(stream, event(), 2n, way)
    const other = batch.map(({ id }) => event(99, 'Changed', id))
    expect(await append(stream, other, 'no_stream', way)).toEqual(first)
    await append(stream, batch.slice(0, 2), 'no_stream', way)
    const read = await all(client.readStream(stream))
    expect(read.map(({ data }) => data)).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }, { n: 1 }])
  })

  test('with more data than the limit is refused and nothing else suffers', async () => {
    const stream = unique()
    const large = (bytes: number) =>
      jsonEvent({ type: 'Large', data: { x: 'x'.repeat(bytes - 8) } })
    const error = await refusal(append(stream, large(1_048_577), 'no_stream', way))
    expect(error).toBeInstanceOf(MaxAppendSizeExceededError)
    expect(error).toMatchObject({ maxAppendSize: 1_048_576 })
    const halves = [large(524_288), large(524_289)]
    expect(await refusal(append(stream, halves, 'no_stream', way))).toBeInstanceOf(
      MaxAppendSizeExceededError,
    )
    const metadata = { text: 'x'.repeat(2_000_000) }
    const noted = jsonEvent({ type: 'Noted', data: { n: 1 }, metadata })
    await append(stream, [large(1_048_000), noted], 'no_stream', way)
    expect(await idsIn(stream)).toHaveLength(2)
  })
})

describe('an id', () => {
  test('at the head of the stream is written again: the revision decides', async () => {
    const stream = unique()
    const same = event()
    await append(stream, same, 'no_stream')
    expect((await append(stream, same, 0n)).nextExpectedRevision).toBe(1n)
    expect(await idsIn(stream)).toEqual([same.id, same.id])
  })
  test('at another revision than its own conflicts', async () => {
    const stream = unique()
    const [first, second, third] = events(3)
    await append(stream, [first!, second!, third!], 'no_stream')
    const error = await refusal(append(stream, first!, 0n))
    expect(error).toMatchObject({ type: 'wrong-expected-version', actualVersion: 2n })
  })
  test('may be in two streams and twice in one call', async () => {
    const [one, two] = [unique(), unique()]
    const same = event()
    await append(one, same, 'no_stream')
    await append(two, [same, same], 'no_stream')
    expect(await idsIn(two)).toEqual([same.id, same.id])
  })
  test('with any is remembered for a while', async () => {
    const stream = unique()
    const same = event()
    const first = await append(stream, same, 'any')
    await append(stream, event(), 'any')
    expect(await append(stream, same, 'any')).toEqual(first)
    expect(await append(stream, same, 'stream_exists')).toEqual(first)
    expect(await idsIn(stream)).toHaveLength(2)
  })
  test.each<AppendExpectedRevision>(['no_stream', 'any'])(
    'in a batch of old and new, or in another order, conflicts with %s',
    async (expected) => {
      const stream = unique()
      const [first, second] = [event(), event()]
      await append(stream, [first, second], 'no_stream')
      const mixed = await refusal(append(stream, [first, second, event()], expected))
      expect(mixed).toMatchObject({ type: 'wrong-expected-version', actualVersion: 1n })
      if (expected !== 'no_stream') return
      const swapped = await refusal(append(stream, [second, first], expected))
      expect(swapped).toMatchObject({ type: 'wrong-expected-version' })
    },
  )
  test('comes back in lower case', async () => {
    const stream = unique()
    const id = randomUUID()
    await append(stream, event(1, 'Noted', id.toUpperCase()), 'no_stream')
    expect(await idsIn(stream)).toEqual([id])
  })
})

describe('an odd append', () => {
  test('of nothing succeeds', async () => {
    expect(await append(unique(), [], 'no_stream')).toMatchObject({ success: true })
  })
  test.each<[string, string, EventData]>([
    ['an empty stream name', '', event()],
    ['an empty type', unique(), event(1, '')],
    ['an id that is no UUID', unique(), event(1, 'Noted', 'no-uuid')],
  ])('with %s is a bad request', async (_what, stream, proposed) => {
    const error = await refusal(append(stream, proposed, 'any'))
    expect(error).toBeInstanceOf(UnknownError)
    expect(error).toMatchObject({ message: 'Could not recognize BadRequest' })
  })
  test('of 20 MiB fails with code 8, and the client works on', async () => {
    const huge = jsonEvent({ type: 'Huge', data: { x: 'x'.repeat(20 * 1024 * 1024) } })
    expect(await refusal(append(unique(), huge, 'any'))).toMatchObject({ type: 'unknown', code: 8 })
    expect(await append(unique(), event(), 'no_stream')).toMatchObject({ success: true })
  })
  test('whose deadline has passed by the clock of the server times out', async () => {
    const late = refusal(append(unique(), event(), 'any', { deadline: -60_000 }))
    expect(await late).toMatchObject({ type: 'deadline-exceeded' })
  })
})

describe('reading a stream', () => {
  const stream = unique()
  const revisions = async (options: Parameters<EventStoreDBClient['readStream']>[1]) =>
    (await all(client.readStream(stream, options))).map(({ revision }) => Number(revision))
  beforeAll(() => append(stream, events(50), 'no_stream'))

  test('gives events as they were appended', async () => {
    const one = unique()
    const proposed = event(7)
    await append(one, proposed, 'no_stream')
    expect((await all(client.readStream(one)))[0]).toMatchObject({
      streamId: one,
      id: proposed.id,
      revision: 0n,
      type: 'Noted',
      data: { n: 7 },
      metadata: { v: 1 },
      isJson: true,
      created: expect.any(Date),
    })
  })
  test('that is missing is StreamNotFoundError', async () => {
    const error = await refusal(all(client.readStream(unique())))
    expect(error).toBeInstanceOf(StreamNotFoundError)
  })
  test('forwards begins with the revision asked for', async () => {
    expect(await revisions({})).toEqual(Array.from({ length: 50 }, (_, n) => n))
    expect(await revisions({ fromRevision: 47n })).toEqual([47, 48, 49])
    expect(await revisions({ fromRevision: 10n, maxCount: 2 })).toEqual([10, 11])
    expect(await revisions({ fromRevision: 50n })).toEqual([])
  })
  test('backwards begins with the revision asked for, and at the start unless asked', async () => {
    expect(await revisions({ direction: BACKWARDS, fromRevision: END, maxCount: 2 })).toEqual([
      49, 48,
    ])
    expect(await revisions({ direction: BACKWARDS, fromRevision: 1n })).toEqual([1, 0])
    expect(await revisions({ direction: BACKWARDS })).toEqual([0])
  })
  test('of no events at all is an error', async () => {
    expect(await refusal(revisions({ maxCount: 0 }))).toBeInstanceOf(UnknownError)
  })
})

describe('reading the log', () => {
  const streams = [unique(), unique()]
  let from: { commit: bigint; prepare: bigint }
  beforeAll(async () => {
    for (const stream of [...streams, ...streams]) await append(stream, events(2), 'any')
    from = (await all(client.readStream(streams[0]!)))[0]!.position!
  })
  const read = (options: Parameters<EventStoreDBClient['readAll']>[0]) =>
    all(client.readAll(options))

  test('forwards includes the position and rises strictly', async () => {
    const log = await read({ fromPosition: from })
    expect(log[0]?.position).toEqual(from)
    const mine = log.filter(({ streamId }) => streams.includes(streamId))
    expect(mine).toHaveLength(8)
    const rising = positions(log)
    expect(rising).toEqual([...new Set(rising)].sort((a, b) => (a < b ? -1 : 1)))
  })
  test('backwards excludes the position', async () => {
    const [before] = await read({ fromPosition: from, direction: BACKWARDS, maxCount: 1 })
    expect(before!.position!.commit).toBeLessThan(from.commit)
    const forwards = positions(await read({ fromPosition: from }))
    const count = forwards.length
    const back = await read({ fromPosition: END, direction: BACKWARDS, maxCount: count })
    expect(positions(back).toReversed()).toEqual(forwards)
  })
  test('shows system events', async () => {
    const first = await read({ maxCount: 10 })
    expect(first.some(({ type }) => type.startsWith('$'))).toBe(true)
  })
  test('takes 0/0 and what lies past the end, and no position between events', async () => {
    expect(await read({ fromPosition: { commit: 0n, prepare: 0n }, maxCount: 1 })).toHaveLength(1)
    const end = { commit: from.commit + 10n ** 12n, prepare: from.commit + 10n ** 12n }
    expect(await read({ fromPosition: end })).toEqual([])
    const between = { commit: from.commit + 1n, prepare: from.commit + 1n }
    expect(await refusal(read({ fromPosition: between }))).toBeInstanceOf(UnknownError)
  })
})

describe('a subscription to the log', () => {
  test('begins after the position, and goes on with what comes', async () => {
    const stream = unique()
    await append(stream, events(3), 'no_stream')
    const fromPosition = (await all(client.readStream(stream)))[0]!.position!
    const subscription = client.subscribeToAll({
      fromPosition,
      filter: streamNameFilter({ prefixes: [stream] }),
    })
    const seen: string[] = []
    subscription.on('confirmation', () => seen.push('confirmation'))
    subscription.on('caughtUp', () => seen.push('caughtUp'))
    const later = once(subscription, 'caughtUp').then(() => append(stream, events(2), 2n))
    const taken = await take(subscription, 4)
    await later
    expect(taken.map(({ revision }) => revision)).toEqual([1n, 2n, 3n, 4n])
    expect(seen).toEqual(['confirmation', 'caughtUp'])
  })

  test('from the end sees only what comes', async () => {
    const stream = unique()
    await append(stream, event(), 'no_stream')
    const subscription = client.subscribeToAll({
      fromPosition: END,
      filter: streamNameFilter({ regex: `^${stream}` }),
    })
    const later = once(subscription, 'caughtUp').then(() => append(stream, event(), 0n))
    expect((await take(subscription, 1))[0]?.revision).toBe(1n)
    await later
  })

  test('keeps to its filter', async () => {
    const [stream, type] = [unique(), unique('Type')]
    const before = await append(stream, event(), 'no_stream')
    await append(stream, [event(1, type), event(2, 'Other'), event(3, type)], 0n)
    const from = { fromPosition: before.position! }
    const byType = client.subscribeToAll({ ...from, filter: eventTypeFilter({ prefixes: [type] }) })
    expect((await take(byType, 2)).map(({ revision }) => revision)).toEqual([1n, 3n])
    const noSystem = client.subscribeToAll({ filter: excludeSystemEvents() })
    expect((await take(noSystem, 3)).some((one) => one.type.startsWith('$'))).toBe(false)
    const unfiltered = await take(client.subscribeToAll(from), 3)
    expect(unfiltered.map(({ revision }) => revision)).toEqual([1n, 2n, 3n])
  })

  test('loses nothing to a consumer that is slow', async () => {
    const stream = unique()
    const count = 3000
    const subscription = client.subscribeToAll({
      fromPosition: END,
      filter: streamNameFilter({ prefixes: [stream] }),
    })
    await new Promise((resolve) => subscription.once('caughtUp', resolve).read())
    for (let n = 0; n < count; n += 100) await append(stream, events(100), 'any')
    const taken = await take(subscription, count)
    expect(taken.map(({ revision }) => Number(revision))).toEqual(
      Array.from({ length: count }, (_, n) => n),
    )
  })

  test('that matches nothing gets a checkpoint for every window', async () => {
    const checkpoints: bigint[] = []
    const subscription = client.subscribeToAll({
      fromPosition: END,
      filter: streamNameFilter({
        prefixes: [unique('nothing')],
        maxSearchWindow: 10,
        checkpointReached: (_subscription, { commit }) => {
          checkpoints.push(commit)
          if (checkpoints.length === 4) subscription.destroy()
        },
      }),
    })
    const closed = new Promise((resolve) => subscription.once('close', resolve))
    const later = once(subscription, 'caughtUp').then(() =>
      append(unique(), events(50), 'no_stream'),
    )
    subscription.resume()
    await Promise.all([closed, later])
    expect(checkpoints).toEqual([...new Set(checkpoints)].sort((a, b) => (a < b ? -1 : 1)))
  })
})

describe('a subscription to a stream', () => {
  test('begins after the revision, and may wait for a stream that is not there', async () => {
    const stream = unique()
    const waiting = client.subscribeToStream(stream)
    const later = once(waiting, 'caughtUp').then(() => append(stream, events(3), 'no_stream'))
    expect((await take(waiting, 3)).map(({ revision }) => revision)).toEqual([0n, 1n, 2n])
    await later
    const after = client.subscribeToStream(stream, { fromRevision: 1n })
    expect((await take(after, 1))[0]?.revision).toBe(2n)
  })
})

test('the server answers GET /health/live with 204', async () => {
  expect((await fetch(`${server.origin}/health/live`)).status).toBe(204)
  expect((await fetch(`${server.origin}/health/ready`)).status).toBe(404)
})
