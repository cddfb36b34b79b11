/**
 * The lots of an account: what was granted, what became of each part of it, and which is drawn next.
 * A lot is never forgotten (there are as many as grants); the few that still hold something stand in
 * order of draw, so that a decision looks at those alone.
 */
import { minNanos } from '../money.ts'
import type { AccountData, CreditKind } from './events.ts'
import { PersistentMap } from './persistent-map.ts'

export interface Lot {
  readonly lotId: string
  /** `adjustment`: made because a refund could not return to a lot that had expired. */
  readonly kind: CreditKind | 'adjustment'
  readonly expiresAt: string | undefined
  /** Order of arrival, from 0. */
  readonly sequence: number
  readonly grantedNanos: bigint
  /** Charged. */
  readonly drawnNanos: bigint
  /** Held for calls that run. */
  readonly reservedNanos: bigint
  readonly expiredNanos: bigint
  /** Taken back while it was free. */
  readonly revokedNanos: bigint
  /** Went to the account's debt. */
  readonly repaidNanos: bigint
  /** All that was ever asked back, and how much of that had expired before it was asked. */
  readonly askedBackNanos: bigint
  readonly expiredBeforeNanos: bigint
}

export interface Lots {
  readonly byId: PersistentMap<Lot>
  /** Ids of the lots with anything free or reserved, in order of draw. */
  readonly open: readonly string[]
  /** Sums over all lots. */
  readonly freeNanos: bigint
  readonly reservedNanos: bigint
}

/** So much of that lot, as events say it. */
export type LotPart = AccountData<'HoldPlaced'>['parts'][number]

export const noLots: Lots = {
  byId: PersistentMap.empty(),
  open: [],
  freeNanos: 0n,
  reservedNanos: 0n,
}

/** The lots of a snapshot. */
export function lotsFrom(all: readonly Lot[]): Lots {
  return {
    byId: PersistentMap.from(all.map((lot) => [lot.lotId, lot] as const)),
    open: all
      .filter(isOpen)
      .sort(compareDraw)
      .map((lot) => lot.lotId),
    freeNanos: all.reduce((sum, lot) => sum + freeOf(lot), 0n),
    reservedNanos: all.reduce((sum, lot) => sum + lot.reservedNanos, 0n),
  }
}

export const freeOf = (lot: Lot): bigint =>
  lot.grantedNanos -
  lot.drawnNanos -
  lot.reservedNanos -
  lot.expiredNanos -
  lot.revokedNanos -
  lot.repaidNanos

const isOpen = (lot: Lot): boolean => lot.reservedNanos > 0n || freeOf(lot) > 0n

/** Times are ISO texts of one form, so their order is that of the letters. */
export const isDue = (lot: Lot, at: string): boolean =>
  lot.expiresAt !== undefined && lot.expiresAt <= at

/** Expiring first, soonest first; then what cost the customer nothing, then paid; then the oldest. */
export function compareDraw(a: Lot, b: Lot): number {
  if (a.expiresAt !== b.expiresAt) {
    if (a.expiresAt === undefined) return 1
    if (b.expiresAt === undefined) return -1
    return a.expiresAt < b.expiresAt ? -1 : 1
  }
  return rank(a) - rank(b) || a.sequence - b.sequence
}

const rank = (lot: Lot): number => (lot.kind === 'paid' ? 1 : 0)

export function addLot(
  lots: Lots,
  lot: Pick<Lot, 'lotId' | 'kind' | 'expiresAt' | 'grantedNanos'>,
): Lots {
  const added: Lot = {
    ...lot,
    sequence: lots.byId.size,
    drawnNanos: 0n,
    reservedNanos: 0n,
    expiredNanos: 0n,
    revokedNanos: 0n,
    repaidNanos: 0n,
    askedBackNanos: 0n,
    expiredBeforeNanos: 0n,
  }
  return {
    ...lots,
    byId: lots.byId.set(lot.lotId, added),
    open: isOpen(added) ? insert(lots, added) : lots.open,
    freeNanos: lots.freeNanos + lot.grantedNanos,
  }
}

function insert(lots: Lots, lot: Lot): readonly string[] {
  const place = lots.open.findIndex((id) => compareDraw(lot, lotOf(lots, id)) < 0)
  return lots.open.toSpliced(place < 0 ? lots.open.length : place, 0, lot.lotId)
}

/** A lot that an event of this stream names. That it is missing is a defect, never an answer. */
export function lotOf(lots: Lots, lotId: string): Lot {
  const lot = lots.byId.get(lotId)
  if (!lot) throw new Error(`lot ${lotId} was never granted`)
  return lot
}

