/**
 * The account as JSON, for folding on from there. Never truth: raise the version whenever the state or
 * evolve changes, and every snapshot of before is thrown away.
 */
import type { Decider } from '../decider.ts'
import type { PeriodSums, Spent } from './budgets.ts'
import type { HoldEnd } from './ended-holds.ts'
import { type Lot, type LotPart, lotsFrom } from './lots.ts'
import { PersistentMap } from './persistent-map.ts'
import { type Account, type Hold, lotsOf } from './state.ts'

/** Amounts as texts; the rest of a lot is JSON as it is, `expiresAt` left out where it has none. */
type LotJson = { readonly [K in keyof Lot]?: Lot[K] extends bigint ? string : Lot[K] }

interface PeriodJson {
  readonly start: string
  readonly open: number
  /** Key, held, charged. */
  readonly sums: readonly (readonly [string, string, string])[]
  readonly told: readonly (readonly [string, number])[]
}

interface AccountJson {
  readonly opened: boolean
  readonly lots: readonly LotJson[]
  readonly debtNanos: string
  readonly holds: readonly (readonly [string, Hold])[]
  readonly ended: {
    readonly since: number
    readonly younger: readonly (readonly [string, HoldEnd])[]
    readonly older: readonly (readonly [string, HoldEnd])[]
  }
  readonly budgets: readonly PeriodJson[]
  readonly facts: readonly string[]
  readonly adjusted: readonly (readonly [string, readonly LotPart[]])[]
}

export const snapshot: NonNullable<Decider<Account, never, never>['snapshot']> = {
  version: 2,
  toJson: (account): AccountJson => ({
    opened: account.opened,
    lots: lotsOf(account).map(lotToJson),
    debtNanos: account.debtNanos.toString(),
    holds: entriesOf(account.holds),
    ended: {
      since: account.ended.since,
      younger: entriesOf(account.ended.younger),
      older: entriesOf(account.ended.older),
    },
    budgets: account.budgets.map(periodToJson),
    facts: entriesOf(account.facts).map(([fact]) => fact),
    adjusted: entriesOf(account.adjusted),
  }),
  fromJson(json) {
    // Written by toJson of the same version.
    const { opened, lots, debtNanos, holds, ended, budgets, facts, adjusted } = json as AccountJson
    return {
      opened,
      lots: lotsFrom(lots.map(lotFromJson)),
      debtNanos: BigInt(debtNanos),
      holds: PersistentMap.from(holds),
      ended: {
        since: ended.since,
        younger: PersistentMap.from(ended.younger),
        older: PersistentMap.from(ended.older),
      },
      budgets: budgets.map(periodFromJson),
      facts: PersistentMap.from(facts.map((fact) => [fact, true] as const)),
      adjusted: PersistentMap.from(adjusted),
    }
  },
}

/** In order of key: equal accounts give equal texts. */
const entriesOf = <V>(map: PersistentMap<V>): (readonly [string, V])[] =>
  [...map].sort(([a], [b]) => (a < b ? -1 : 1))

const periodToJson = ({ start, open, sums, told }: PeriodSums): PeriodJson => ({
  start,
  open,
  sums: entriesOf(sums).map(([key, { heldNanos, chargedNanos }]) => [
    key,
    heldNanos.toString(),
    chargedNanos.toString(),
  ]),
  told: entriesOf(told),
})

const periodFromJson = ({ start, open, sums, told }: PeriodJson): PeriodSums => ({
  start,
  open,
  sums: PersistentMap.from(
    sums.map(([key, held, charged]): [string, Spent] => [
      key,
      { heldNanos: BigInt(held), chargedNanos: BigInt(charged) },
    ]),
  ),
  told: PersistentMap.from(told),
})

const lotToJson = (lot: Lot): LotJson =>
  Object.fromEntries(
    Object.entries(lot).map(([key, value]: [string, unknown]) => [
      key,
      typeof value === 'bigint' ? value.toString() : value,
    ]),
  )

const lotFromJson = (json: LotJson): Lot => {
  const fields = Object.entries(json).map(([key, value]: [string, unknown]) => [
    key,
    key.endsWith('Nanos') ? BigInt(value as string) : value,
  ])
  return { expiresAt: undefined, ...Object.fromEntries(fields) } as Lot
}
