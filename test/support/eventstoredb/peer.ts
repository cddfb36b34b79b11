/** What the handlers of one server share. */
import type { ArmedFaults } from './faults.ts'
import type { Front } from './front.ts'
import type { Log } from './log.ts'
import type { Index } from './streams.ts'

export interface Peer {
  readonly index: Index
  readonly log: Log
  readonly front: Front
  readonly faults: ArmedFaults
  readonly maxAppendSize: number
  /** Where clients are sent by `not-leader` unless the fault says otherwise. */
  readonly leader: () => { readonly host: string; readonly port: number }
  readonly credentials: Credentials | undefined
  /** Ends the server at once, as SIGKILL does. */
  readonly die: () => void
  /** Calls back once, when more events can be seen. */
  readonly onVisible: (wake: () => void) => void
  readonly subscriptions: Set<OpenSubscription>
}

export interface OpenSubscription {
  readonly end: () => void
  muted: boolean
}

export interface Credentials {
  readonly username: string
  readonly password: string
}

/** Whether the caller may: nobody is asked who they are unless the server has credentials. */
export function accessOf(
  peer: Peer,
  call: { readonly metadata: { get(key: string): (string | Buffer)[] } },
): 'granted' | 'anonymous' | 'wrong' {
  if (!peer.credentials) return 'granted'
  const [header] = call.metadata.get('authorization')
  if (header === undefined) return 'anonymous'
  const { username, password } = peer.credentials
  const expected = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
  return String(header) === expected ? 'granted' : 'wrong'
}
