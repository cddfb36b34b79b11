/**
 * An account recomputed from its events alone, by sums and in the plainest way, sharing nothing with
 * the fold: what every prefix of the log must keep (M1, M3, M4, M5 and what the account's README
 * promises besides). Answers each broken promise as a sentence.
 */
import type { AccountEvent } from '../../src/domain/account/events.ts'

interface Tally {
  expiresAt: string | undefined
  granted: bigint
  drawn: bigint
  reserved: bigint
  expired: bigint
  revoked: bigint
  repaid: bigint
}
type Parts = readonly { lotId: string; amountNanos: string }[]

const columns = ['drawn', 'reserved', 'expired', 'revoked', 'repaid'] as const
const free = (lot: Tally) => columns.reduce((left, column) => left - lot[column], lot.granted)
const sum = (parts: Parts) => parts.reduce((total, one) => total + BigInt(one.amountNanos), 0n)

export class AccountOracle {
  readonly violations: string[] = []
  /** Σ granted − Σ revoked − Σ expired − Σ charges ± Σ adjustments. */
  balance = 0n
  debt = 0n
  readonly lots = new Map<string, Tally>()
  readonly open = new Map<string, Extract<AccountEvent, { type: 'HoldPlaced' }>['data']>()
  readonly charges = new Map<string, bigint>()
  private readonly placed = new Set<string>()
  private readonly stated = new Set<string>()
  private event = 0

  static of(events: readonly AccountEvent[]): AccountOracle {
    const oracle = new AccountOracle()
    for (const event of events) oracle.read(event)
    return oracle
  }

  get held(): bigint {
    return [...this.lots.values()].reduce((total, lot) => total + lot.reserved, 0n)
  }

  available(at: string): bigint {
    const usable = [...this.lots.values()].filter((lot) => !lot.expiresAt || lot.expiresAt > at)
    return usable.reduce((total, lot) => total + free(lot), 0n) - this.debt
  }

  read(event: AccountEvent): void {
    this.event++
    this.apply(event)
    const lots = [...this.lots]
    const inLots = lots.reduce((total, [, lot]) => total + free(lot) + lot.reserved, 0n)
    this.expect(
      this.balance === inLots - this.debt,
      `M1 ${this.balance} ≠ ${inLots} − ${this.debt}`,
    )
    for (const [id, lot] of lots) {
      this.expect(free(lot) >= 0n, `M5 ${id} gave more than it had`)
      for (const column of columns) this.expect(lot[column] >= 0n, `M5 ${id} ${column} < 0`)
    }
    this.expect(this.debt >= 0n, 'debt below nothing')
    const { at } = event.data
    const usable = ([, lot]: [string, Tally]) => !lot.expiresAt || lot.expiresAt > at
    const spent = lots.filter(usable).every(([, lot]) => free(lot) === 0n)
    this.expect(this.debt === 0n || spent, 'debt beside credit')
    const holds = [...this.open.values()].reduce((total, hold) => total + sum(hold.parts), 0n)
    this.expect(holds === this.held, `reserved ${this.held} but held ${holds}`)
  }

  private expect(holds: boolean, promise: string): void {
    if (!holds) this.violations.push(`event ${this.event}: ${promise}`)
  }

  private once(fact: string): void {
    this.expect(!this.stated.has(fact), `${fact} twice`)
    this.stated.add(fact)
  }

  private move(parts: Parts, column: (typeof columns)[number], sign = 1n): void {
    for (const { lotId, amountNanos } of parts) {
      const lot = this.lots.get(lotId)
      this.expect(lot !== undefined, `${lotId} was never granted`)
      this.expect(BigInt(amountNanos) > 0n, `an empty part of ${lotId}`)
      if (lot) lot[column] += sign * BigInt(amountNanos)
    }
  }

  private repay(parts: Parts = []): void {
    this.move(parts, 'repaid')
    this.debt -= sum(parts)
  }

  private grant(lotId: string, amount: string, expiresAt: string | undefined): void {
    this.once(`lot ${lotId}`)
    const nothing = { drawn: 0n, reserved: 0n, expired: 0n, revoked: 0n, repaid: 0n }
    this.lots.set(lotId, { expiresAt, granted: BigInt(amount), ...nothing })
  }

