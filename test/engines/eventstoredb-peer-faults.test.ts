// The peer misbehaves as commanded and no further, and what it acknowledged survives SIGKILL: a fault test
// that passes must have met the fault. A real server takes no such commands, so this runs without one.
import { connect } from 'node:http2'
import { once } from 'node:events'
import { rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { credentials } from '@grpc/grpc-js'
import {
  type AppendExpectedRevision,
  type AppendToStreamOptions,
  END,
  EventStoreDBClient,
  type EventData,
  NotLeaderError,
  streamNameFilter,
  UnavailableError,
  UnknownError,
} from '@eventstore/db-client'
import { ServerFeaturesClient } from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js'
import shared from '@eventstore/db-client/generated/shared_pb.js'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Fault } from '../support/eventstoredb/faults.ts'
import {
  type EventStoreDb,
  type EventStoreDbOptions,
  startEventStoreDb,
} from '../support/eventstoredb/server.ts'
import { type SpawnedEventStoreDb, spawnEventStoreDb } from '../support/eventstoredb/spawn.ts'
import {
  all,
  event,
  events,
  refusal,
  take,
  temporaryDirectory,
  unique,
} from '../support/eventstoredb/test-client.ts'

let directory: string
let peer: EventStoreDb
let client: EventStoreDBClient
const alone: AppendToStreamOptions = { credentials: { username: 'a', password: 'b' } }

async function open(options: Partial<EventStoreDbOptions> = {}): Promise<void> {
  peer = await startEventStoreDb({ directory, ...options })
  client = EventStoreDBClient.connectionString(peer.url)
}
async function close(): Promise<void> {
  await client.dispose()
  await peer.close()
}
const append = (
  stream: string,
  proposed: EventData | EventData[],
  expectedRevision: AppendExpectedRevision,
  options: AppendToStreamOptions = {},
) => client.appendToStream(stream, proposed, { expectedRevision, ...options })
const lengthOf = async (stream: string): Promise<number> =>
  (await all(client.readStream(stream)).catch(() => [])).length
/** Until the client has noticed that the connection it knew is gone. */
async function untilConnected(): Promise<void> {
  while (!(await all(client.readAll({ maxCount: 1 })).catch(() => undefined)));
}

beforeAll(() => {
  directory = temporaryDirectory()
})
afterAll(() => rmSync(directory, { recursive: true }))

