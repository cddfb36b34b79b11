/** What a connection string says, without its password: for messages, and which database it names. */
import { MongoClient, MongoParseError, type MongoClientOptions } from 'mongodb'
import { StoreRefused } from '../../../ports/store-refused.ts'

export interface MongoAddress {
  readonly url: string
  /** The setting that gave it. */
  readonly setting: string
}

/** A server's own databases: whoever names one of them means where its user is kept. */
const SYSTEM_DATABASES: ReadonlySet<string> = new Set(['admin', 'config', 'local'])

/** @throws StoreRefused for what is no connection string, or would trust any server. */
export function clientOf(address: MongoAddress, options: MongoClientOptions): MongoClient {
  const client = parsed(address, options)
  const { rejectUnauthorized, checkServerIdentity } = client.options
  if (rejectUnauthorized === false || checkServerIdentity !== undefined)
    throw new StoreRefused(
      `${address.setting} turns the check of certificates off (tlsInsecure, tlsAllowInvalidCertificates or ` +
        'tlsAllowInvalidHostnames): name the authority of the certificate with tlsCAFile.',
    )
  return client
}

function parsed({ url, setting }: MongoAddress, options: MongoClientOptions): MongoClient {
  try {
    return new MongoClient(url, options)
  } catch (error) {
    const reason = error instanceof MongoParseError ? `: ${withoutSecrets(error.message, url)}` : ''
    throw new StoreRefused(
      `${setting} is not a connection string of MongoDB (mongodb://host:27017)${reason}.`,
    )
  }
}

/** Hosts, as a person knows them. */
export function hostsOf(client: MongoClient): string {
  const { srvHost, hosts } = client.options
  return srvHost ?? hosts.map(String).join(', ')
}

/** The database that a connection string names. */
export function databaseIn(url: string): string | undefined {
  const path = /^mongodb(?:\+srv)?:\/\/[^/?]+\/([^/?]+)/.exec(url)?.[1]
  const name = path === undefined ? undefined : decodeURIComponent(path)
  return name === undefined || SYSTEM_DATABASES.has(name) ? undefined : name
}

/** An error's text, as long as it repeats nothing of user and password. */
function withoutSecrets(message: string, url: string): string {
  const credentials = /^[^/]*\/\/(.*)@/s.exec(url)?.[1] ?? ''
  const parts = credentials.split(':').filter((part) => part.length > 0)
  return parts.some((part) => message.includes(part)) ? 'it cannot be read' : message
}
