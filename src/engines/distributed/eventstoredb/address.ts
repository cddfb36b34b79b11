/**
 * EVENTSTOREDB_URL, looked at before the client sees it: the client prints or keeps the whole text, with
 * its password, when it dislikes something. What leaves this file names hosts and options only.
 */
import { readFileSync } from 'node:fs'
import { StoreRefused } from '../../../ports/store-refused.ts'

export interface Address {
  /** As it was given; holds the password. */
  readonly url: string
  /** The hosts with their ports, for people. */
  readonly name: string
  readonly host: string
  readonly port: number
  readonly tls: boolean
  readonly withPassword: boolean
  /** The authority that signed the server's certificate, where the URL names one. */
  readonly authority: Buffer | undefined
}

const OPTIONS = [
  'connectionName',
  'defaultDeadline',
  'discoveryInterval',
  'gossipTimeout',
  'keepAliveInterval',
  'keepAliveTimeout',
  'maxDiscoverAttempts',
  'nodePreference',
  'throwOnAppendFailure',
  'tls',
  'tlsCAFile',
  'tlsVerifyCert',
  'userCertFile',
  'userKeyFile',
]
const DEFAULT_PORT = 2113

/** @throws StoreRefused */
export function parseAddress(url: string): Address {
  const match = /^esdb(?:\+discover)?:\/\/(?:([^:]+:[^@]+)@)?([^?]+?)\/*(?:\?(.*))?$/.exec(
    url.trim(),
  )
  const [, credentials, hosts, query = ''] = match ?? []
  if (hosts === undefined) {
    throw new StoreRefused(
      'EVENTSTOREDB_URL is no address of EventStoreDB: it looks like esdb://localhost:2113?tls=false or esdb://user:password@host:2113.',
    )
  }
  // The rest of a password with an @ in it would be taken for a host, and be printed.
  if (hosts.includes('@') || !isPercentEncoded(credentials ?? '')) {
    throw new StoreRefused(
      'EVENTSTOREDB_URL holds a user name or a password with characters that must be percent-encoded (@ is %40, : is %3A, % is %25).',
    )
  }
  const options = parseOptions(query)
  const [first = ''] = hosts.split(',')
  const [host = '', port = String(DEFAULT_PORT)] = first.split(':')
  const tls = options.get('tls') !== 'false'
  return {
    url: url.trim(),
    name: hosts,
    host,
    port: Number(port),
    tls,
    withPassword: credentials !== undefined,
    authority: tls ? certificate(options.get('tlsCAFile')) : undefined,
  }
}

function parseOptions(query: string): Map<string, string> {
  const options = new Map<string, string>()
  for (const pair of query.split('&').filter((text) => text !== '')) {
    const [name = '', value = ''] = pair.split('=')
    const known = OPTIONS.find((option) => flat(option) === flat(name))
    if (known === undefined) {
      throw new StoreRefused(
        `EVENTSTOREDB_URL has an option ${JSON.stringify(name)} that EventStoreDB's client does not know; it knows ${OPTIONS.join(', ')}.`,
      )
    }
    options.set(known, value)
  }
  if (options.get('tlsVerifyCert') === 'false') {
    throw new StoreRefused(
      'EVENTSTOREDB_URL says tlsVerifyCert=false, which the client does not follow: name the authority of the certificate with tlsCAFile.',
    )
  }
  return options
}

/** The client takes option names in any case, with - and _. */
const flat = (name: string): string => name.trim().toLowerCase().replaceAll(/[-_]/g, '')

function isPercentEncoded(text: string): boolean {
  try {
    decodeURIComponent(text)
    return !text.includes('/')
  } catch {
    return false
  }
}

function certificate(path: string | undefined): Buffer | undefined {
  if (path === undefined) return undefined
  try {
    return readFileSync(decodeURIComponent(path))
  } catch (cause) {
    throw new StoreRefused(
      `EVENTSTOREDB_URL names a certificate file that cannot be read (tlsCAFile=${path}).`,
      cause,
    )
  }
}