describe('an append', () => {
  beforeEach(() => open())
  afterEach(close)

  test.each<[Fault & { when?: string }, number]>([
    [{ kind: 'drop', when: 'before-commit', times: 1 }, 0],
    [{ kind: 'drop', when: 'after-commit', times: 1 }, 1],
  ])('whose connection is dropped (%o) leaves %i events', async (fault, written) => {
    const stream = unique()
    const same = event()
    await append(stream, event(), 'no_stream')
    peer.faults.add(fault)
    expect(await refusal(append(stream, same, 0n))).toMatchObject({ code: 14 })
    await untilConnected()
    expect(await lengthOf(stream)).toBe(1 + written)
    expect(await append(stream, same, 0n)).toMatchObject({ nextExpectedRevision: 1n })
    expect(await lengthOf(stream)).toBe(2)
  })

  test.each<[Fault, number]>([
    [{ kind: 'timeout', when: 'before-commit', times: 2 }, 0],
    [{ kind: 'timeout', when: 'after-commit', times: 2 }, 2],
  ])('that times out (%o) leaves %i events', async (fault, written) => {
    const stream = unique()
    peer.faults.add(fault)
    const shared_ = await refusal(append(stream, event(), 'any'))
    expect(shared_).toMatchObject({ type: 'deadline-exceeded' })
    const own = await refusal(append(stream, event(), 'any', alone))
    expect(own).toMatchObject({ type: 'timeout', code: 10 })
    expect(await lengthOf(stream)).toBe(written)
  })

  test('is answered late on command, the others meanwhile', async () => {
    const slow = unique('slow')
    peer.faults.add({ kind: 'delay', ms: 300, stream: slow, times: 1 })
    const order: string[] = []
    const late = append(slow, event(), 'any').then(() => order.push('late'))
    const prompt = append(unique(), event(), 'any').then(() => order.push('prompt'))
    await Promise.all([late, prompt])
    expect(order).toEqual(['prompt', 'late'])
  })

  test('is sent to the leader, both ways', async () => {
    const other = { host: 'leader.example', port: 2113 }
    peer.faults.add({ kind: 'not-leader', ...other, times: 1 })
    const error = await refusal(append(unique(), event(), 'any', alone))
    expect(error).toBeInstanceOf(NotLeaderError)
    expect(error).toMatchObject({ leader: { address: other.host, port: other.port } })
    await close()
    await open()
    peer.faults.add({ kind: 'not-leader', times: 1 })
    const again = await refusal(append(unique(), event(), 'any'))
    expect(again).toMatchObject({ type: 'not-leader', leader: { port: peer.port } })
    expect(await append(unique(), event(), 'any')).toMatchObject({ success: true })
  })

  test('finds the server busy, both ways', async () => {
    peer.faults.add({ kind: 'busy', times: 2 })
    const error = await refusal(append(unique(), event(), 'any'))
    expect(error).toBeInstanceOf(UnknownError)
    expect(error).toMatchObject({ message: 'Could not recognize Server Is Busy' })
    expect(await refusal(append(unique(), event(), 'any', alone))).toBeInstanceOf(UnavailableError)
    expect(await append(unique(), event(), 'any')).toMatchObject({ success: true })
  })

  test('is chosen by stream, place and number, and faults can be lifted', async () => {
    const name = unique()
    const ends: boolean[] = []
    const lift = peer.faults.add({ kind: 'busy', stream: name, skip: 1, times: 1 })
    for (const stream of [unique(), name, name, name])
      ends.push(
        await append(stream, event(), 'any').then(
          () => true,
          () => false,
        ),
      )
    expect(ends).toEqual([true, true, false, true])
    lift()
    peer.faults.add({ kind: 'busy' })
    await refusal(append(name, event(), 'any'))
    await refusal(append(name, event(), 'any'))
    peer.faults.lift()
    expect(await append(name, event(), 'any')).toMatchObject({ success: true })
  })

  test.each<['before-commit' | 'during-commit' | 'after-commit', number]>([
    ['before-commit', 1],
    ['during-commit', 1],
    ['after-commit', 4],
  ])('that kills the server %s leaves %i events', async (when, length) => {
    const stream = unique()
    await append(stream, event(), 'no_stream')
    const whole = statSync(join(directory, 'events.log')).size
    peer.faults.add({ kind: 'die', when })
    const batch = events(3)
    expect(await refusal(append(stream, batch, 0n))).toMatchObject({ code: 14 })
    const torn = statSync(join(directory, 'events.log')).size
    expect(torn > whole).toBe(when !== 'before-commit')
    peer = await startEventStoreDb({ directory, port: peer.port })
    await untilConnected()
    expect(await lengthOf(stream)).toBe(length)
    expect(await append(stream, batch, 0n)).toMatchObject({ nextExpectedRevision: 3n })
    expect(await lengthOf(stream)).toBe(4)
  })
})

describe('a read', () => {
  beforeEach(() => open())
  afterEach(close)

  test('can be dropped, refused and delayed', async () => {
    const stream = unique()
    await append(stream, event(), 'no_stream')
    peer.faults.add({ kind: 'drop-read', stream, times: 1 })
    expect(await refusal(all(client.readStream(stream)))).toBeInstanceOf(UnavailableError)
    await untilConnected()
    peer.faults.add({ kind: 'busy-read', times: 1 })
    expect(await refusal(all(client.readStream(stream)))).toBeInstanceOf(UnavailableError)
    peer.faults.add({ kind: 'delay-read', ms: 50, times: 1 })
    expect(await all(client.readStream(stream))).toHaveLength(1)
  })

  test('that is a subscription ends on command, and another one goes on', async () => {
    const stream = unique()
    const filter = streamNameFilter({ prefixes: [stream] })
    const subscription = client.subscribeToAll({ fromPosition: END, filter })
    subscription.once('caughtUp', () => peer.faults.endSubscriptions())
    expect(await refusal(take(subscription, 1))).toBeInstanceOf(UnavailableError)
    const next = client.subscribeToAll({ fromPosition: END, filter })
    const appended = once(next, 'caughtUp').then(() => append(stream, event(), 'no_stream'))
    expect(await take(next, 1)).toHaveLength(1)
    await appended
  })
})

