/**
 * One side of the rows about the event log, in a process of its own: our adapter, or the client of
 * EventStoreDB as it comes. Both write the same events and read the same ones.
 */
import {
  EventStoreDBClient,
  jsonEvent,
  NO_STREAM,
  type ResolvedEvent,
  START,
  streamNameFilter,
} from '@eventstore/db-client'
import { openEventStore } from '../../src/engines/distributed/event-store.ts'
import { prefixOf } from '../../src/engines/distributed/eventstoredb/records.ts'
import { type Fact, factOf, textOf } from '../facts.ts'
import { cpuSince, loops, type Sample } from '../harness.ts'
import { quiet } from '../system.ts'
import { answering } from './answer.ts'

export type SideName = 'ours' | 'bare'
export interface Place {
  readonly url: string
  readonly namespace: string
}
/** What is read: events after a position, all in streams of this run. */
export interface Filled {
  readonly after: string
  readonly count: number
  readonly stream: string
  readonly streamLength: number
}
export type Work =
  | ({ readonly do: 'open'; readonly side: SideName } & Place)
  | {
      readonly do: 'append'
      readonly writers: number
      readonly events: number
      readonly ms: number
    }
  | { readonly do: 'fill'; readonly count: number; readonly streamLength: number }
  | ({ readonly do: 'readAll' | 'readStream' | 'subscribe'; readonly ms: number } & Filled)

interface Side {
  append(stream: string, expected: 'none' | number, facts: readonly Fact[]): Promise<unknown>
  /** How many events came. */
  readAll(after: bigint): Promise<number>
  readStream(stream: string): Promise<number>
  subscribe(after: bigint, count: number): Promise<number>
}

/** Appends of one stream before the next one begins. */
const STREAM_LENGTH = 10
const PAGE = 1_000
const FILLED_AT_ONCE = 100

async function ours({ url, namespace }: Place) {
  const { store } = await openEventStore({ url, namespace, logger: quiet })
  const side: Side = {
    append: (stream, expected, facts) => store.append(stream, expected, facts.map(textOf)),
    async readAll(position) {
      let count = 0
      for (let after = position; ;) {
        const page = await store.readAll({ after, limit: PAGE })
        count += page.length
        const last = page.at(-1)
        if (last === undefined || page.length < PAGE) return count
        after = last.position
      }
    },
    async readStream(stream) {
      for (let count = 0; ;) {
        const page = await store.readStream(stream, { after: count - 1, limit: PAGE })
        count += page.length
        if (page.length < PAGE) return count
      }
    },
    async subscribe(after, wanted) {
      const over = new AbortController()
      let count = 0
      for await (const batch of store.subscribe({ after, signal: over.signal })) {
        count += batch.length
        if (count >= wanted) break
      }
      over.abort()
      return count
    },
  }
  return { side, head: () => store.head() }
}

function bare({ url, namespace }: Place): Side {
  const client = EventStoreDBClient.connectionString(url)
  const prefix = prefixOf(namespace)
  const placeOf = (after: bigint) => (after < 0n ? START : { commit: after, prepare: after })
  return {
    append: (stream, expected, facts) =>
      client.appendToStream(
        prefix + stream,
        facts.map((fact) => jsonEvent(fact)),
        { expectedRevision: expected === 'none' ? NO_STREAM : BigInt(expected) },
      ),
    async readAll(position) {
      let count = 0
      for (let after = position; ;) {
        let last = after
        // The first one was read before.
        const fromPosition = placeOf(after)
        const size = await drained(
          client.readAll({ fromPosition, maxCount: PAGE + 1 }),
          (event) => {
            last = event.event?.position?.commit ?? last
          },
        )
        count += size - 1
        if (size < PAGE + 1) return count
        after = last
      }
    },
    async readStream(stream) {
      for (let count = 0; ;) {
        const options = { fromRevision: BigInt(count), maxCount: PAGE }
        const size = await drained(client.readStream(prefix + stream, options))
        count += size
        if (size < PAGE) return count
      }
    },
    subscribe(after, wanted) {
      const filter = streamNameFilter({ prefixes: [prefix], maxSearchWindow: 500 })
      const source = client.subscribeToAll({ fromPosition: placeOf(after), filter })
      return new Promise((resolve, reject) => {
        let count = 0
        source.on('error', reject).on('data', () => {
          if (++count < wanted) return
          void source.unsubscribe()
          resolve(count)
        })
      })
    },
  }
}

