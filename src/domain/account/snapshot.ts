/**
 * The account as JSON, for folding on from there. Never truth: raise the version whenever the state or
 * evolve changes, and every snapshot of before is thrown away.
 */
import type { Decider } from '../decider.ts'
import type { MonthSpent, MonthSums, Spent } from './budgets.ts'
import type { HoldEnd } from './ended-holds.ts'
import { type Lot, type LotPart, lotsFrom } from './lots.ts'
import { PersistentMap } from './persistent-map.ts'
import { type Account, type Hold, lotsOf } from './state.ts'

/** Amounts as texts; the rest of a lot is JSON as it is, `expiresAt` left out where it has none. */
type LotJson = { readonly [K in keyof Lot]?: Lot[K] extends bigint ? string : Lot[K] }

type Row = readonly [of: string, held: string, charged: string]
interface MonthJson {
  readonly month: string
  readonly days: MonthSums['days']
  readonly sums: readonly (readonly [...Row, readonly Row[]])[]
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
  readonly budgets: readonly MonthJson[]
  readonly facts: readonly string[]
  readonly adjusted: readonly (readonly [string, readonly LotPart[]])[]
  readonly posted: readonly (readonly [
    id: string,
    nanos: string,
    withdrawnNanos: string,
    lotIds: readonly string[],
  ])[]
}

export const snapshot: NonNullable<Decider<Account, never, never>['snapshot']> = {
  version: 4,
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
    budgets: account.budgets.map(monthToJson),
    facts: entriesOf(account.facts).map(([fact]) => fact),
    adjusted: entriesOf(account.adjusted),
    posted: entriesOf(account.posted).map(([id, { nanos, withdrawnNanos, lotIds }]) => [
      id,
      nanos.toString(),
      withdrawnNanos.toString(),
      lotIds,
    ]),
  }),
  fromJson(json) {
    // Written by toJson of the same version.
    const stored = json as AccountJson
    const { opened, lots, debtNanos, holds, ended, budgets, facts, adjusted, posted } = stored
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
      budgets: budgets.map(monthFromJson),
      facts: PersistentMap.from(facts.map((fact) => [fact, true] as const)),
      adjusted: PersistentMap.from(adjusted),
      posted: PersistentMap.from(
        posted.map(
          ([id, nanos, withdrawn, lotIds]) =>
            [id, { nanos: BigInt(nanos), withdrawnNanos: BigInt(withdrawn), lotIds }] as const,
        ),
      ),
    }
  },
}

/** In order of key: equal accounts give equal texts. */
const entriesOf = <V>(map: PersistentMap<V>): (readonly [string, V])[] =>
  [...map].sort(([a], [b]) => (a < b ? -1 : 1))

const rowOf = (of: string, { heldNanos, chargedNanos }: Spent): Row => [
  of,
  heldNanos.toString(),
  chargedNanos.toString(),
]
const spentOf = ([, held, charged]: readonly [...Row, ...unknown[]]): Spent => ({
  heldNanos: BigInt(held),
  chargedNanos: BigInt(charged),
})

const monthToJson = ({ month, days, sums, told }: MonthSums): MonthJson => ({
  month,
  days,
  sums: entriesOf(sums).map(([key, spent]) => [
    ...rowOf(key, spent),
    spent.days.map((one) => rowOf(one.day, one)),
  ]),
  told: entriesOf(told),
})

const monthFromJson = ({ month, days, sums, told }: MonthJson): MonthSums => ({
  month,
  days,
  sums: PersistentMap.from(
    sums.map((row): [string, MonthSpent] => [
      row[0],
      { ...spentOf(row), days: row[3].map((one) => ({ day: one[0], ...spentOf(one) })) },
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