describe('a frozen server', () => {
  beforeEach(() => open())
  afterEach(close)

  test('answers nothing, keeps nothing alive and goes on where it stopped', async () => {
    const stream = unique()
    await append(stream, event(), 'no_stream')
    const origin = `http://127.0.0.1:${peer.port}`
    const session = connect(origin)
    await once(session, 'connect')
    await new Promise((resolve) => session.ping(resolve))
    peer.faults.freeze()
    const order: string[] = []
    const answers = [
      new Promise((resolve) => session.ping(resolve)),
      fetch(`${origin}/health/live`),
      append(stream, event(), 0n),
      all(client.readStream(stream)),
    ].map((answer) => answer.then(() => order.push('answer')))
    // The control door answers many times meanwhile, so there was time enough.
    const body = JSON.stringify({ do: 'freeze' })
    for (let n = 0; n < 50; n++) await fetch(`${origin}/faults`, { method: 'POST', body })
    order.push('thaw')
    await fetch(`${origin}/faults`, { method: 'POST', body: JSON.stringify({ do: 'thaw' }) })
    await Promise.all(answers)
    session.destroy()
    expect(order).toEqual(['thaw', 'answer', 'answer', 'answer', 'answer'])
    expect(await lengthOf(stream)).toBe(2)
  })
})

describe('a server', () => {
  afterEach(close)

  test('says the version it is told to say', async () => {
    await open({ version: '21.10.0' })
    const grpc = new ServerFeaturesClient(`127.0.0.1:${peer.port}`, credentials.createInsecure())
    const version = await new Promise((resolve, reject) => {
      grpc.getSupportedMethods(new shared.Empty(), (error, methods) =>
        error ? reject(error) : resolve(methods.getEventStoreServerVersion()),
      )
    })
    grpc.close()
    expect(version).toBe('21.10.0')
  })
  test('may take less in one append', async () => {
    await open({ maxAppendSize: 100 })
    const error = await refusal(append(unique(), events(20), 'any'))
    expect(error).toMatchObject({ type: 'maximum-append-size-exceeded', maxAppendSize: 100 })
  })
  test('is found by discovery', async () => {
    await open()
    await client.dispose()
    client = EventStoreDBClient.connectionString(peer.url.replace('esdb:', 'esdb+discover:'))
    expect(await append(unique(), event(), 'any')).toMatchObject({ success: true })
  })
  test('may ask for a password', async () => {
    await open({ tls: true, credentials: { username: 'admin', password: 'changeit' } })
    const as = async (who: string): Promise<void> => {
      await client.dispose()
      client = EventStoreDBClient.connectionString(peer.url.replace('//', `//${who}`))
    }
    const stream = unique()
    await as('admin:changeit@')
    await append(stream, event(), 'no_stream')
    await as('admin:wrong@')
    const wrong = { type: 'access-denied', code: 16 }
    expect(await refusal(append(stream, event(), 0n))).toMatchObject(wrong)
    expect(await refusal(all(client.readStream(stream)))).toMatchObject(wrong)
    await as('')
    const anonymous = await refusal(append(stream, event(), 0n))
    expect(anonymous).toMatchObject({ type: 'access-denied', code: undefined, message: '' })
    const read = refusal(all(client.readStream(stream)))
    expect(await read).toMatchObject({ type: 'access-denied', code: 7 })
    await client.dispose()
    client = EventStoreDBClient.connectionString(`esdb://127.0.0.1:${peer.port}?tls=false`)
    expect(await refusal(append(stream, event(), 0n))).toMatchObject({ code: 14 })
  })
})

