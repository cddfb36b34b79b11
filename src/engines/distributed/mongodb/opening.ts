/**
 * What is looked at before a database is used: that a server answers, is new enough, lets us in, and
 * confirms writes by a majority of its members and on disk. Each refusal is one sentence that names the
 * setting and never a password.
 */
import { setTimeout as pause } from 'node:timers/promises'
import {
  type Db,
  MongoError,
  type MongoClient,
  MongoServerError,
  MongoServerSelectionError,
} from 'mongodb'
import { StoreRefused } from '../../../ports/store-refused.ts'
import { Unavailable } from '../../../ports/unavailable.ts'
import { hostsOf } from './address.ts'
import { ask } from './database.ts'
import { isDuplicate, isPassing, isUnconfirmed } from './failures.ts'

const OLDEST = [4, 4] as const
const ATTEMPT_MS = 3_000
const PAUSE_MS = 200
const DENIED_CODES: ReadonlySet<unknown> = new Set([11, 18, 8000])
const FORBIDDEN = 13
/** `j` without a journal, or a `w` that the server does not know. */
const CONCERN_CODES: ReadonlySet<unknown> = new Set([2, 64, 79, 100])

export interface Server {
  readonly client: MongoClient
  readonly setting: string
  readonly connectMs: number
  /** What the driver says of the server while nothing answers. */
  readonly diagnosis: () => Error | undefined
}

/** Remembers why the last attempt to reach a server has failed. */
export function diagnosisOf(client: MongoClient): () => Error | undefined {
  let last: Error | undefined
  client.on('serverHeartbeatFailed', ({ failure }) => {
    last = failure
  })
  client.on('topologyDescriptionChanged', ({ newDescription }) => {
    const incompatible = newDescription.compatibilityError
    if (incompatible !== null && incompatible !== undefined) last = new MongoError(incompatible)
  })
  return () => last
}

export interface Found {
  readonly version: string
  readonly isFerretDb: boolean
}

/** Waits for a server that is on its way. @throws StoreRefused */
export async function reach(server: Server): Promise<Found> {
  const { client, setting } = server
  const build = await insist(server, () => client.db('admin').command({ buildInfo: 1 }))
  const version = String(build['version'])
  if (isOlder(version)) throw tooOld(setting, client, `is MongoDB ${version}`)
  return { version, isFerretDb: 'ferretdbVersion' in build }
}

/** What a database says of itself, so that two installations, or keys and views, never share one. */
interface Installation {
  readonly _id: string
  readonly namespace: string
  readonly holds: string
  readonly openedAt: Date
}

/** Writes as surely as it will be written later on, and reads that back. @throws StoreRefused */
export async function claim(
  server: Server,
  db: Db,
  { namespace, holds }: { namespace: string; holds: string },
): Promise<void> {
  const { setting, client } = server
  const where = `the database ${db.databaseName} at ${hostsOf(client)}`
  const installations = db.collection<Installation>('daybook', {
    writeConcern: { w: 'majority', journal: true, wtimeoutMS: ATTEMPT_MS },
    readConcern: { level: 'majority' },
  })
  const claimed = { _id: 'installation', namespace, holds, openedAt: new Date() }
  const found = await insist(server, async () => {
    await installations.insertOne(claimed).catch(async (error: unknown) => {
      if (!isDuplicate(error)) throw error
      const same = { _id: claimed._id, namespace, holds }
      await installations.updateOne(same, { $set: { openedAt: claimed.openedAt } })
    })
    return installations.findOne({ _id: claimed._id })
  })
  if (!found)
    throw new StoreRefused(
      `${setting}: ${where} does not give back what it has confirmed as written.`,
    )
  if (found.namespace !== namespace)
    throw new StoreRefused(
      `${setting}: ${where} belongs to the NAMESPACE ${found.namespace}, not to ${namespace}.`,
    )
  if (found.holds !== holds)
    throw new StoreRefused(
      `${setting}: ${where} holds the ${found.holds}; the ${holds} need another database.`,
    )
}

/** Again and again until the time is up; what waiting cannot change is refused at once. */
async function insist<T>(server: Server, call: () => Promise<T>): Promise<T> {
  const until = performance.now() + server.connectMs
  for (;;) {
    const left = Math.max(until - performance.now(), PAUSE_MS)
    try {
      return await ask({ service: 'MongoDB' }, Math.min(left, ATTEMPT_MS), call)
    } catch (error) {
      const cause = causeOf(server, error)
      const final = finalRefusal(server, cause)
      if (final) throw final
      if (performance.now() + PAUSE_MS >= until) throw lastRefusal(server, cause)
    }
    await pause(PAUSE_MS)
  }
}

/** A limit of time says less than what the driver has seen meanwhile. */
function causeOf({ diagnosis }: Server, error: unknown): unknown {
  const cause = error instanceof Unavailable ? error.cause : error
  const told = cause instanceof MongoError && !(cause instanceof MongoServerSelectionError)
  return told ? cause : (diagnosis() ?? cause)
}

function finalRefusal({ setting, client }: Server, cause: unknown): Error | undefined {
  const at = hostsOf(client)
  if (cause instanceof MongoError && /wire version .* at least/.test(cause.message))
    return tooOld(setting, client, 'speaks too old a protocol')
  if (cause instanceof MongoError && /wire version .* (at most|up to)/.test(cause.message))
    return new StoreRefused(`${setting}: the server at ${at} is too new for this Daybook's driver.`)
  if (cause instanceof MongoServerError && DENIED_CODES.has(cause.code))
    return new StoreRefused(
      `${setting}: MongoDB at ${at} does not accept user and password of the connection string.`,
    )
  if (cause instanceof MongoServerError && cause.code === FORBIDDEN)
    return new StoreRefused(`${setting}: the user may not read and write on MongoDB at ${at}.`)
  if (cause instanceof MongoServerError && !isPassing(cause) && !CONCERN_CODES.has(cause.code))
    return new StoreRefused(`${setting}: MongoDB at ${at} refuses: ${cause.message}.`)
  if (cause instanceof MongoServerError && cause.code === 2) return unconfirmed(setting, at, cause)
  return undefined
}

/** Why waiting has ended. */
function lastRefusal({ setting, client, connectMs }: Server, cause: unknown): Error {
  const at = hostsOf(client)
  const concern = cause instanceof MongoServerError && CONCERN_CODES.has(cause.code)
  if (concern || isUnconfirmed(cause)) return unconfirmed(setting, at, cause)
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new StoreRefused(
    `${setting}: no MongoDB that can be written to answers at ${at} within ${connectMs / 1_000} s (${reason}).`,
  )
}

const unconfirmed = (setting: string, at: string, cause: unknown): Error =>
  new StoreRefused(
    `${setting}: MongoDB at ${at} does not confirm a write by a majority of its members and on disk (w: majority, j: true): ${cause instanceof Error ? cause.message : String(cause)}.`,
  )

const tooOld = (setting: string, client: MongoClient, what: string): Error =>
  new StoreRefused(
    `${setting}: the server at ${hostsOf(client)} ${what}; Daybook needs MongoDB ${OLDEST.join('.')} or newer.`,
  )

function isOlder(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])
}
