/**
 * An organization's billing account: the only writer of money. Credit comes in lots; a call first holds
 * the most that it can cost, in parts of named lots, then is charged at most that, or nothing.
 *
 * 10 USD granted, call held at 0.50: balance 10, held 0.50, available 9.50. It costs 0.02: charge 0.02,
 * balance 9.98, held 0, available 9.98. What a call costs above its hold is the seller's loss.
 *
 * Debt exists only where credit was taken back after it was spent, and never beside free credit:
 * whatever becomes free pays it first, in the same event. No hold passes while there is debt.
 */
import type { Decider } from '../decider.ts'
import { MAX_NANOS, maxNanos, minNanos } from '../money.ts'
import { Refusal } from '../refusal.ts'
import { adjustCharge } from './adjustment.ts'
import { bindingBudgets, endIn, holdIn, rememberTold, thresholdsReached } from './budgets.ts'
import type {
  AccountCommand,
  GrantCredit,
  PlaceHold,
  PostCredit,
  RevokeCredit,
  SettleHold,
} from './commands.ts'
import { endOf, rememberEnd } from './ended-holds.ts'
import type { AccountData, AccountEvent } from './events.ts'
import {
  addLot,
  changeLot,
  choose,
  draw,
  dueLots,
  expire,
  freeOf,
  freeParts,
  giveBack,
  lotOf,
  type LotPart,
  part,
  payDebt,
  repay,
  reserve,
  split,
  sumOf,
  unreserve,
} from './lots.ts'
import { snapshot } from './snapshot.ts'
import {
  type Account,
  assert,
  balanceOf,
  insufficientCredit,
  noAccount,
  nothingPosted,
  postedOf,
  withdrawnOf,
} from './state.ts'

/** A hold is refused when its request came longer ago than this. */
export const REQUEST_AGE_LIMIT_MS = 60_000

function grantCredit(command: GrantCredit, account: Account): AccountEvent | undefined {
  const { type: _type, amountNanos, ...fact } = command
  if (account.facts.has(`grant:${command.grantId}`)) return undefined
  assert(amountNanos > 0n, 'a grant gives something')
  assert(!account.lots.byId.has(command.lotId), 'a lot is granted once')
  const largest = MAX_NANOS - maxNanos(balanceOf(account), 0n)
  if (amountNanos > largest)
    throw new Refusal('adjustment_too_large', { largestNanos: largest.toString() })
  // Credit whose day has passed before it came could not be drawn, so it pays nothing either: the
  // account is the same whether it came before or after what made the debt.
  const late = command.expiresAt !== undefined && command.expiresAt <= command.at
  const freed = late ? [] : [part(command.lotId, amountNanos)]
  const repayments = payDebt(account.debtNanos, freed)
  const data = { ...fact, amountNanos: amountNanos.toString(), ...repayments }
  return { type: 'CreditGranted', data }
}

function revokeCredit(command: RevokeCredit, account: Account): AccountEvent | undefined {
  const { type: _type, amountNanos: wanted, ...fact } = command
  if (account.facts.has(`revocation:${command.revocationId}`)) return undefined
  const lot = account.lots.byId.get(command.lotId)
  if (!lot) throw new Refusal('lot_not_found', { lotId: command.lotId })
  const left = lot.grantedNanos - lot.askedBackNanos
  const asked = wanted ?? left
  if (asked > left) throw new Refusal('adjustment_too_large', { largestNanos: left.toString() })
  if (asked === 0n) return undefined
  assert(asked > 0n, 'a revocation takes something')
  const taken = minNanos(asked, freeOf(lot))
  // What has expired is gone already: the customer does not owe it again, whichever came first.
  const expiredBefore = minNanos(asked - taken, lot.expiredNanos - lot.expiredBeforeNanos)
  const debt = asked - taken - expiredBefore
  const others = freeParts(account.lots, command.at).filter(({ lotId }) => lotId !== lot.lotId)
  return {
    type: 'CreditRevoked',
    data: {
      ...fact,
      amountNanos: (taken + debt).toString(),
      takenNanos: taken.toString(),
      debtNanos: debt.toString(),
      expiredBeforeNanos: expiredBefore.toString(),
      ...payDebt(account.debtNanos + debt, others),
    },
  }
}

