/**
 * M1, M4, M5: the money of every account by plain sums over its events. Two sums that share nothing
 * must agree after each event: what the events say of the balance, and what the named parts of lots
 * leave in the lots.
 */
import type { AccountData, AccountEvent } from '../../domain/account/events.ts'
import { type Checker, type Place, type Placed, placed, type Say } from './checker.ts'

const columns = ['drawn', 'reserved', 'expired', 'revoked', 'repaid'] as const
type Column = (typeof columns)[number]
type Lot = { granted: bigint; expiresAt: string | undefined } & Record<Column, bigint>
type Parts = readonly { readonly lotId: string; readonly amountNanos: string }[]

const freeOf = (lot: Lot): bigint =>
  columns.reduce((left, column) => left - lot[column], lot.granted)
const sum = (parts: Parts): bigint =>
  parts.reduce((total, one) => total + BigInt(one.amountNanos), 0n)

export interface Tally {
  /** Σ granted − Σ revoked − Σ expired − Σ charges ± Σ adjustments. */
  balance: bigint
  debt: bigint
  revision: number
}

interface Account extends Tally {
  /** Free and reserved of all lots. */
  inLots: bigint
  readonly lots: Map<string, Lot>
  readonly holds: Map<string, Parts>
  /** Grants, revocations and adjustments: each once. */
  readonly facts: Set<string>
}

export function accountsChecker(say: Say): Checker & { tallies(): ReadonlyMap<string, Tally> } {
  const accounts = new Map<string, Account>()

  function accountOf(stream: string): Account {
    const found = accounts.get(stream)
    if (found) return found
    const none = { balance: 0n, debt: 0n, revision: -1, inLots: 0n }
    const made = { ...none, lots: new Map(), holds: new Map(), facts: new Set<string>() }
    accounts.set(stream, made)
    return made
  }

  return {
    read(event) {
      if (!event.stream.startsWith('account-')) return
      const account = accountOf(event.stream)
      account.revision = event.revision
      const reader = new Reader(account, event, say)
      reader.apply(placed<AccountEvent>(event))
      reader.balanced()
    },
    tallies: () => accounts,
  }
}

/** One event of one account. */
class Reader {
  readonly #account: Account
  readonly #place: Place
  readonly #say: Say

  constructor(account: Account, place: Place, say: Say) {
    this.#account = account
    this.#place = place
    this.#say = say
  }

