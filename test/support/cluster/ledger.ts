/**
 * What the log says of everything that a load can have been told: calls, charges, credit, sessions. Read
 * from the stored events alone, with nothing of the product's deciders in between.
 */
import type { EventStore, StoredEvent } from '../../../src/ports/event-store.ts'
import { BEFORE_ALL } from '../../../src/ports/event-store.ts'

const PAGE = 1_000
const ENDS = new Set(['InvocationCompleted', 'InvocationFailed', 'InvocationCanceled'])

export interface CallRecord {
  readonly heldAt: bigint
  accepted: number
  readonly ends: string[]
  holdOpen: boolean
  chargeNanos: bigint | undefined
  /** Whose account, and its revision at the hold's end. */
  readonly orgId: string
  endedAt: number | undefined
}

export class Ledger {
  readonly calls = new Map<string, CallRecord>()
  /** How often each lot was granted. */
  readonly lots = new Map<string, number>()
  /** `session generation` of every refresh token that was ever issued. */
  readonly tokens = new Set<string>()
  /** Of every account its balance at each revision. */
  readonly #balances = new Map<string, bigint[]>()
  readonly positions = new Set<bigint>()
  #position = BEFORE_ALL

  get position(): bigint {
    return this.#position
  }

  /** What the account had at a revision. */
  balance(orgId: string, revision: number): bigint | undefined {
    return this.#balances.get(orgId)?.[revision]
  }

  /** Whether the account had so much when the call's hold had ended, or at some time after it. */
  hadAfter({ orgId, endedAt }: CallRecord, nanos: bigint): boolean {
    return endedAt !== undefined && this.#balances.get(orgId)?.includes(nanos, endedAt) === true
  }

  /** Reads on to the end of the log. */
  async read(log: Pick<EventStore, 'readAll'>): Promise<void> {
    for (;;) {
      const page = await log.readAll({ after: this.#position, limit: PAGE })
      for (const event of page) this.#read(event)
      this.#position = page.at(-1)?.position ?? this.#position
      if (page.length < PAGE) return
    }
  }

  /** Calls that have not ended, or whose hold has not. */
  open(heldSince: bigint): string[] {
    return [...this.calls]
      .filter(([, { heldAt, accepted, ends, holdOpen }]) => {
        const open = holdOpen || (accepted > 0 && ends.length === 0)
        return heldAt >= heldSince && open
      })
      .map(([id]) => id)
  }

  #read(event: StoredEvent): void {
    const { type, stream, revision, position } = event
    const data = event.data as Readonly<Record<string, unknown>>
    const text = (name: string): string => String(data[name])
    this.positions.add(position)
    if (stream.startsWith('account-')) {
      const orgId = stream.slice('account-'.length)
      const known = this.#balances.get(orgId) ?? []
      this.#balances.set(orgId, known)
      known[revision] = (known[revision - 1] ?? 0n) + this.#account(event, orgId, text)
    } else if (stream.startsWith('invocation-')) {
      const call = this.calls.get(text('invocationId'))
      if (call && type === 'InvocationAccepted') call.accepted++
      if (call && ENDS.has(type)) call.ends.push(type)
    } else if (type === 'SessionStarted') this.tokens.add(`${text('sessionId')} 1`)
    else if (type === 'SessionRefreshed')
      this.tokens.add(`${text('sessionId')} ${text('generation')}`)
  }

  /** Answers by how much the balance changes. */
  #account(
    { type, revision, position }: StoredEvent,
    orgId: string,
    text: (name: string) => string,
  ): bigint {
    switch (type) {
      case 'CreditGranted':
        this.lots.set(text('lotId'), (this.lots.get(text('lotId')) ?? 0) + 1)
        return BigInt(text('amountNanos'))
      case 'HoldPlaced':
        if (this.calls.has(text('invocationId'))) throw new Error(`two holds: ${position}`)
        this.calls.set(text('invocationId'), {
          orgId,
          heldAt: position,
          accepted: 0,
          ends: [],
          holdOpen: true,
          chargeNanos: undefined,
          endedAt: undefined,
        })
        return 0n
      case 'HoldSettled':
      case 'HoldReleased': {
        const call = this.calls.get(text('invocationId'))
        if (!call?.holdOpen) throw new Error(`a hold ends twice: ${position}`)
        call.holdOpen = false
        call.endedAt = revision
        if (type === 'HoldReleased') return 0n
        call.chargeNanos = BigInt(text('chargeNanos'))
        return -call.chargeNanos
      }
      case 'BillingAccountOpened':
        return 0n
      default:
        throw new Error(`no load makes ${type}`)
    }
  }
}