function postCredit(command: PostCredit, account: Account): readonly AccountEvent[] {
  const { paymentId: sourceId, targetNanos, postId } = command
  assert(targetNanos >= 0n, 'a payment stands for something or nothing')
  const fact = factOf(command)
  const more = targetNanos - postedOf(account, sourceId)
  if (more > 0n) return giveFor(command, account, more)
  const events: AccountEvent[] = []
  let current = account
  for (const { lotId, amountNanos } of partsToTake(account, sourceId, -more)) {
    const revocation = { revocationId: `${postId}/${lotId}`, lotId, amountNanos, ...fact }
    const event = revokeCredit({ type: 'RevokeCredit', ...revocation }, current)
    if (!event) continue
    events.push(event)
    current = evolve(current, event)
  }
  return events
}

const factOf = ({ reason, paymentId: sourceId, at }: PostCredit) =>
  ({ reason, source: 'provider', sourceId, at }) as const

/**
 * Further lots of a payment. Where its time has passed what was withdrawn comes back without an end:
 * into a lot that has lapsed it would be lost, and what it was spent on owed for ever.
 */
function giveFor(command: PostCredit, account: Account, more: bigint): readonly AccountEvent[] {
  const { paymentId, lotId, lastingLotId, kind, expiresAt, postId, at } = command
  const isOver = expiresAt !== undefined && expiresAt <= at
  const back = isOver ? minNanos(more, withdrawnOf(account, paymentId)) : 0n
  const lots = [
    { grantId: `${postId}/back`, lotId: lastingLotId, amountNanos: back },
    { grantId: postId, lotId, amountNanos: more - back, ...(expiresAt && { expiresAt }) },
  ]
  const events: AccountEvent[] = []
  let current = account
  for (const one of lots.filter(({ amountNanos }) => amountNanos > 0n)) {
    const event = grantCredit({ type: 'GrantCredit', kind, ...one, ...factOf(command) }, current)
    if (!event) continue
    events.push(event)
    current = evolve(current, event)
  }
  return events
}

/** So much of a payment's lots: first what is free, so that no debt is made while there is any. */
function partsToTake(account: Account, paymentId: string, nanos: bigint) {
  const { lotIds } = account.posted.get(paymentId) ?? { lotIds: [] }
  const lots = lotIds.toReversed().map((lotId) => lotOf(account.lots, lotId))
  let rest = nanos
  const take = (most: bigint): bigint => {
    const taken = minNanos(rest, most)
    rest -= taken
    return taken
  }
  const free = lots.map((lot) => take(freeOf(lot)))
  return lots
    .map((lot, index) => {
      const taken = free[index] ?? 0n
      const left = lot.grantedNanos - lot.askedBackNanos - taken
      return { lotId: lot.lotId, amountNanos: taken + take(left) }
    })
    .filter(({ amountNanos }) => amountNanos > 0n)
}

function placeHold(command: PlaceHold, account: Account): AccountEvent | undefined {
  const { type: _type, amountNanos, budgets: _asked, ...facts } = command
  const { invocationId, requestedAt, at } = command
  if (account.holds.has(invocationId) || endOf(account.ended, invocationId)) return undefined
  assert(amountNanos >= 0n, 'a hold is never negative')
  if (Date.parse(at) - Date.parse(requestedAt) > REQUEST_AGE_LIMIT_MS)
    throw new Refusal('request_too_old', { requestedAt, limitMs: REQUEST_AGE_LIMIT_MS })
  const parts = account.debtNanos === 0n ? choose(account.lots, amountNanos, at) : undefined
  if (!parts) throw insufficientCredit(account, amountNanos, at)
  const budgets = bindingBudgets(account.budgets, command)
  return {
    type: 'HoldPlaced',
    data: {
      ...facts,
      amountNanos: amountNanos.toString(),
      parts: [...parts],
      ...(budgets.length > 0 && { budgets }),
    },
  }
}

/** The open hold; undefined where it ended in this very way; a refusal where there is none. */
function openHold(account: Account, invocationId: string, end: 'settled' | 'released') {
  const hold = account.holds.get(invocationId)
  if (hold) return hold
  const ended = endOf(account.ended, invocationId)
  if (ended === end) return undefined
  throw new Refusal('hold_not_found', { invocationId, ...(ended && { ended }) })
}