  private apply({ type, data }: AccountEvent): void {
    switch (type) {
      case 'BillingAccountOpened':
        return this.once('opened')
      case 'CreditGranted':
        this.once(`grant ${data.grantId}`)
        this.grant(data.lotId, data.amountNanos, data.expiresAt)
        this.balance += BigInt(data.amountNanos)
        return this.repay(data.repayments)
      case 'CreditRevoked': {
        this.once(`revocation ${data.revocationId}`)
        const [taken, debt] = [BigInt(data.takenNanos), BigInt(data.debtNanos)]
        this.expect(BigInt(data.amountNanos) === taken + debt, 'a revocation is taken + debt')
        const lot = this.lots.get(data.lotId)
        if (lot) lot.revoked += taken
        this.balance -= BigInt(data.amountNanos)
        this.debt += debt
        return this.repay(data.repayments)
      }
      case 'CreditExpired': {
        const lot = this.lots.get(data.lotId)
        this.expect(lot?.expiresAt !== undefined && lot.expiresAt <= data.at, 'expired too early')
        this.expect(lot !== undefined && free(lot) === BigInt(data.amountNanos), 'all free expires')
        this.balance -= BigInt(data.amountNanos)
        return this.move([data], 'expired')
      }
      case 'HoldPlaced':
        return this.hold(data)
      case 'HoldSettled':
        return this.settle(data)
      case 'HoldReleased':
        this.endHold(data.invocationId)
        return this.repay(data.repayments)
      case 'ChargeAdjusted':
        return this.adjust(data)
      // Told, and no money moved.
      case 'BudgetThresholdReached':
        return undefined
    }
  }

  private hold(data: Extract<AccountEvent, { type: 'HoldPlaced' }>['data']): void {
    this.expect(!this.placed.has(data.invocationId), `M3 ${data.invocationId} held twice`)
    this.placed.add(data.invocationId)
    this.expect(this.debt === 0n, 'M4 a hold beside debt')
    this.expect(sum(data.parts) === BigInt(data.amountNanos), 'M4 parts are the hold')
    for (const { lotId, amountNanos } of data.parts) {
      const lot = this.lots.get(lotId)
      this.expect(lot !== undefined && free(lot) >= BigInt(amountNanos), `M4 ${lotId} was not free`)
      this.expect(!lot?.expiresAt || lot.expiresAt > data.at, `M4 ${lotId} had expired`)
    }
    this.move(data.parts, 'reserved')
    this.open.set(data.invocationId, data)
  }

  private endHold(invocationId: string): Parts {
    const hold = this.open.get(invocationId)
    this.expect(hold !== undefined, `M3 ${invocationId} ended without an open hold`)
    this.move(hold?.parts ?? [], 'reserved', -1n)
    this.open.delete(invocationId)
    return hold?.parts ?? []
  }

  private settle(data: Extract<AccountEvent, { type: 'HoldSettled' }>['data']): void {
    const parts = new Map(this.endHold(data.invocationId).map((one) => [one.lotId, one]))
    for (const { lotId, amountNanos } of data.drawn) {
      const part = parts.get(lotId)
      this.expect(
        part !== undefined && BigInt(part.amountNanos) >= BigInt(amountNanos),
        `${data.invocationId} drew from ${lotId} what it had not held`,
      )
    }
    this.expect(!this.charges.has(data.invocationId), `M3 ${data.invocationId} charged twice`)
    this.expect(sum(data.drawn) === BigInt(data.chargeNanos), 'the charge is what was drawn')
    this.charges.set(data.invocationId, BigInt(data.chargeNanos))
    this.balance -= BigInt(data.chargeNanos)
    this.move(data.drawn, 'drawn')
    this.repay(data.repayments)
  }

  private adjust(data: Extract<AccountEvent, { type: 'ChargeAdjusted' }>['data']): void {
    this.once(`adjustment ${data.adjustmentId}`)
    const amount = BigInt(data.amountNanos)
    const left = (this.charges.get(data.invocationId) ?? 0n) - amount
    this.expect(this.charges.has(data.invocationId), 'an adjustment of no charge')
    this.expect(left >= 0n, 'more came back than was charged')
    this.expect(sum(data.remaining) === left, 'what remains is the charge after the adjustment')
    this.charges.set(data.invocationId, left)
    const moved = sum(data.returned) + BigInt(data.newLot?.amountNanos ?? 0) - sum(data.drawn)
    this.expect(moved === amount, 'an adjustment moves its amount')
    this.balance += amount
    this.move(data.returned, 'drawn', -1n)
    this.move(data.drawn, 'drawn')
    if (data.newLot) this.grant(data.newLot.lotId, data.newLot.amountNanos, data.newLot.expiresAt)
    this.repay(data.repayments)
  }
}
