/**
 * Corrections of a charge. A charge is a row of parts of lots in the order they were drawn; a
 * correction in the buyer's favour takes parts from its end and gives each back to its lot, one against
 * the buyer adds parts. So corrections can never give back more than was charged, however many come.
 */
import { Refusal } from '../refusal.ts'
import type { AdjustCharge } from './commands.ts'
import type { AccountEvent } from './events.ts'
import { choose, isDue, lotOf, type LotPart, part, payDebt, split, sumOf } from './lots.ts'
import { type Account, assert, insufficientCredit } from './state.ts'

/** Credit that cannot return to its lot, since that has expired, can be used so much longer. */
export const REFUND_LOT_DAYS = 30
const DAY_MS = 24 * 60 * 60_000

export function adjustCharge(command: AdjustCharge, account: Account): AccountEvent | undefined {
  const { adjustmentId, invocationId, amountNanos } = command
  if (amountNanos === 0n || account.facts.has(`adjustment:${adjustmentId}`)) return undefined
  const charged = account.adjusted.get(invocationId) ?? command.charged
  if (!charged) throw new Refusal('charge_not_found', { invocationId })
  return amountNanos > 0n ? inFavour(command, charged, account) : against(command, charged, account)
}

function inFavour(
  command: AdjustCharge,
  charged: readonly LotPart[],
  account: Account,
): AccountEvent {
  const largest = sumOf(charged)
  if (command.amountNanos > largest)
    throw new Refusal('adjustment_too_large', { largestNanos: largest.toString() })
  const { first: remaining, rest: back } = split(charged, largest - command.amountNanos)
  const expired = (one: LotPart) => isDue(lotOf(account.lots, one.lotId), command.at)
  const returned = back.filter((one) => !expired(one))
  const lost = sumOf(back.filter(expired))
  assert(!account.lots.byId.has(command.newLotId), 'a lot is made once')
  const newLot = lost > 0n && {
    ...part(command.newLotId, lost),
    expiresAt: new Date(Date.parse(command.at) + REFUND_LOT_DAYS * DAY_MS).toISOString(),
  }
  const freed = newLot ? [...returned, part(newLot.lotId, lost)] : returned
  return adjusted(command, {
    returned,
    ...(newLot && { newLot }),
    drawn: [],
    remaining: [...remaining],
    ...payDebt(account.debtNanos, freed),
  })
}

function against(
  command: AdjustCharge,
  charged: readonly LotPart[],
  account: Account,
): AccountEvent {
  const needed = -command.amountNanos
  const drawn = account.debtNanos === 0n ? choose(account.lots, needed, command.at) : undefined
  if (!drawn) throw insufficientCredit(account, needed, command.at)
  return adjusted(command, {
    returned: [],
    drawn: [...drawn],
    remaining: [...charged, ...drawn],
  })
}

type Adjusted = Extract<AccountEvent, { type: 'ChargeAdjusted' }>

function adjusted(
  { adjustmentId, invocationId, amountNanos, reason, of, at }: AdjustCharge,
  what: Omit<
    Adjusted['data'],
    'adjustmentId' | 'invocationId' | 'amountNanos' | 'reason' | 'of' | 'at'
  >,
): Adjusted {
  const fact = { adjustmentId, invocationId, amountNanos: amountNanos.toString(), reason, at }
  return { type: 'ChargeAdjusted', data: { ...fact, ...(of && { of }), ...what } }
}