function settleHold(command: SettleHold, account: Account): AccountEvent | undefined {
  const { type: _type, priceNanos, waivedNanos, costNanos, ...facts } = command
  const hold = openHold(account, command.invocationId, 'settled')
  if (!hold) return undefined
  assert(waivedNanos >= 0n && waivedNanos <= priceNanos, 'no more is waived than the price')
  assert(costNanos >= 0n, 'a cost is never negative')
  const due = priceNanos - waivedNanos
  const charge = minNanos(due, BigInt(hold.amountNanos))
  const { first: drawn, rest: returned } = split(hold.parts, charge)
  return {
    type: 'HoldSettled',
    data: {
      ...facts,
      holdNanos: hold.amountNanos,
      chargeNanos: charge.toString(),
      waivedNanos: waivedNanos.toString(),
      uncollectedNanos: (due - charge).toString(),
      costNanos: costNanos.toString(),
      balanceNanos: (balanceOf(account) - charge).toString(),
      drawn: [...drawn],
      priceListId: hold.priceListId,
      priceListVersion: hold.priceListVersion,
      ...(hold.practice && { practice: true }),
      ...payDebt(account.debtNanos, returned),
    },
  }
}

type OneEvent = Exclude<AccountCommand, { type: 'OpenAccount' | 'ExpireCredit' | 'PostCredit' }>

function decideOne(command: OneEvent, account: Account): AccountEvent | undefined {
  switch (command.type) {
    case 'GrantCredit':
      return grantCredit(command, account)
    case 'RevokeCredit':
      return revokeCredit(command, account)
    case 'PlaceHold':
      return placeHold(command, account)
    case 'SettleHold':
      return settleHold(command, account)
    case 'ReleaseHold': {
      const { invocationId, reason, at } = command
      const hold = openHold(account, invocationId, 'released')
      if (!hold) return undefined
      const repayments = payDebt(account.debtNanos, hold.parts)
      const { amountNanos: holdNanos } = hold
      const balanceNanos = balanceOf(account).toString()
      const data = { invocationId, holdNanos, balanceNanos, reason, ...repayments, at }
      return { type: 'HoldReleased', data }
    }
    case 'AdjustCharge':
      return adjustCharge(command, account)
  }
}

/** Every command that changes anything also writes down what has expired by then, before and after. */
function decide(command: AccountCommand, account: Account): readonly AccountEvent[] {
  if (command.type === 'OpenAccount') {
    const { orgId, at } = command
    return account.opened ? [] : [{ type: 'BillingAccountOpened', data: { orgId, at } }]
  }
  if (!account.opened) throw new Refusal('account_not_found')
  const before = expirations(account, command.at)
  if (command.type === 'ExpireCredit') return before
  const current = before.reduce(evolve, account)
  if (command.type === 'PostCredit') {
    const posted = postCredit(command, current)
    if (posted.length === 0) return []
    return [...before, ...posted, ...expirations(posted.reduce(evolve, current), command.at)]
  }
  const event = decideOne(command, current)
  if (!event) return []
  const after = evolve(current, event)
  return [...before, event, ...told(event, current, after), ...expirations(after, command.at)]
}

/** A charge may reach a threshold of the budgets that its hold was placed under. */
function told({ type, data }: AccountEvent, before: Account, after: Account) {
  const hold = type === 'HoldSettled' ? before.holds.get(data.invocationId) : undefined
  return hold ? thresholdsReached(after.budgets, hold, data.at) : []
}

function expirations(account: Account, at: string): readonly AccountEvent[] {
  return dueLots(account.lots, at)
    .filter((lot) => freeOf(lot) > 0n)
    .map((lot) => ({ type: 'CreditExpired', data: { ...part(lot.lotId, freeOf(lot)), at } }))
}

