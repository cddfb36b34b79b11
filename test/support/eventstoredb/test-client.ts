/** What tests of the protocol need: a client of the peer (or of a real server), events, and ways to read. */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  EventStoreDBClient,
  type EventData,
  jsonEvent,
  type RecordedEvent,
  type ResolvedEvent,
} from '@eventstore/db-client'
import { startEventStoreDb } from './server.ts'

export interface TestServer {
  readonly client: EventStoreDBClient
  /** Of its plain HTTP. */
  readonly origin: string
  close(): Promise<void>
}

/** A real server where EVENTSTOREDB_URL names one, else the peer. One client in a process, as ever. */
export async function openTestServer(): Promise<TestServer> {
  const real = process.env['EVENTSTOREDB_URL']
  const directory = temporaryDirectory()
  const peer = real === undefined ? await startEventStoreDb({ directory }) : undefined
  const url = real ?? peer?.url ?? ''
  const client = EventStoreDBClient.connectionString(url)
  const host = /(?:@|\/\/)([^@/?]+)/.exec(url.replace(/\/\/.*@/, '//'))?.[1]
  return {
    client,
    origin: `http${url.includes('tls=false') ? '' : 's'}://${host}`,
    async close() {
      await client.dispose()
      await peer?.close()
      rmSync(directory, { recursive: true })
    },
  }
}

export const temporaryDirectory = (): string => mkdtempSync(join(tmpdir(), 'daybook-peer-'))

export const unique = (prefix = 'peer'): string => `${prefix}-${randomUUID()}`

export const event = (n = 1, type = 'Noted', id: string = randomUUID()): EventData =>
  jsonEvent({ id, type, data: { n }, metadata: { v: 1 } })

export const events = (count: number): EventData[] =>
  Array.from({ length: count }, (_, n) => event(n))

/** The error that a promise was rejected with. */
export const refusal = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => Promise.reject(new Error('It was not refused.')),
    (error: unknown) => error,
  )

export async function all(readable: AsyncIterable<ResolvedEvent>): Promise<RecordedEvent[]> {
  const read: RecordedEvent[] = []
  for await (const { event: one } of readable) if (one) read.push(one)
  return read
}

/** Takes so many events, then ends the subscription. */
export async function take(
  readable: AsyncIterable<ResolvedEvent>,
  count: number,
): Promise<RecordedEvent[]> {
  const taken: RecordedEvent[] = []
  for await (const { event: one } of readable) {
    if (one) taken.push(one)
    if (taken.length === count) break
  }
  return taken
}
