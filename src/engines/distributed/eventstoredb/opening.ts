/**
 * What is looked at before the log is used: that the server answers in time, that it is new enough, that it
 * lets us in, and that it takes appends as large as Daybook's. Each refusal is one sentence that names the
 * setting and never a password.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { AccessDeniedError } from '@eventstore/db-client'
import { StoreRefused } from '../../../ports/store-refused.ts'
import type { Address } from './address.ts'
import type { EncodedEvent } from './batch-appends.ts'
import { codeOf } from './calls.ts'
import type { Connection } from './connection.ts'
import { diagnose } from './diagnosis.ts'
import { backoff, IMPATIENT_MS } from './pace.ts'
import { serverVersion } from './protocol.ts'
import type { LogReader } from './reader.ts'

export interface OpeningOptions {
  readonly address: Address
  readonly connection: Connection
  readonly reader: LogReader
  readonly prefix: string
  readonly connectMs: number
}

const OLDEST = { major: 23, minor: 10 }
/** What one attempt may take. */
const ATTEMPT_MS = 3_000
/** A server that has just been started for the first time does not know its users at once. */
const NO_ENTRY_MS = 3_000
/** The largest append with room for what other versions count as well. */
const PROBE_BYTES = 950 * 1024
/** A revision that no stream has: the append is refused for it, if not for its size. */
const NEVER = Number.MAX_SAFE_INTEGER

const UNAUTHENTICATED = 16

/** Answers the version of the server. @throws StoreRefused */
export async function inspect(options: OpeningOptions): Promise<string> {
  const { address, connectMs } = options
  const began = performance.now()
  const passed = () => performance.now() - began
  let diagnosed = false
  for (let failures = 0; ; failures++) {
    try {
      return await attempt(options, Math.min(ATTEMPT_MS, Math.max(connectMs - passed(), 100)))
    } catch (error) {
      if (error instanceof StoreRefused) throw error
      const denied = deniedBy(error)
      if (denied !== undefined && passed() > Math.min(NO_ENTRY_MS, connectMs)) {
        throw noEntry(address, denied)
      }
      const wait = backoff(failures, IMPATIENT_MS)
      const over = passed() + wait > connectMs
      if (denied === undefined && (over || !diagnosed)) {
        diagnosed = true
        const diagnosis = await diagnose(address)
        if (over || diagnosis.final) {
          throw new StoreRefused(`EVENTSTOREDB_URL: ${diagnosis.sentence(connectMs)}`)
        }
      }
      await sleep(wait)
    }
  }
}

async function attempt(options: OpeningOptions, limitMs: number): Promise<string> {
  const { address, connection, reader } = options
  const version = await within(limitMs, serverVersion(connection.client, limitMs))
  if (version === undefined || isTooOld(version)) {
    throw new StoreRefused(
      `EVENTSTOREDB_URL: EventStoreDB at ${address.name} has version ${version ?? 'below 21.10'}; Daybook needs ${OLDEST.major}.${OLDEST.minor} or later.`,
    )
  }
  await reader.end(limitMs)
  await probeAppend(options, limitMs)
  return version
}

async function within<T>(limitMs: number, call: Promise<T>): Promise<T> {
  const over = new AbortController()
  const late = sleep(limitMs, undefined, { signal: over.signal }).then(() => {
    throw new Error(`no answer within ${limitMs} ms`)
  })
  late.catch(() => undefined)
  try {
    return await Promise.race([call, late])
  } finally {
    over.abort()
    call.catch(() => undefined)
  }
}

/** A version that is not told as numbers (a build of one's own) is taken at its word. */
function isTooOld(version: string): boolean {
  const [, major = 0, minor = 0] = (/^(\d+)\.(\d+)/.exec(version) ?? []).map(Number)
  if (major === 0) return false
  return major < OLDEST.major || (major === OLDEST.major && minor < OLDEST.minor)
}

/** Writes nothing: the server looks at the size first and then finds no such revision. */
async function probeAppend({ address, connection, prefix }: OpeningOptions, limitMs: number) {
  const stream = `${prefix}append-probe`
  const answer = await connection.appends.send(stream, NEVER, probe(), limitMs)
  if (answer.kind === 'conflict') return
  if (answer.kind === 'too large') {
    throw new StoreRefused(
      `EVENTSTOREDB_URL: EventStoreDB at ${address.name} takes at most ${answer.limit} bytes in one append; Daybook needs ${PROBE_BYTES}: raise its MaxAppendSize.`,
    )
  }
  if (answer.kind === 'unknown') throw answer.cause
  const why = answer.kind === 'denied' ? 'does not let this user append' : 'refuses to append'
  throw new StoreRefused(
    `EVENTSTOREDB_URL: EventStoreDB at ${address.name} ${why} to streams called ${prefix}….`,
  )
}

/** Events no larger than Daybook's largest, together as large as its largest append, and more. */
function probe(): EncodedEvent[] {
  return Array.from({ length: 4 }, () => ({
    id: randomUUID(),
    type: 'Probe',
    data: Buffer.from(JSON.stringify('x'.repeat(PROBE_BYTES / 4 - 2))),
    metadata: Buffer.from('{}'),
  }))
}

function deniedBy(error: unknown): 'who' | 'what' | undefined {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  if (codeOf(cause) === UNAUTHENTICATED) return 'who'
  return cause instanceof AccessDeniedError ? 'what' : undefined
}

function noEntry({ name, tls, withPassword }: Address, denied: 'who' | 'what'): StoreRefused {
  const server = `EVENTSTOREDB_URL: EventStoreDB at ${name}`
  if (withPassword && !tls) {
    return new StoreRefused(
      `${server} wants a user name and a password, which are not sent without TLS: leave out tls=false.`,
    )
  }
  if (!withPassword) {
    return new StoreRefused(
      `${server} wants a user name and a password: esdb://user:password@${name}.`,
    )
  }
  if (denied === 'who') {
    return new StoreRefused(`${server} does not know this user name with this password.`)
  }
  return new StoreRefused(
    `${server} does not let this user read the whole log: it must be in $admins, or the access list of $all must name it.`,
  )
}