function evolve(account: Account, { type, data }: AccountEvent): Account {
  switch (type) {
    case 'BillingAccountOpened':
      return { ...account, opened: true }
    case 'CreditGranted': {
      const grantedNanos = BigInt(data.amountNanos)
      const { lotId, kind, expiresAt } = data
      const lots = addLot(account.lots, { lotId, kind, expiresAt, grantedNanos })
      const facts = account.facts.set(`grant:${data.grantId}`, true)
      const given = { nanos: grantedNanos, withdrawnNanos: -grantedNanos, lotId }
      const posted = post(account, data, given)
      return repaid({ ...account, lots, facts, posted }, data.repayments)
    }
    case 'CreditRevoked':
      return repaid(revoked(account, data), data.repayments)
    case 'CreditExpired':
      return { ...account, lots: expire(account.lots, data) }
    case 'HoldPlaced': {
      const lots = reserve(account.lots, data.parts)
      const budgets = holdIn(account.budgets, data, BigInt(data.amountNanos))
      return { ...account, lots, budgets, holds: account.holds.set(data.invocationId, data) }
    }
    case 'HoldSettled': {
      const ended = endHold(account, data, 'settled', BigInt(data.chargeNanos))
      return repaid({ ...ended, lots: draw(ended.lots, data.drawn) }, data.repayments)
    }
    case 'HoldReleased':
      return repaid(endHold(account, data, 'released', 0n), data.repayments)
    case 'BudgetThresholdReached':
      return { ...account, budgets: rememberTold(account.budgets, data) }
    case 'ChargeAdjusted':
      return repaid(adjusted(account, data), data.repayments)
  }
}

function revoked(account: Account, data: AccountData<'CreditRevoked'>): Account {
  const [taken, debt] = [BigInt(data.takenNanos), BigInt(data.debtNanos)]
  const expiredBefore = BigInt(data.expiredBeforeNanos)
  const lots = changeLot(account.lots, data.lotId, (lot) => ({
    revokedNanos: lot.revokedNanos + taken,
    askedBackNanos: lot.askedBackNanos + taken + debt + expiredBefore,
    expiredBeforeNanos: lot.expiredBeforeNanos + expiredBefore,
  }))
  const facts = account.facts.set(`revocation:${data.revocationId}`, true)
  const by = { nanos: -(taken + debt + expiredBefore), withdrawnNanos: taken + debt }
  const posted = post(account, data, by)
  return { ...account, lots, facts, posted, debtNanos: account.debtNanos + debt }
}

/** What the account has for a payment; other credit is of no payment. */
function post(
  { posted }: Account,
  { source, sourceId }: Pick<AccountData<'CreditGranted'>, 'source' | 'sourceId'>,
  by: { readonly nanos: bigint; readonly withdrawnNanos: bigint; readonly lotId?: string },
): Account['posted'] {
  if (source !== 'provider' || sourceId === undefined) return posted
  const before = posted.get(sourceId) ?? nothingPosted
  return posted.set(sourceId, {
    nanos: before.nanos + by.nanos,
    withdrawnNanos: maxNanos(before.withdrawnNanos + by.withdrawnNanos, 0n),
    lotIds: by.lotId === undefined ? before.lotIds : [...before.lotIds, by.lotId],
  })
}

function endHold(
  account: Account,
  { invocationId, at }: { readonly invocationId: string; readonly at: string },
  end: 'settled' | 'released',
  chargedNanos: bigint,
): Account {
  const hold = account.holds.get(invocationId)
  assert(hold !== undefined, `hold of ${invocationId} ends once`)
  return {
    ...account,
    lots: unreserve(account.lots, hold.parts),
    holds: account.holds.delete(invocationId),
    ended: rememberEnd(account.ended, invocationId, end, at),
    budgets: endIn(account.budgets, hold, chargedNanos),
  }
}

function adjusted(account: Account, data: AccountData<'ChargeAdjusted'>): Account {
  const { newLot, invocationId, adjustmentId, remaining } = data
  const moved = giveBack(draw(account.lots, data.drawn), data.returned)
  const lots = newLot
    ? addLot(moved, { ...newLot, kind: 'adjustment', grantedNanos: BigInt(newLot.amountNanos) })
    : moved
  return {
    ...account,
    lots,
    facts: account.facts.set(`adjustment:${adjustmentId}`, true),
    adjusted: account.adjusted.set(invocationId, remaining),
  }
}

function repaid(account: Account, repayments: readonly LotPart[] = []): Account {
  if (repayments.length === 0) return account
  return {
    ...account,
    lots: repay(account.lots, repayments),
    debtNanos: account.debtNanos - sumOf(repayments),
  }
}

export const account: Decider<Account, AccountCommand, AccountEvent> = {
  category: 'account',
  initial: () => noAccount,
  decide,
  evolve,
  snapshot,
}