describe('a process', () => {
  let server: SpawnedEventStoreDb
  beforeEach(async () => {
    server = await spawnEventStoreDb({ directory })
    client = EventStoreDBClient.connectionString(server.url)
  })
  afterEach(async () => {
    await client.dispose()
    await server.stop()
  })

  test('that is killed under 64 writers has lost nothing it acknowledged', async () => {
    const [writers, appends, kills] = [64, 40, 4]
    let [acknowledged, cut] = [0, 0]
    let up = Promise.resolve()
    const killAt = Array.from({ length: kills }, (_, n) => (n + 1) * 500)
    const acknowledge = (): void => {
      if (++acknowledged === killAt[0]) {
        killAt.shift()
        up = server.restart()
      }
    }
    // The same ids at the same revision until it is acknowledged: it must land exactly once.
    const untilAcknowledged = async (stream: string, proposed: EventData, n: number) => {
      for (;;) {
        try {
          await append(stream, proposed, n === 0 ? 'no_stream' : BigInt(n - 1))
          return acknowledge()
        } catch (error) {
          if ((error as { code?: number }).code !== 14) throw error
          cut++
          await up
          await untilConnected()
        }
      }
    }
    const written = await Promise.all(
      Array.from({ length: writers }, async () => {
        const stream = unique()
        const proposed = events(appends)
        for (const [n, one] of proposed.entries()) await untilAcknowledged(stream, one, n)
        return { stream, ids: proposed.map(({ id }) => id) }
      }),
    )
    expect(killAt).toEqual([])
    expect(cut).toBeGreaterThan(0)
    for (const { stream, ids } of written)
      expect((await all(client.readStream(stream))).map(({ id }) => id)).toEqual(ids)
  })

  test('knows ids after a restart by revision only', async () => {
    const [stream, remembered] = [unique(), unique()]
    const [one, other] = [event(), event()]
    const first = await append(stream, one, 'no_stream')
    await append(remembered, other, 'any')
    await server.restart()
    await untilConnected()
    expect(await append(stream, one, 'no_stream')).toEqual(first)
    expect(await append(remembered, other, 'any')).toMatchObject({ nextExpectedRevision: 1n })
  })

  test('dies in the middle of an append when told to', async () => {
    const stream = unique()
    await server.fault({ kind: 'die', when: 'during-commit', stream })
    expect(await refusal(append(stream, event(), 'no_stream'))).toMatchObject({ code: 14 })
    await server.exited()
    const late = await refusal(append(stream, event(), 'no_stream'))
    expect(late).toMatchObject({ code: 14 })
    await server.restart()
    await untilConnected()
    expect(await lengthOf(stream)).toBe(0)
  })

  test('that is frozen lets a deadline pass, and goes on', async () => {
    const stream = unique()
    await append(stream, event(), 'no_stream')
    await server.freeze()
    const late = await refusal(append(stream, event(), 'any', { ...alone, deadline: 200 }))
    expect(late).toMatchObject({ type: 'deadline-exceeded' })
    const waiting = append(stream, event(), 'any')
    server.thaw()
    expect(await waiting).toMatchObject({ success: true })
  })

  test('takes commands over its port', async () => {
    await server.fault({ kind: 'busy' })
    expect(await refusal(append(unique(), event(), 'any'))).toBeInstanceOf(UnknownError)
    await server.lift()
    expect(await append(unique(), event(), 'any')).toMatchObject({ success: true })
    const subscription = client.subscribeToAll({ fromPosition: END })
    const ended = refusal(take(subscription, 1))
    await once(subscription, 'caughtUp')
    await server.endSubscriptions()
    expect(await ended).toBeInstanceOf(UnavailableError)
  })
})
