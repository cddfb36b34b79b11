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
  /** Of the account after the hold's end. */
  balanceNanos: bigint | undefined
}

export class Ledger {
  readonly calls = new Map<string, CallRecord>()
  /** How often each lot was granted. */
  readonly lots = new Map<string, number>()
  /** `session generation` of every refresh token that was ever issued. */
  readonly tokens = new Set<string>()
  /** `orgId revision` of every account, with its balance then. */
  readonly balances = new Map<string, bigint>()
  readonly positions = new Set<bigint>()
  readonly #latest = new Map<string, bigint>()
  #position = BEFORE_ALL

  get position(): bigint {
    return this.#position
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
      this.#account(event, text)
      const orgId = stream.slice('account-'.length)
      this.balances.set(`${orgId} ${revision}`, this.#latest.get(orgId) ?? 0n)
    } else if (stream.startsWith('invocation-')) {
      const call = this.calls.get(text('invocationId'))
      if (call && type === 'InvocationAccepted') call.accepted++
      if (call && ENDS.has(type)) call.ends.push(type)
    } else if (type === 'SessionStarted') this.tokens.add(`${text('sessionId')} 1`)
    else if (type === 'SessionRefreshed')
      this.tokens.add(`${text('sessionId')} ${text('generation')}`)
  }

  #account({ type, stream, position }: StoredEvent, text: (name: string) => string): void {
    const orgId = stream.slice('account-'.length)
    const change = (nanos: bigint) =>
      this.#latest.set(orgId, (this.#latest.get(orgId) ?? 0n) + nanos)
    switch (type) {
      case 'CreditGranted':
        this.lots.set(text('lotId'), (this.lots.get(text('lotId')) ?? 0) + 1)
        return change(BigInt(text('amountNanos'))) && undefined
      case 'HoldPlaced':
        if (this.calls.has(text('invocationId'))) throw new Error(`two holds: ${position}`)
        this.calls.set(text('invocationId'), {
          heldAt: position,
          accepted: 0,
          ends: [],
          holdOpen: true,
          chargeNanos: undefined,
          balanceNanos: undefined,
        })
        return
      case 'HoldSettled':
      case 'HoldReleased': {
        const call = this.calls.get(text('invocationId'))
        if (!call?.holdOpen) throw new Error(`a hold ends twice: ${position}`)
        call.holdOpen = false
        call.balanceNanos = BigInt(text('balanceNanos'))
        if (type === 'HoldReleased') return
        call.chargeNanos = BigInt(text('chargeNanos'))
        return change(-call.chargeNanos) && undefined
      }
      case 'BillingAccountOpened':
        return
      default:
        throw new Error(`no load makes ${type}`)
    }
  }
}