  #expect(invariant: 'M1' | 'M4' | 'M5', holds: boolean, sentence: string): void {
    if (!holds) this.#say(invariant, this.#place, sentence)
  }

  #once(fact: string): void {
    this.#expect('M1', !this.#account.facts.has(fact), `${fact} is stated twice`)
    this.#account.facts.add(fact)
  }

  #move(parts: Parts, column: Column, sign: 1n | -1n): void {
    for (const { lotId, amountNanos } of parts) {
      const lot = this.#account.lots.get(lotId)
      if (!lot) {
        this.#expect('M5', false, `lot ${lotId} was never granted`)
        continue
      }
      const amount = sign * BigInt(amountNanos)
      lot[column] += amount
      if (column !== 'reserved') this.#account.inLots -= amount
      this.#expect('M5', lot[column] >= 0n, `${column} of lot ${lotId} is below nothing`)
      this.#expect(
        'M5',
        freeOf(lot) >= 0n,
        `lot ${lotId} gave ${lot.granted - freeOf(lot)} nano-USD of ${lot.granted} granted`,
      )
    }
  }

  #grant(lotId: string, amountNanos: string, expiresAt: string | undefined): void {
    this.#once(`lot ${lotId}`)
    const nothing = { drawn: 0n, reserved: 0n, expired: 0n, revoked: 0n, repaid: 0n }
    this.#account.lots.set(lotId, { granted: BigInt(amountNanos), expiresAt, ...nothing })
    this.#account.inLots += BigInt(amountNanos)
  }

  #repay(parts: Parts = []): void {
    this.#move(parts, 'repaid', 1n)
    this.#account.debt -= sum(parts)
    this.#expect('M1', this.#account.debt >= 0n, 'more debt was paid than there was')
  }

  balanced(): void {
    const { balance, inLots, debt } = this.#account
    this.#expect(
      'M1',
      balance === inLots - debt,
      `by the amounts the balance is ${balance} nano-USD, by the lots ${inLots - debt}`,
    )
  }

  apply({ type, data }: Placed<AccountEvent>): void {
    const account = this.#account
    switch (type) {
      case 'BillingAccountOpened':
        return this.#once('opening')
      case 'CreditGranted':
        this.#once(`grant ${data.grantId}`)
        this.#grant(data.lotId, data.amountNanos, data.expiresAt)
        account.balance += BigInt(data.amountNanos)
        return this.#repay(data.repayments)
      case 'CreditRevoked':
        this.#once(`revocation ${data.revocationId}`)
        this.#move([{ lotId: data.lotId, amountNanos: data.takenNanos }], 'revoked', 1n)
        account.debt += BigInt(data.debtNanos)
        account.balance -= BigInt(data.amountNanos)
        return this.#repay(data.repayments)
      case 'CreditExpired':
        account.balance -= BigInt(data.amountNanos)
        return this.#move([data], 'expired', 1n)
      case 'HoldPlaced':
        return this.#hold(data)
      case 'HoldSettled':
        this.#unhold(data.invocationId)
        account.balance -= BigInt(data.chargeNanos)
        this.#move(data.drawn, 'drawn', 1n)
        this.#told(data.balanceNanos)
        return this.#repay(data.repayments)
      case 'HoldReleased':
        this.#unhold(data.invocationId)
        this.#told(data.balanceNanos)
        return this.#repay(data.repayments)
      case 'ChargeAdjusted':
        return this.#adjust(data)
      case 'BudgetThresholdReached':
        return undefined
    }
  }

  /** What the caller was told. */
  #told(balanceNanos: string | undefined): void {
    const { balance } = this.#account
    const same = balanceNanos === undefined || BigInt(balanceNanos) === balance
    this.#expect('M1', same, `the event says a balance of ${balanceNanos}, it is ${balance}`)
  }

  #hold(data: AccountData<'HoldPlaced'>): void {
    const { lots, debt, holds } = this.#account
    const { invocationId, parts } = data
    this.#expect('M4', debt === 0n, `the hold of ${invocationId} was placed beside a debt`)
    this.#expect(
      'M4',
      sum(parts) === BigInt(data.amountNanos),
      `the parts of the hold of ${invocationId} are ${sum(parts)}, not ${data.amountNanos} nano-USD`,
    )
    for (const { lotId, amountNanos } of parts) {
      const lot = lots.get(lotId)
      const free = lot ? freeOf(lot) : 0n
      const late = lot?.expiresAt !== undefined && lot.expiresAt <= data.at
      const whose = `the hold of ${invocationId} took ${amountNanos} nano-USD of lot ${lotId}`
      this.#expect('M4', free >= BigInt(amountNanos), `${whose}, of which ${free} were free`)
      this.#expect('M4', !late, `${whose}, which had expired`)
    }
    this.#move(parts, 'reserved', 1n)
    holds.set(invocationId, parts)
  }

  #unhold(invocationId: string): void {
    this.#move(this.#account.holds.get(invocationId) ?? [], 'reserved', -1n)
    this.#account.holds.delete(invocationId)
  }

  #adjust(data: AccountData<'ChargeAdjusted'>): void {
    this.#once(`adjustment ${data.adjustmentId}`)
    this.#account.balance += BigInt(data.amountNanos)
    this.#move(data.returned, 'drawn', -1n)
    this.#move(data.drawn, 'drawn', 1n)
    if (data.newLot) this.#grant(data.newLot.lotId, data.newLot.amountNanos, data.newLot.expiresAt)
    this.#repay(data.repayments)
  }
}