/** By `data`, which is the quickest way to take what comes. */
function drained(
  source: ReturnType<EventStoreDBClient['readAll'] | EventStoreDBClient['readStream']>,
  take: (event: ResolvedEvent) => void = () => undefined,
): Promise<number> {
  return new Promise((resolve, reject) => {
    let count = 0
    source
      .on('error', reject)
      .on('end', () => resolve(count))
      .on('data', (event: ResolvedEvent) => {
        count++
        take(event)
      })
  })
}

let current: Side | undefined
let head: () => Promise<bigint> = () => Promise.resolve(-1n)
let turns = 0

async function append(side: Side, work: Work & { do: 'append' }): Promise<Sample> {
  const at = new Date().toISOString()
  const turn = `${process.pid}x${turns++}`
  const {
    value,
    cpuUs = Number.NaN,
    ...times
  } = await loops(work.writers, work.ms, (writer, n) => {
    const stream = `account-${turn}x${writer}x${Math.floor(n / STREAM_LENGTH)}`
    const before = (n % STREAM_LENGTH) * work.events - 1
    const facts = Array.from({ length: work.events }, () => factOf(at))
    return side.append(stream, before < 0 ? 'none' : before, facts)
  })
  return { value: value * work.events, cpuUs: cpuUs / work.events, ...times }
}

/** Many short streams, then a long one. */
async function fill(side: Side, { count, streamLength }: Work & { do: 'fill' }): Promise<Filled> {
  const at = new Date().toISOString()
  const facts = () => Array.from({ length: FILLED_AT_ONCE }, () => factOf(at))
  const name = `fill-${process.pid}x${turns++}`
  await side.append(`${name}-first`, 'none', [factOf(at)])
  const after = await head()
  const short = (count - streamLength) / FILLED_AT_ONCE
  for (let n = 0; n < short; n++) await side.append(`${name}-${n}`, 'none', facts())
  const stream = `${name}-long`
  for (let n = 0; n < streamLength; n += FILLED_AT_ONCE)
    await side.append(stream, n === 0 ? 'none' : n - 1, facts())
  return { after: String(after), count, stream, streamLength }
}

/** Whole passes until the time is over. */
async function read(side: Side, work: Work & Filled & { ms: number }): Promise<Sample> {
  const position = BigInt(work.after)
  const wanted = work.do === 'readStream' ? work.streamLength : work.count
  const pass = () => {
    if (work.do === 'readAll') return side.readAll(position)
    if (work.do === 'readStream') return side.readStream(work.stream)
    return side.subscribe(position, wanted)
  }
  const cpuBefore = process.cpuUsage()
  const begun = performance.now()
  let events = 0
  while (performance.now() < begun + work.ms) {
    const count = await pass()
    if (count !== wanted) throw new Error(`${work.do}: ${count} events instead of ${wanted}`)
    events += count
  }
  const seconds = (performance.now() - begun) / 1_000
  return { value: events / seconds, cpuUs: cpuSince(cpuBefore) / events }
}

answering(async (work: Work): Promise<Sample | Filled | boolean> => {
  if (work.do === 'open') {
    if (work.side === 'bare') current = bare(work)
    else ({ side: current, head } = await ours(work))
    return true
  }
  if (current === undefined) throw new Error('not open')
  if (work.do === 'append') return append(current, work)
  if (work.do === 'fill') return fill(current, work)
  return read(current, work)
})