export function changeLot(lots: Lots, lotId: string, change: (lot: Lot) => Partial<Lot>): Lots {
  const before = lotOf(lots, lotId)
  const after: Lot = { ...before, ...change(before) }
  const [was, is] = [isOpen(before), isOpen(after)]
  return {
    byId: lots.byId.set(lotId, after),
    open:
      was === is
        ? lots.open
        : is
          ? insert(lots, after)
          : lots.open.filter((openId) => openId !== lotId),
    freeNanos: lots.freeNanos + freeOf(after) - freeOf(before),
    reservedNanos: lots.reservedNanos + after.reservedNanos - before.reservedNanos,
  }
}

/** The same change to the lot of each part, with the part's amount. */
export const changeLots = (
  lots: Lots,
  parts: readonly LotPart[],
  change: (lot: Lot, amount: bigint) => Partial<Lot>,
): Lots =>
  parts.reduce(
    (all, part) => changeLot(all, part.lotId, (lot) => change(lot, BigInt(part.amountNanos))),
    lots,
  )

export const reserve = (lots: Lots, parts: readonly LotPart[]): Lots =>
  changeLots(lots, parts, (lot, amount) => ({ reservedNanos: lot.reservedNanos + amount }))

/** Reserved parts become free again. */
export const unreserve = (lots: Lots, parts: readonly LotPart[]): Lots =>
  changeLots(lots, parts, (lot, amount) => ({ reservedNanos: lot.reservedNanos - amount }))

export const draw = (lots: Lots, parts: readonly LotPart[]): Lots =>
  changeLots(lots, parts, (lot, amount) => ({ drawnNanos: lot.drawnNanos + amount }))

export const giveBack = (lots: Lots, parts: readonly LotPart[]): Lots =>
  changeLots(lots, parts, (lot, amount) => ({ drawnNanos: lot.drawnNanos - amount }))

export const repay = (lots: Lots, parts: readonly LotPart[]): Lots =>
  changeLots(lots, parts, (lot, amount) => ({ repaidNanos: lot.repaidNanos + amount }))

export const expire = (lots: Lots, part: LotPart): Lots =>
  changeLots(lots, [part], (lot, amount) => ({ expiredNanos: lot.expiredNanos + amount }))

export const part = (lotId: string, amount: bigint): LotPart => ({
  lotId,
  amountNanos: amount.toString(),
})

export const sumOf = (parts: readonly LotPart[]): bigint =>
  parts.reduce((sum, { amountNanos }) => sum + BigInt(amountNanos), 0n)

/** The first `amount` of the parts, and the rest. `amount` above their sum answers all of them. */
export function split(
  parts: readonly LotPart[],
  amount: bigint,
): { readonly first: readonly LotPart[]; readonly rest: readonly LotPart[] } {
  const first: LotPart[] = []
  const rest: LotPart[] = []
  let left = amount
  for (const { lotId, amountNanos } of parts) {
    const whole = BigInt(amountNanos)
    const taken = minNanos(left, whole)
    if (taken > 0n) first.push(part(lotId, taken))
    if (whole > taken) rest.push(part(lotId, whole - taken))
    left -= taken
  }
  return { first, rest }
}

/** Debt is paid from the first of what became free. An event says so only where there was any. */
export function payDebt(debt: bigint, freed: readonly LotPart[]): { repayments?: LotPart[] } {
  const { first } = split(freed, debt)
  return first.length ? { repayments: [...first] } : {}
}

/** What is free, lot by lot in order of draw. Nothing of a lot whose day has passed. */
export function freeParts(lots: Lots, at: string): LotPart[] {
  const parts: LotPart[] = []
  for (const lotId of lots.open) {
    const lot = lotOf(lots, lotId)
    if (!isDue(lot, at) && freeOf(lot) > 0n) parts.push(part(lotId, freeOf(lot)))
  }
  return parts
}

/** Parts of exactly this amount in order of draw; undefined where that much is not free. */
export function choose(lots: Lots, amount: bigint, at: string): readonly LotPart[] | undefined {
  const parts: LotPart[] = []
  let left = amount
  for (const lotId of lots.open) {
    if (left === 0n) break
    const lot = lotOf(lots, lotId)
    const taken = isDue(lot, at) ? 0n : minNanos(left, freeOf(lot))
    if (taken > 0n) parts.push(part(lotId, taken))
    left -= taken
  }
  return left === 0n ? parts : undefined
}

/** The open lots whose day has passed: the first ones, since what expires is drawn first. */
export function dueLots(lots: Lots, at: string): readonly Lot[] {
  const due: Lot[] = []
  for (const lotId of lots.open) {
    const lot = lotOf(lots, lotId)
    if (!isDue(lot, at)) break
    due.push(lot)
  }
  return due
}

export function freeAt(lots: Lots, at: string): bigint {
  return dueLots(lots, at).reduce((free, lot) => free - freeOf(lot), lots.freeNanos)
}
