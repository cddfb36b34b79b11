/** What an account is after its events, and what can be read from it. Never changed, only followed. */
import { maxNanos } from '../money.ts'
import { Refusal } from '../refusal.ts'
import { type Budgets, noBudgets } from './budgets.ts'
import { type EndedHolds, noEndedHolds } from './ended-holds.ts'
import type { AccountData } from './events.ts'
import { dueLots, freeAt, type Lot, type LotPart, type Lots, noLots } from './lots.ts'
import { PersistentMap } from './persistent-map.ts'

/** An open hold is what HoldPlaced says: a retry accepts its call from here. */
export type Hold = AccountData<'HoldPlaced'>

/** What was posted for a payment, less what was taken back for it. */
export interface Posted {
  readonly nanos: bigint
  /** Taken back while it could be used, or owed since, and not given again. */
  readonly withdrawnNanos: bigint
  /** Its lots, oldest first. */
  readonly lotIds: readonly string[]
}

export const nothingPosted: Posted = { nanos: 0n, withdrawnNanos: 0n, lotIds: [] }

export interface Account {
  readonly opened: boolean
  readonly lots: Lots
  readonly debtNanos: bigint
  readonly holds: PersistentMap<Hold>
  readonly ended: EndedHolds
  /** What was held and charged by period and spender. */
  readonly budgets: Budgets
  /** Grants, revocations and adjustments that have happened: each once, for ever. */
  readonly facts: PersistentMap<true>
  /** Of each invocation whose charge was adjusted: what it is still charged, lot by lot. */
  readonly adjusted: PersistentMap<readonly LotPart[]>
  /** By the provider's id of the payment. */
  readonly posted: PersistentMap<Posted>
}

export const noAccount: Account = {
  opened: false,
  lots: noLots,
  debtNanos: 0n,
  holds: PersistentMap.empty(),
  ended: noEndedHolds,
  budgets: noBudgets,
  facts: PersistentMap.empty(),
  adjusted: PersistentMap.empty(),
  posted: PersistentMap.empty(),
}

/** All credit that is not charged, expired or taken back, less the debt; held credit is in it. */
export const balanceOf = (account: Account): bigint =>
  account.lots.freeNanos + account.lots.reservedNanos - account.debtNanos

/** What a hold could take now; negative by the debt. */
export const availableOf = (account: Account, at: string): bigint =>
  freeAt(account.lots, at) - account.debtNanos

export const heldOf = (account: Account): bigint => account.lots.reservedNanos

export const debtOf = (account: Account): bigint => account.debtNanos

/** Every lot there ever was, in order of arrival. */
export const lotsOf = (account: Account): readonly Lot[] =>
  Array.from(account.lots.byId, ([, lot]) => lot).sort((a, b) => a.sequence - b.sequence)

/** The credit that the account has for a payment. */
export const postedOf = (account: Account, paymentId: string): bigint =>
  account.posted.get(paymentId)?.nanos ?? 0n

export const withdrawnOf = (account: Account, paymentId: string): bigint =>
  account.posted.get(paymentId)?.withdrawnNanos ?? 0n

export const holdOf = (account: Account, invocationId: string): Hold | undefined =>
  account.holds.get(invocationId)

/** The open holds, oldest first. */
export const holdsOf = (account: Account): readonly Hold[] =>
  Array.from(account.holds, ([, hold]) => hold).sort((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1))
const orderOf = (hold: Hold): string => `${hold.at} ${hold.invocationId}`

/** Waiting helps where the open holds, if all of them came back whole, would leave enough. */
export function insufficientCredit(account: Account, needed: bigint, at: string): Refusal {
  const held = heldOf(account)
  const late = dueLots(account.lots, at).reduce((sum, lot) => sum + lot.reservedNanos, 0n)
  const debtLeft = maxNanos(account.debtNanos - late, 0n)
  const atBest = freeAt(account.lots, at) + held - late - debtLeft
  return new Refusal('insufficient_credit', {
    neededNanos: needed.toString(),
    availableNanos: availableOf(account, at).toString(),
    heldNanos: held.toString(),
    helpsToWait: atBest >= needed,
  })
}

/** What only a defect of a caller can break; nothing is written. */
export function assert(condition: boolean, promise: string): asserts condition {
  if (!condition) throw new Error(`account: ${promise}`)
}
