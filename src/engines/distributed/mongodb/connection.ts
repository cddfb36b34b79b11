/**
 * The connections to MongoDB: one for each URL, one database for what may be lost (views, snapshots)
 * and one for what must not (keys, contents). A lost server is looked for again for ever by the driver.
 */
import { type MongoClient, type MongoClientOptions, ReadConcern } from 'mongodb'
import { clientOf, databaseIn } from './address.ts'
import { ask, type MongoDatabase, REQUEST_MS } from './database.ts'
import { claim, diagnosisOf, type Found, reach, type Server } from './opening.ts'

const CONNECT_MS = 10_000

export interface MongoSettings {
  /** MONGODB_URL */
  readonly mongodbUrl: string
  /** KEYS_MONGODB_URL: another server for keys and contents. */
  readonly keysMongodbUrl?: string | undefined
  readonly namespace: string
  /** How long a server may take to be there at the start. */
  readonly connectMs?: number
}

export interface OpenMongo {
  readonly views: MongoDatabase
  /** Keys and contents. */
  readonly keys: MongoDatabase
  health(): Promise<readonly { service: string; ok: boolean; detail?: string }[]>
  close(): Promise<void>
}

/** The driver's limit of a whole operation has no effect in this version: `ask` sets one round each call. */
const OPTIONS: MongoClientOptions = {
  appName: 'daybook',
  serverSelectionTimeoutMS: REQUEST_MS,
  connectTimeoutMS: 3_000,
  waitQueueTimeoutMS: REQUEST_MS,
  // Longer than anything is waited for: what was given up gives its connection back.
  socketTimeoutMS: 20_000,
  // A server that no longer answers is found out, and one that is back is used, within seconds.
  heartbeatFrequencyMS: 2_000,
  readPreference: 'primary',
  retryReads: true,
  retryWrites: true,
  ignoreUndefined: true,
}
const CONFIRMED_WITHIN_MS = 10_000

/**
 * FerretDB 1 keeps one of its 100 connections to its own store for every update of a command and waits
 * for ever where they are used up; MongoDB takes as many updates as there are.
 */
const UPDATES_AT_ONCE = { mongodb: 1_000, ferretdb: 6 }

/** @throws StoreRefused with one sentence for a person. */
export async function openMongo(settings: MongoSettings): Promise<OpenMongo> {
  const { mongodbUrl, keysMongodbUrl = mongodbUrl, namespace } = settings
  const apart = keysMongodbUrl !== mongodbUrl
  const clients: MongoClient[] = []
  const close = async () => {
    await Promise.all(clients.map((client) => client.close()))
  }
  const connect = async (url: string, setting: string): Promise<Server & Found> => {
    const client = clientOf({ url, setting }, OPTIONS)
    clients.push(client)
    const diagnosis = diagnosisOf(client)
    const server = { client, setting, diagnosis, connectMs: settings.connectMs ?? CONNECT_MS }
    return { ...server, ...(await reach(server)) }
  }
  try {
    const server = await connect(mongodbUrl, 'MONGODB_URL')
    const keysServer = apart ? await connect(keysMongodbUrl, 'KEYS_MONGODB_URL') : server
    const views = databaseIn(mongodbUrl) ?? `${namespace}_views`
    const keys = (apart ? databaseIn(keysMongodbUrl) : undefined) ?? `${namespace}_keys`
    const parts = {
      views: database(server, views, { service: 'MongoDB', journal: false }),
      keys: database(keysServer, keys, {
        service: apart ? 'MongoDB of the keys' : 'MongoDB',
        journal: true,
      }),
    }
    await claim(server, parts.views.db, { namespace, holds: 'views' })
    await claim(keysServer, parts.keys.db, { namespace, holds: 'keys' })
    return {
      ...parts,
      health: () => Promise.all((apart ? [parts.views, parts.keys] : [parts.views]).map(health)),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/**
 * What must not be lost is confirmed on disk, and read only once a majority has it: a key that a failover
 * takes back must not have sealed anything.
 */
function database(
  { client, isFerretDb }: Server & Found,
  name: string,
  { service, journal }: { service: string; journal: boolean },
): MongoDatabase {
  const db = client.db(name, {
    writeConcern: { w: 'majority', wtimeoutMS: CONFIRMED_WITHIN_MS, ...(journal && { journal }) },
    readConcern: new ReadConcern(journal ? 'majority' : 'local'),
  })
  const updatesAtOnce = isFerretDb ? UPDATES_AT_ONCE.ferretdb : UPDATES_AT_ONCE.mongodb
  return { db, service, updatesAtOnce }
}

async function health(
  one: MongoDatabase,
): Promise<{ service: string; ok: boolean; detail?: string }> {
  const { service } = one
  try {
    await ask(one, REQUEST_MS, () => one.db.command({ ping: 1 }))
    return { service, ok: true }
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    return { service, ok: false, detail: cause instanceof Error ? cause.message : String(cause) }
  }
}
